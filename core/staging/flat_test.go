package staging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// endless is a bucket that holds objects too large to be kept: what is read of one
// is made as it is read, and what is written to one is counted.
type endless struct {
	driver.Bucket
	size   int64 // of its one object to read
	read   atomic.Int64
	writes atomic.Int64 // bytes
	ahead  atomic.Int64 // the most that was read and not yet written
}

const endlessLine = "{\"id\":123456,\"x\":[0.25,0.5,0.75],\"s\":\"some text that takes room\"}\n"

func (*endless) Close() error { return nil }
func (*endless) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, errAbsent) {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}

var errAbsent = errors.New("absent")

func (e *endless) Attributes(_ context.Context, key string) (*driver.Attributes, error) {
	return &driver.Attributes{Size: e.size, ModTime: time.Unix(0, 0)}, nil
}

func (*endless) ListPaged(context.Context, *driver.ListOptions) (*driver.ListPage, error) {
	return &driver.ListPage{}, nil
}

func (e *endless) NewRangeReader(_ context.Context, key string, off, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	if key != "in/a.jsonl" {
		return nil, errAbsent
	}
	end := e.size
	if length >= 0 {
		end = min(end, off+length)
	}
	return &endlessReader{e: e, n: off, end: end}, nil
}

type endlessReader struct {
	e      *endless
	n, end int64
}

func (r *endlessReader) Read(p []byte) (int, error) {
	if r.n == r.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.end-r.n)]
	for i := range p {
		p[i] = endlessLine[(r.n+int64(i))%int64(len(endlessLine))]
	}
	r.n += int64(len(p))
	ahead := r.e.read.Add(int64(len(p))) - r.e.writes.Load()
	for most := r.e.ahead.Load(); ahead > most && !r.e.ahead.CompareAndSwap(most, ahead); {
		most = r.e.ahead.Load()
	}
	return len(p), nil
}

func (r *endlessReader) Close() error { return nil }
func (r *endlessReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.e.size, ModTime: time.Unix(0, 0)}
}
func (*endlessReader) As(any) bool { return false }

func (e *endless) NewTypedWriter(context.Context, string, string, *driver.WriterOptions) (driver.Writer, error) {
	return &endlessWriter{e}, nil
}

type endlessWriter struct{ e *endless }

func (w *endlessWriter) Write(p []byte) (int, error) {
	w.e.writes.Add(int64(len(p)))
	return len(p), nil
}
func (*endlessWriter) Close() error { return nil }

// A shard of any size is staged with no more of it in memory than a block of
// records and the buffers of one upload.
func TestMemoryIsFlat(t *testing.T) {
	const lines = 1 << 20
	e := &endless{size: lines * int64(len(endlessLine))}
	open := func(_ context.Context, uri string) (*storage.Bucket, string, error) {
		prefix := map[string]string{"mem://bucket/in/": "in/", "mem://bucket/st/": "st/"}[uri]
		if prefix == "" {
			return nil, "", fmt.Errorf("opened %s", uri)
		}
		return storage.New(blob.NewBucket(e), "mem://bucket"), prefix, nil
	}
	p := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 8 << 20}, job.Shards{{URI: "mem://bucket/in/a.jsonl", Size: e.size}})
	s, err := staging.Stage(t.Context(), open, "mem://bucket/st/", p, staging.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Records() != lines || len(s.Pieces) < 8 {
		t.Errorf("%d records in %d pieces", s.Records(), len(s.Pieces))
	}
	if e.read.Load() != e.size || e.writes.Load() < e.size {
		t.Errorf("%d bytes read, %d written, of %d", e.read.Load(), e.writes.Load(), e.size)
	}
	if most := e.ahead.Load(); most > 32<<20 { // what storage reads ahead, a block, what a piece's end holds back
		t.Errorf("%d bytes were read and not yet written", most)
	}
}
