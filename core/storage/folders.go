package storage

import (
	"context"
	"errors"
	"sync"
)

// Folder is a folder of a bucket.
type Folder struct {
	*Bucket
	Prefix string // empty, or ends in a slash
}

// Key is the key of an object of the folder.
func (f Folder) Key(name string) string { return f.Prefix + name }

// Folders opens folders once each and closes them together. It is safe for
// concurrent use.
type Folders struct {
	open Opener
	mu   sync.Mutex
	seen map[string]Folder
}

// NewFolders makes one. The caller closes it.
func NewFolders(open Opener) *Folders { return &Folders{open: open, seen: map[string]Folder{}} }

// Folder opens the folder of a URI.
func (f *Folders) Folder(ctx context.Context, uri string) (Folder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.seen[uri]; ok {
		return b, nil
	}
	b, prefix, err := f.open(ctx, uri)
	if err != nil {
		return Folder{}, err
	}
	f.seen[uri] = Folder{b, prefix}
	return f.seen[uri], nil
}

// Object opens the folder of an object and gives the object's key in its bucket.
func (f *Folders) Object(ctx context.Context, uri string) (*Bucket, string, error) {
	folder, name := Split(uri)
	b, err := f.Folder(ctx, folder)
	if err != nil {
		return nil, "", err
	}
	return b.Bucket, b.Key(name), nil
}

// Close closes what was opened. It may be used again.
func (f *Folders) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	for _, b := range f.seen {
		errs = append(errs, b.Close())
	}
	clear(f.seen)
	return errors.Join(errs...)
}
