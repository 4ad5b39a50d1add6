package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

// ErrChanged says that a source is not what was listed, or not what an earlier
// process staged of it.
var ErrChanged = errors.New("the input changed since it was listed")

// sources opens the objects of an input. It is safe for concurrent use.
type sources struct {
	open   storage.Opener
	report func(n int64)

	mu   sync.Mutex
	seen map[string]bucket
}

type bucket struct {
	*storage.Bucket
	prefix string
}

func (s *sources) folder(ctx context.Context, uri string) (bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.seen[uri]; ok {
		return b, nil
	}
	b, prefix, err := s.open(ctx, uri)
	if err != nil {
		return bucket{}, err
	}
	if s.seen == nil {
		s.seen = map[string]bucket{}
	}
	s.seen[uri] = bucket{b, prefix}
	return s.seen[uri], nil
}

func (s *sources) close() error {
	var errs []error
	for _, b := range s.seen {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}

// stamp is what a store says of an object without its data.
type stamp struct {
	size    int64
	changed time.Time
	etag    string
}

// source is one object as it is read. What was read of it is digested.
type source struct {
	uri    string
	size   int64
	known  string // digest; empty: it is not known
	raw    io.ReadCloser
	stat   func(context.Context) (stamp, error)
	before stamp
	sum    *digest.Hash
	read   int64
	report func(n int64)
	ctx    context.Context // of the call that reads
}

// object opens an object from its start.
func (s *sources) object(ctx context.Context, shard job.Shard) (src *source, err error) {
	src = &source{uri: shard.URI, size: shard.Size, sum: digest.New(), report: s.report, ctx: ctx}
	if digest.Valid(shard.Digest) {
		src.known = shard.Digest
	}
	if path, ok := storage.LocalPath(shard.URI); ok {
		f, err := os.Open(path)
		if err != nil {
			return nil, reading(shard.URI, err)
		}
		src.raw = f
		src.stat = func(context.Context) (stamp, error) {
			info, err := os.Stat(path)
			if err != nil {
				return stamp{}, err
			}
			return stamp{size: info.Size(), changed: info.ModTime()}, nil
		}
	} else {
		i := strings.LastIndexByte(shard.URI, '/') + 1
		b, err := s.folder(ctx, shard.URI[:i])
		if err != nil {
			return nil, err
		}
		key := b.prefix + shard.URI[i:]
		src.stat = func(ctx context.Context) (stamp, error) {
			a, err := b.Attributes(ctx, key)
			if err != nil {
				return stamp{}, err
			}
			return stamp{size: a.Size, changed: a.ModTime, etag: a.ETag}, nil
		}
		if src.raw, err = b.NewReader(ctx, key, nil); err != nil {
			return nil, reading(shard.URI, err)
		}
	}
	if src.before, err = src.stat(ctx); err != nil {
		_ = src.raw.Close()
		return nil, reading(shard.URI, err)
	}
	if src.before.size != shard.Size {
		_ = src.raw.Close()
		return nil, fmt.Errorf("%w: %s has %d bytes, %d were listed", ErrChanged, shard.URI, src.before.size, shard.Size)
	}
	return src, nil
}

func reading(uri string, err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound || errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading input: %s: %w", uri, storage.ErrNotFound)
	}
	return fmt.Errorf("reading input: %s: %w", uri, err)
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.raw.Read(p)
	_, _ = s.sum.Write(p[:n])
	s.read += int64(n)
	s.report(int64(n))
	return n, err
}

// finish reads what is left and gives the digest of the whole object: ErrChanged
// when that is not what was listed.
func (s *source) finish() (string, error) {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return "", reading(s.uri, err)
	}
	sum := s.sum.String()
	switch {
	case s.read != s.size:
		return "", fmt.Errorf("%w: %s gave %d bytes, %d were listed", ErrChanged, s.uri, s.read, s.size)
	case s.known != "" && sum != s.known:
		return "", fmt.Errorf("%w: %s has another digest", ErrChanged, s.uri)
	}
	return sum, s.same()
}

// same is ErrChanged when the object was replaced while it was read.
func (s *source) same() error {
	after, err := s.stat(s.ctx)
	if err != nil {
		return reading(s.uri, err)
	}
	if after.size != s.before.size || after.etag != s.before.etag || !after.changed.Equal(s.before.changed) {
		return fmt.Errorf("%w: %s was replaced while it was read", ErrChanged, s.uri)
	}
	return nil
}

func (s *source) close() { _ = s.raw.Close() }

// seekable reads the object to its end and gives it as a file of this machine, for
// readers that go to and fro in it. done frees what that took.
func (s *source) seekable() (f io.ReaderAt, done func(), err error) {
	if local, ok := s.raw.(*os.File); ok {
		if _, err := io.Copy(io.Discard, s); err != nil {
			return nil, nil, err
		}
		return local, func() {}, nil
	}
	spilled, err := os.CreateTemp("", "crossbatch-*")
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		_ = spilled.Close()
		_ = os.Remove(spilled.Name())
	}
	if _, err := io.Copy(spilled, s); err != nil {
		done()
		return nil, nil, err
	}
	return spilled, done, nil
}
