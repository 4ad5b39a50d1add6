package provider

import "iter"

// Pieces are the Results of a backend that knows all its pieces before it yields the
// first: what found finds, or its error.
func Pieces(found func() ([]Piece, error)) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		pieces, err := found()
		if err != nil {
			yield(Piece{}, err)
			return
		}
		for _, p := range pieces {
			if !yield(p, nil) {
				return
			}
		}
	}
}
