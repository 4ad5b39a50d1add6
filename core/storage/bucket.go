package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"
	"golang.org/x/sync/errgroup"
)

// Bucket is a place that keeps objects under keys. It is safe for concurrent
// use. A key is UTF-8 of 1 to 1024 bytes. In a local folder it is made of elements
// of at most 255 bytes between slashes, none of them empty, "." or "..".
type Bucket struct {
	*blob.Bucket
	name    string // its URI
	dir     string // of a local folder; else empty
	service Service
	clock   clockwork.Clock
	same    string
}

// Object is an entry of a listing.
type Object struct {
	Key     string
	Size    int64
	ModTime time.Time
	Version string // told apart from others of this object; see Service.Version
}

// Opener opens the bucket of a URI and says under which prefix of it the URI
// lies: empty, or ending in a slash. The caller closes the bucket.
type Opener func(ctx context.Context, uri string) (*Bucket, string, error)

// Dir is the folder of a local bucket; false for any other.
func (b *Bucket) Dir() (string, bool) { return b.dir, b.dir != "" }

// Read reads a whole object: ErrNotFound when there is none.
func (b *Bucket) Read(ctx context.Context, key string) ([]byte, error) {
	var body []byte
	var err error
	if b.dir != "" { // fileblob would look for some names under an escaped form
		if err = ctx.Err(); err == nil {
			body, err = os.ReadFile(joinKey(b.dir, key))
		}
	} else {
		body, err = b.readAll(ctx, key)
	}
	if err != nil {
		return nil, b.wrap("reading", key, err)
	}
	return body, nil
}

// readAll reads an object of a store, again from the start when its connection
// breaks: it is for small ones.
func (b *Bucket) readAll(ctx context.Context, key string) ([]byte, error) {
	for n := 1; ; n++ {
		r, err := b.NewReader(ctx, key, &blob.ReaderOptions{BeforeRead: b.service.Reading("")})
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(r)
		_ = r.Close()
		if err == nil && int64(len(body)) < r.Size() {
			err = io.ErrUnexpectedEOF
		}
		if err == nil || ctx.Err() != nil || n == tries {
			return body, err
		}
		if err := b.pause(ctx, n); err != nil {
			return nil, err
		}
	}
}

// removals is how many objects of a store are removed at once.
const removals = 16

// Remove deletes objects. Those that are absent are passed over. One that cannot
// be removed may leave others.
func (b *Bucket) Remove(ctx context.Context, keys ...string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(removals)
	if b.dir != "" {
		g.SetLimit(1)
	}
	for _, key := range keys {
		g.Go(func() error {
			if err := b.remove(ctx, key); !errors.Is(err, ErrNotFound) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

func (b *Bucket) remove(ctx context.Context, key string) error {
	err := b.checkKey(key)
	switch {
	case err != nil:
	case b.dir == "":
		err = b.Delete(ctx, key)
	default: // fileblob would remove KEY.attrs as well
		if err = ctx.Err(); err == nil {
			err = os.Remove(joinKey(b.dir, key))
		}
	}
	return b.wrap("removing", key, err)
}

// Exists says whether there is such an object.
func (b *Bucket) Exists(ctx context.Context, key string) (bool, error) {
	if b.dir == "" {
		there, err := b.Bucket.Exists(ctx, key)
		return there, b.wrap("looking for", key, err)
	}
	if err := ctx.Err(); err != nil {
		return false, b.wrap("looking for", key, err)
	}
	info, err := os.Stat(joinKey(b.dir, key))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, b.wrap("looking for", key, err)
	}
	return info.Mode().IsRegular(), nil
}

// Objects lists all objects under a prefix, page by page, by the bytes of their
// keys as the store has them: a driver writes some characters otherwise (Azure
// Blob's " # % ? and \), and these stand where that spelling belongs. Local
// folders hide what is being written.
func (b *Bucket) Objects(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	if b.dir != "" {
		return walk(ctx, b.dir, prefix, true)
	}
	return func(yield func(Object, error) bool) {
		list := b.List(&blob.ListOptions{Prefix: prefix})
		for {
			o, err := list.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Object{}, b.wrap("listing", prefix, err))
				return
			}
			if !yield(Object{Key: o.Key, Size: o.Size, ModTime: o.ModTime, Version: b.version(o.As, o.Size, o.ModTime)}, nil) {
				return
			}
		}
	}
}

// Keys lists objects as Objects does, for their keys: of a folder the names alone are
// read, and sizes and times are zero. Stores bring them anyway.
func (b *Bucket) Keys(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	if b.dir != "" {
		return walk(ctx, b.dir, prefix, false)
	}
	return b.Objects(ctx, prefix)
}

// URI names an object of this bucket; see type URI.
func (b *Bucket) URI(key string) string {
	if b.dir != "" {
		return FileURI(joinKey(b.dir, key))
	}
	return Join(b.name, key)
}

// maxKey is what all stores take: 1024 bytes.
const maxKey = 1024

// checkKey refuses keys that a store does not take, that a folder cannot hold or
// that lead out of it.
func (b *Bucket) checkKey(key string) error {
	switch {
	case b.dir != "" && (!fs.ValidPath(key) || key == "."):
		return errors.New("not a key: elements between slashes must not be empty, \".\" or \"..\"")
	case key == "" || len(key) > maxKey || !utf8.ValidString(key):
		return fmt.Errorf("not a key: it must be UTF-8 of 1 to %d bytes", maxKey)
	}
	return nil
}

func joinKey(dir, key string) string { return filepath.Join(dir, filepath.FromSlash(key)) }

// FileURI is the file:// form of an absolute path.
func FileURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/x
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// LocalPath is the path that a URI or a plain path leads to on this machine;
// false for URIs of object stores.
func LocalPath(uri string) (string, bool) {
	if !strings.Contains(uri, "://") {
		return uri, true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Host != "" {
		return "", false
	}
	p := u.Path
	if runtime.GOOS == "windows" {
		p = strings.TrimPrefix(p, "/")
	}
	return filepath.FromSlash(p), true
}
