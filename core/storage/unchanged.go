package storage

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
)

// looks is how many objects are looked at at once.
const looks = 32

// Unchanged is ErrChanged when an object of an input is not what it was when it
// was listed, or is gone. It reads no data: objects of stores are told by their
// version, files by their size.
func Unchanged(ctx context.Context, open Opener, shards job.Shards) error {
	f := NewFolders(open)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(looks)
	for i, s := range shards {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := unchanged(ctx, f, s); err != nil {
				return fmt.Errorf("shard %d: %w", i, err)
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), f.Close())
}

// unchanged looks at one object.
func unchanged(ctx context.Context, f *Folders, s job.Shard) error {
	b, key, err := f.Object(ctx, s.URI)
	if err != nil {
		return err
	}
	now, err := b.Stat(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%s: %w", s.URI, &Fault{Kind: ErrChanged, Hint: "it was removed meanwhile", Cause: err})
	case err != nil:
		return err
	case s.Version != "" && now.Version != s.Version:
		return fmt.Errorf("%s: %w", s.URI, &Fault{Kind: ErrChanged, Hint: fmt.Sprintf("it was %s when the run began and is %s now", s.Version, now.Version)})
	case now.Size != s.Size:
		return fmt.Errorf("%s: %w", s.URI, &Fault{Kind: ErrChanged, Hint: fmt.Sprintf("it had %d bytes when the run began and has %d now", s.Size, now.Size)})
	}
	return nil
}
