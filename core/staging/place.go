package staging

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Options are what watching and testing need. The zero value is fine.
type Options struct {
	// Parallel bounds how many objects are worked on at a time; 0: 4.
	Parallel int
	// Progress is told how many bytes of all were read, by one goroutine at a time.
	Progress func(done, all int64)
	// Step is called before and after every object that is written, with the step's
	// name, by one goroutine at a time. Crash tests end the process in it.
	Step func(point string)
}

func (o Options) parallel() int {
	if o.Parallel > 0 {
		return o.Parallel
	}
	return 4
}

// place is a prefix of a bucket that is written to.
type place struct {
	*storage.Bucket
	prefix string
	o      Options
	all    int64

	mu   sync.Mutex
	done int64
}

// with opens the staging place for one call.
func with(ctx context.Context, open storage.Opener, staging, folder string, o Options, all int64, f func(*place) error) error {
	b, prefix, err := open(ctx, staging)
	if err != nil {
		return err
	}
	return errors.Join(f(&place{Bucket: b, prefix: prefix + folder, o: o, all: all}), b.Close())
}

// folderURI names a folder of a bucket; its path ends in a slash.
func folderURI(b *storage.Bucket, prefix string) string {
	if _, local := b.Dir(); local {
		return b.URI(prefix) + "/"
	}
	return b.URI(prefix)
}

// report adds to what was read.
func (p *place) report(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.o.Progress != nil {
		p.o.Progress(p.done, p.all)
	}
}

func (p *place) step(point string) {
	if p.o.Step != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.o.Step(point)
	}
}

// sizes lists the objects below a folder by their names there.
func (p *place) sizes(ctx context.Context, folder string) (map[string]int64, error) {
	out := map[string]int64{}
	for o, err := range p.Objects(ctx, p.prefix+folder) {
		if err != nil {
			return nil, err
		}
		out[o.Key[len(p.prefix)+len(folder):]] = o.Size
	}
	return out, nil
}

// document replaces a small object by v as canonical JSON.
func (p *place) document(ctx context.Context, name string, v any) error {
	body, err := provider.Canonical(v)
	if err != nil {
		return err
	}
	p.step("before " + name)
	err = p.Replace(ctx, p.prefix+name, body)
	p.step("after " + name)
	return err
}

// write puts what r reads under a name at one stroke. size is how much that is.
func (p *place) write(ctx context.Context, name string, r io.Reader, size int64) error {
	p.step("before " + name)
	err := p.Write(ctx, p.prefix+name, r, storage.WriteOptions{Size: size})
	p.step("after " + name)
	return err
}
