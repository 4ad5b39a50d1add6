// Package compress reads and writes gzip and Zstandard streams, which are told
// apart by how a name ends.
//
// It knows bytes only. It must not know records, jobs, or where bytes lie.
package compress

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The compressions, as a job file names them.
const (
	None = "none"
	Gzip = "gzip"
	Zstd = "zstd"
)

// ErrDamaged says that a stream is not what its name says, or is cut short.
var ErrDamaged = errors.New("the compressed data is damaged")

// maxWindow is what a Zstandard stream may ask a reader to keep: 128 MiB, as the
// zstd tool allows unless told otherwise.
const maxWindow = 128 << 20

// Suffix is how the names of compressed files end: ".gz", ".zst" or nothing.
func Suffix(compression string) string {
	switch compression {
	case Gzip:
		return ".gz"
	case Zstd:
		return ".zst"
	}
	return ""
}

// Of tells by a name how a file is compressed, and its name without that.
func Of(name string) (compression, plain string) {
	for _, c := range []string{Gzip, Zstd} {
		if end := len(name) - len(Suffix(c)); end >= 0 && strings.EqualFold(name[end:], Suffix(c)) {
			return c, name[:end]
		}
	}
	return None, name
}

// NewReader reads what a stream holds: all members of gzip, all frames of
// Zstandard. Errors of r come as they are; anything else that is wrong is
// ErrDamaged. Close does not close r.
func NewReader(r io.Reader, compression string) (io.ReadCloser, error) {
	below := &observed{r: r}
	switch compression {
	case Gzip:
		z, err := gzip.NewReader(below)
		if err != nil {
			if errors.Is(err, io.EOF) { // not even a header; an empty file holds nothing at all
				return io.NopCloser(&empty{below}), below.err
			}
			return nil, below.tell(err)
		}
		return &reader{ReadCloser: z, below: below}, nil
	case Zstd:
		z, err := zstd.NewReader(below, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, below.tell(err)
		}
		return &reader{ReadCloser: z.IOReadCloser(), below: below}, nil
	case None, "":
		return io.NopCloser(r), nil
	}
	return nil, fmt.Errorf("there is no compression %q", compression)
}

// Writer compresses what is written to it. The same bytes give the same stream,
// however they are handed over. Close ends the stream, and does not close what
// is below; Reset begins another one.
type Writer interface {
	io.WriteCloser
	Reset(io.Writer)
}

// NewWriter begins a stream.
func NewWriter(w io.Writer, compression string) (Writer, error) {
	switch compression {
	case Gzip:
		return gzip.NewWriter(w), nil
	case Zstd:
		// One goroutine; and a frame even where there is nothing to write.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
	case None, "":
		return &plain{w}, nil
	}
	return nil, fmt.Errorf("there is no compression %q", compression)
}

type plain struct{ io.Writer }

func (p *plain) Reset(w io.Writer) { p.Writer = w }
func (plain) Close() error         { return nil }

// empty is a stream of no bytes.
type empty struct{ below *observed }

func (e *empty) Read([]byte) (int, error) {
	if e.below.err != nil {
		return 0, e.below.err
	}
	return 0, io.EOF
}

// observed remembers the error of the stream below.
type observed struct {
	r   io.Reader
	err error // never io.EOF
}

func (o *observed) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		o.err = err
	}
	return n, err
}

// tell makes of an error of the decompressor what it means.
func (o *observed) tell(err error) error {
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // a wrapped one is no end
		return err
	case o.err != nil:
		return o.err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends too early", ErrDamaged)
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

type reader struct {
	io.ReadCloser
	below *observed
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	return n, r.below.tell(err)
}

// Close frees what reading took. What is wrong with the stream, Read has said.
func (r *reader) Close() error {
	_ = r.ReadCloser.Close()
	return nil
}
