package storage

import (
	"bytes"
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

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// ErrNotFound says that there is no such object. Match it with errors.Is.
var ErrNotFound = errors.New("no such object")

// Bucket is a place that keeps objects under keys. It is safe for concurrent
// use. Keys are made of elements of at most 255 bytes between slashes, none of
// them empty, "." or "..".
type Bucket struct {
	*blob.Bucket
	name string // for messages
	dir  string // of a local folder; else empty
}

// Object is an entry of a listing.
type Object struct {
	Key     string
	Size    int64
	ModTime time.Time
}

// New makes a Bucket of an object store's. name stands in messages.
func New(b *blob.Bucket, name string) *Bucket { return &Bucket{Bucket: b, name: name} }

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
			body, err = os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(key)))
		}
	} else {
		body, err = b.ReadAll(ctx, key)
	}
	if err != nil {
		return nil, b.wrap("reading", key, err)
	}
	return body, nil
}

// Remove deletes objects. Those that are absent are passed over.
func (b *Bucket) Remove(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		err := checkKey(key)
		switch {
		case err != nil:
		case b.dir == "":
			err = b.Delete(ctx, key)
		default: // fileblob would remove KEY.attrs as well
			if err = ctx.Err(); err == nil {
				err = os.Remove(filepath.Join(b.dir, filepath.FromSlash(key)))
			}
		}
		if err = b.wrap("removing", key, err); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
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
	info, err := os.Stat(filepath.Join(b.dir, filepath.FromSlash(key)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, b.wrap("looking for", key, err)
	}
	return info.Mode().IsRegular(), nil
}

// Create makes an object where there is none, atomically between processes and
// machines, durably before it returns. It is false when another stands there.
// body must be the caller's alone (carry a nonce): when the answer is lost,
// the object is read back and compared.
func (b *Bucket) Create(ctx context.Context, key string, body []byte) (created bool, err error) {
	if err := checkKey(key); err != nil {
		return false, b.wrap("creating", key, err)
	}
	if b.dir != "" {
		err = unswept(func() (err error) {
			created, err = createFile(b.dir, key, body)
			return err
		}, "")
		return created, b.wrap("creating", key, err)
	}
	err = b.Upload(ctx, key, bytes.NewReader(body), &blob.WriterOptions{
		ContentType: "application/octet-stream", // Upload needs one; the others guess it
		IfNotExist:  true,
	})
	if err == nil {
		return true, nil
	}
	found, rerr := b.ReadAll(ctx, key)
	if rerr == nil {
		return bytes.Equal(found, body), nil
	}
	// Not "taken", even where the store says that a precondition failed: a closed
	// bucket says so as well, and nobody else's object was seen.
	return false, b.wrap("creating", key, err)
}

// Replace writes an object at one stroke: readers see the old one or the new
// one. It is durable before it returns.
func (b *Bucket) Replace(ctx context.Context, key string, body []byte) error {
	if err := checkKey(key); err != nil {
		return b.wrap("writing", key, err)
	}
	if b.dir != "" {
		return b.wrap("writing", key, unswept(func() error { return replaceFile(b.dir, key, bytes.NewReader(body)) }, ""))
	}
	return b.wrap("writing", key, b.Upload(ctx, key, bytes.NewReader(body), &blob.WriterOptions{ContentType: "application/octet-stream"}))
}

// Objects lists all objects under a prefix by the bytes of their keys. Local
// folders hide what is being written.
func (b *Bucket) Objects(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	if b.dir != "" {
		return walk(ctx, b.dir, prefix)
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
			if !yield(Object{Key: o.Key, Size: o.Size, ModTime: o.ModTime}, nil) {
				return
			}
		}
	}
}

// Copy brings an object of another bucket here, replacing what is there. Within
// a local file system the bytes are shared, not copied.
func (b *Bucket) Copy(ctx context.Context, key string, from *Bucket, source string) error {
	if err := checkKey(key); err != nil {
		return b.wrap("writing", key, err)
	}
	if b.dir != "" && from.dir != "" {
		return b.wrap("copying", source, linkFile(b.dir, key, filepath.Join(from.dir, filepath.FromSlash(source))))
	}
	r, err := from.NewReader(ctx, source, nil)
	if err != nil {
		return from.wrap("reading", source, err)
	}
	defer func() { _ = r.Close() }()
	if b.dir != "" {
		return b.wrap("writing", key, replaceFile(b.dir, key, r))
	}
	return b.wrap("writing", key, b.Upload(ctx, key, r, &blob.WriterOptions{ContentType: "application/octet-stream"}))
}

// URI names an object of this bucket.
func (b *Bucket) URI(key string) string {
	if b.dir != "" {
		return FileURI(filepath.Join(b.dir, filepath.FromSlash(key)))
	}
	return strings.TrimSuffix(b.name, "/") + "/" + key
}

// checkKey refuses keys that a folder cannot hold or that lead out of it.
func checkKey(key string) error {
	if !fs.ValidPath(key) || key == "." {
		return errors.New("not a key: elements between slashes must not be empty, \".\" or \"..\"")
	}
	return nil
}

func (b *Bucket) wrap(doing, key string, err error) error {
	switch {
	case err == nil:
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound, errors.Is(err, errNoFile):
		return fmt.Errorf("%s %s: %w", doing, b.URI(key), ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", doing, b.URI(key), err)
}

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
