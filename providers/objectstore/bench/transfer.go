package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/providers/objectstore"
)

// What the program does for itself, begun as the others are.
const (
	transferVerb = "transfer" // copies all objects from one URI to another
	removeVerb   = "remove"   // removes all objects below a URI
)

// atOnce is how many objects travel at a time.
const atOnce = 64

func transfer(ctx context.Context, from, to string) (err error) {
	open := objectstore.New(objectstore.Options{})
	defer func() { err = errors.Join(err, open.Close()) }()
	src, prefix, err := open.Open(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	dst, below, err := open.Open(ctx, to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	dir, local := dst.Dir()
	if local {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for o, err := range src.Objects(ctx, prefix) {
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		g.Go(func() error {
			in, err := src.Stream(ctx, o)
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			name := o.Key[len(prefix):]
			if local {
				return save(filepath.Join(dir, name), in)
			}
			return dst.Write(ctx, below+name, in, storage.WriteOptions{Size: o.Size})
		})
	}
	return g.Wait()
}

// save writes a file as the others do: not synced to disk, as a ledger's would be.
func save(path string, in io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}

func remove(ctx context.Context, uri string) (err error) {
	open := objectstore.New(objectstore.Options{})
	defer func() { err = errors.Join(err, open.Close()) }()
	b, prefix, err := open.Open(ctx, uri)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var keys []string
	for o, err := range b.Objects(ctx, prefix) {
		if err != nil {
			return err
		}
		keys = append(keys, o.Key)
	}
	return b.Remove(ctx, keys...)
}
