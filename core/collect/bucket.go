package collect

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/crossbatch/crossbatch/core/storage"
)

// place is a folder of a bucket.
type place struct {
	*storage.Bucket
	prefix string
}

// key is the key of an object of the folder.
func (p place) key(name string) string { return p.prefix + name }

// removeEmpty removes a local folder that holds nothing. A link to a folder is
// the user's: removing it would succeed whatever the folder holds.
func (p place) removeEmpty() {
	dir, ok := p.Dir()
	if !ok {
		return
	}
	dir = filepath.Join(dir, filepath.FromSlash(p.prefix))
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		_ = os.Remove(dir) // fails where there is something
	}
}

// with opens a folder for one call.
func with(ctx context.Context, open storage.Opener, uri string, f func(place) error) error {
	b, prefix, err := open(ctx, uri)
	if err != nil {
		return err
	}
	return errors.Join(f(place{b, prefix}), b.Close())
}

// places opens folders once each. It is safe for concurrent use.
type places struct {
	open storage.Opener
	mu   sync.Mutex
	seen map[string]place
}

func (p *places) folder(ctx context.Context, uri string) (place, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.seen[uri]; ok {
		return b, nil
	}
	b, prefix, err := p.open(ctx, uri)
	if err != nil {
		return place{}, err
	}
	if p.seen == nil {
		p.seen = map[string]place{}
	}
	p.seen[uri] = place{b, prefix}
	return p.seen[uri], nil
}

// object opens the folder of an object and gives the object's key.
func (p *places) object(ctx context.Context, uri string) (place, string, error) {
	folder, name := storage.Split(uri)
	b, err := p.folder(ctx, folder)
	return b, b.key(name), err
}

func (p *places) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, b := range p.seen {
		errs = append(errs, b.Close())
	}
	p.seen = nil
	return errors.Join(errs...)
}

// plain says whether a name stays in its folder. Names come from files that
// anybody may have written.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, `/\`)
}
