package provider_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestPieces(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		found []provider.Piece
		err   error
		upTo  int
		want  []int
	}{
		"none":   {nil, nil, 9, nil},
		"all":    {[]provider.Piece{{Shard: 2}, {Shard: 0}}, nil, 9, []int{2, 0}},
		"enough": {[]provider.Piece{{Shard: 2}, {Shard: 0}}, nil, 1, []int{2}},
		"broken": {[]provider.Piece{{Shard: 2}}, broken, 9, nil},
	} {
		var got []int
		for p, err := range provider.Pieces(func() ([]provider.Piece, error) { return c.found, c.err }) {
			if !errors.Is(err, c.err) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil {
				got = append(got, p.Shard)
			}
			if len(got) == c.upTo {
				break
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}
