package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
)

// looks is how many objects are looked at at once.
const looks = 32

// Unchanged is ErrChanged when an object of an input is not what it was when it
// was listed, or is gone. It reads no data: objects of stores are told by their
// version, files by their size.
func Unchanged(ctx context.Context, open Opener, shards job.Shards) error {
	f := folders{open: open, seen: map[string]opened{}}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(looks)
	for i, s := range shards {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := f.unchanged(ctx, s); err != nil {
				return fmt.Errorf("shard %d: %w", i, err)
			}
			return nil
		})
	}
	return errors.Join(g.Wait(), f.close())
}

// folders opens folders once each.
type folders struct {
	open Opener
	mu   sync.Mutex
	seen map[string]opened
}

type opened struct {
	*Bucket
	prefix string
}

func (f *folders) folder(ctx context.Context, uri string) (opened, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.seen[uri]; ok {
		return b, nil
	}
	b, prefix, err := f.open(ctx, uri)
	if err != nil {
		return opened{}, err
	}
	f.seen[uri] = opened{b, prefix}
	return f.seen[uri], nil
}

func (f *folders) close() error {
	var errs []error
	for _, b := range f.seen {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}

func (f *folders) unchanged(ctx context.Context, s job.Shard) error {
	dir, name := Split(s.URI)
	b, err := f.folder(ctx, dir)
	if err != nil {
		return err
	}
	now, err := b.Stat(ctx, b.prefix+name)
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
