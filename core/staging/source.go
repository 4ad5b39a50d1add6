package staging

import (
	"context"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/storage"
)

// sources opens the objects of an input. It is safe for concurrent use.
type sources struct {
	*storage.Folders
	report func(n int64)
}

// source is one object as it is read, of the version that was listed. What is read
// of it from its start on is digested.
type source struct {
	uri    string
	known  string // digest; empty: it is not known
	b      *storage.Bucket
	is     storage.Object
	object *storage.ObjectReader
	raw    io.ReadCloser // nil: reading has not begun
	sum    *digest.Hash
	report func(n int64)
	ctx    context.Context // of the call that reads
}

// object opens an object: storage.ErrChanged when it is not what was listed.
func (s *sources) object(ctx context.Context, shard job.Shard) (*source, error) {
	src := &source{uri: shard.URI, sum: digest.New(), report: s.report, ctx: ctx}
	if digest.Valid(shard.Digest) {
		src.known = shard.Digest
	}
	b, key, err := s.Object(ctx, shard.URI)
	if err != nil {
		return nil, err
	}
	src.b = b
	if src.is, err = b.Stat(ctx, key); err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	switch {
	case src.is.Size != shard.Size:
		return nil, changed(shard.URI, fmt.Sprintf("it has %d bytes, %d were listed", src.is.Size, shard.Size))
	case shard.Version != "" && src.is.Version != shard.Version:
		return nil, changed(shard.URI, fmt.Sprintf("it is %s, %s was listed", src.is.Version, shard.Version))
	}
	if src.object, err = b.OpenVersion(ctx, src.is); err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	return src, nil
}

// changed is storage.ErrChanged for an object of the input.
func changed(uri, hint string) error {
	return fmt.Errorf("reading input: %s: %w", uri, &storage.Fault{Kind: storage.ErrChanged, Hint: hint})
}

func reading(uri string, err error) error { return fmt.Errorf("reading input: %s: %w", uri, err) }

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	if s.raw == nil {
		s.raw = s.object.NewReader(s.ctx, 0, -1)
	}
	n, err := s.raw.Read(p)
	_, _ = s.sum.Write(p[:n])
	s.report(int64(n))
	return n, err
}

// finish reads what is left and gives the digest of the whole object:
// storage.ErrChanged when that is not what was listed.
func (s *source) finish() (string, error) {
	if _, err := io.Copy(io.Discard, s); err != nil {
		return "", reading(s.uri, err)
	}
	sum := s.sum.String()
	if s.known != "" && sum != s.known {
		return "", changed(s.uri, "it has another digest than was listed")
	}
	return sum, s.same()
}

// same is storage.ErrChanged when the object was replaced while it was read.
func (s *source) same() error {
	now, err := s.b.Stat(s.ctx, s.is.Key)
	if err != nil {
		return fmt.Errorf("reading input: %w", err)
	}
	if now.Version != s.is.Version || now.Size != s.is.Size {
		return changed(s.uri, "it was replaced while it was read")
	}
	return nil
}

func (s *source) close() {
	if s.raw != nil {
		_ = s.raw.Close()
	}
	_ = s.object.Close()
}
