package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
)

// source reads one shard as blocks of records and digests what it reads.
type source struct {
	path   string
	f      *os.File
	z      io.ReadCloser // the decompressor
	sum    *digest.Hash
	split  *record.Splitter
	header record.Header
}

// open begins a shard. For CSV with a header the first row is taken from it.
func (r *Run) open(ctx context.Context, shard int, lim record.Limits, report func(int)) (*source, error) {
	path := r.input.paths[shard]
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	s := &source{path: path, f: f, sum: digest.New()}
	in := io.TeeReader(&counted{ctx: ctx, r: f, report: report}, s.sum)
	compression, _ := compress.Of(path)
	if s.z, err = compress.NewReader(in, compression); err != nil {
		f.Close()
		return nil, fmt.Errorf("reading input: %s: %w", path, err)
	}
	s.split = record.NewSplitter(s.z, r.input.format, r.delimiter(), lim)
	if r.input.format == record.CSV && r.job.Input.CSV.Header {
		if s.header, err = s.split.ReadHeader(); err != nil {
			s.close()
			return nil, fmt.Errorf("reading input: %s: %w", path, err)
		}
	}
	return s, nil
}

// openAt goes on with a shard. What lies before is read all the same: its bytes
// belong to the digest.
func (r *Run) openAt(ctx context.Context, shard int, at position, report func(int)) (*source, error) {
	if at.Row == 0 {
		return r.open(ctx, shard, r.limits, report)
	}
	s, err := r.open(ctx, shard, r.limits, report)
	if err != nil {
		return nil, err
	}
	if err := s.split.Skip(at.Row, at.Offset); err != nil {
		s.close()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%w: %s", ErrChanged, s.path)
		}
		return nil, fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	return s, nil
}

func (s *source) next(b *record.Block) error {
	err := s.split.Next(b)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	return err
}

func (s *source) close() {
	_ = s.z.Close() // it has nothing to say that reading did not
	s.f.Close()
}

// digest is that of what was read, which must be the whole shard. It is an error
// when the shard's digest is known to be another.
func (s *source) digest(known string) (string, error) {
	got := s.sum.String()
	if known != "" && got != known {
		return "", fmt.Errorf("%w: %s", ErrChanged, s.path)
	}
	return got, nil
}

// count says how many records a shard has; those past most are not looked for.
func (r *Run) count(ctx context.Context, shard int, most int64) (int64, error) {
	s, err := r.open(ctx, shard, r.limits, func(int) {})
	if err != nil {
		return 0, err
	}
	defer s.close()
	n := int64(0)
	var b record.Block
	for n < most {
		err := s.next(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		n += int64(len(b.Records))
	}
	return min(n, most), nil
}

func (r *Run) delimiter() byte { return r.job.Input.CSV.Delimiter[0] }

// decoder makes a decoder of the scorer's fields.
func (r *Run) decoder() (record.Decoder, error) {
	d, err := r.decoderOf(r.scorer.Fields())
	if err == nil {
		d.Floats(r.scorer.Floats())
	}
	return d, err
}

func (r *Run) decoderOf(fields []string) (record.Decoder, error) {
	if r.input.format == record.CSV {
		return record.NewCSVDecoder(r.header, r.delimiter(), fields)
	}
	return record.NewJSONDecoder(fields), nil
}

// counted is a reader that can be cancelled and says how far it is.
type counted struct {
	ctx    context.Context
	r      io.Reader
	report func(n int)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.report(n)
	return n, err
}
