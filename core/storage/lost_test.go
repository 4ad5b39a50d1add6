package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
)

var errLost = errors.New("connection reset")

// lossy is a store of one object whose answer to a write is lost: what was
// written stands there, or stands not.
type lossy struct {
	driver.Bucket // the rest is not called
	keeps         bool
	body          []byte // nil: absent
}

type lossyWriter struct {
	bytes.Buffer
	store *lossy
}

func (w *lossyWriter) Close() error {
	if w.store.keeps && w.store.body == nil {
		w.store.body = w.Bytes()
	}
	return errLost
}

type lossyReader struct{ *bytes.Reader }

func (lossyReader) Close() error { return nil }
func (r lossyReader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{Size: r.Size()}
}
func (lossyReader) As(any) bool { return false }

func (s *lossy) NewTypedWriter(context.Context, string, string, *driver.WriterOptions) (driver.Writer, error) {
	return &lossyWriter{store: s}, nil
}

func (s *lossy) NewRangeReader(context.Context, string, int64, int64, *driver.ReaderOptions) (driver.Reader, error) {
	if s.body == nil {
		return nil, io.EOF // any error that ErrorCode calls absent
	}
	return lossyReader{bytes.NewReader(s.body)}, nil
}

func (s *lossy) ErrorCode(err error) gcerrors.ErrorCode {
	if errors.Is(err, io.EOF) {
		return gcerrors.NotFound
	}
	return gcerrors.Unknown
}
func (s *lossy) ErrorAs(error, any) bool { return false }
func (s *lossy) Close() error            { return nil }

func TestCreateWhenTheAnswerIsLost(t *testing.T) {
	for name, tt := range map[string]struct {
		store   lossy
		created bool
		fails   bool
	}{
		"it was written":        {store: lossy{keeps: true}, created: true},
		"another was before it": {store: lossy{keeps: true, body: []byte("theirs")}},
		"it never arrived":      {store: lossy{}, fails: true},
	} {
		b := New(blob.NewBucket(&tt.store), "mem://x")
		created, err := b.Create(t.Context(), "k", []byte("mine"))
		if created != tt.created || (err != nil) != tt.fails {
			t.Errorf("%s: %v, %v", name, created, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
