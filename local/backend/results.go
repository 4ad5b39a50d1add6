package backend

import (
	"context"
	"iter"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/engine"
)

// Results yields the shards that the workers have finished, each in the form it
// is published in.
func (b *Backend) Results(ctx context.Context, _ provider.Spec, natives []provider.Native) iter.Seq2[provider.Piece, error] {
	return func(yield func(provider.Piece, error) bool) {
		for _, n := range natives {
			pieces, err := b.finished(ctx, n)
			if err != nil {
				yield(provider.Piece{}, err)
				return
			}
			for _, p := range pieces {
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

func (b *Backend) finished(ctx context.Context, n provider.Native) ([]provider.Piece, error) {
	if err := b.usable(ctx); err != nil {
		return nil, err
	}
	if _, err := phaseOf(n); err != nil {
		return nil, err
	}
	pieces, err := engine.Finished(filepath.Join(n.ID, resultsFolder))
	return pieces, classed("reading results of "+n.Name, err)
}
