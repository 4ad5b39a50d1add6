package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/crossbatch/crossbatch/core/record"
)

// source reads one shard as blocks of records and checks that it still is what
// the run began with.
type source struct {
	path   string
	f      *os.File
	sum    hash.Hash
	split  *record.Splitter
	header record.Header
}

// open begins a shard. For CSV with a header the first row is taken from it.
func (r *Run) open(ctx context.Context, shard int, report func(int)) (*source, error) {
	path := r.input.paths[shard]
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	s := &source{path: path, f: f, sum: sha256.New()}
	in := io.TeeReader(&counted{ctx: ctx, r: f, report: report}, s.sum)
	s.split = record.NewSplitter(in, r.input.format, r.delimiter(), r.limits)
	if r.input.format == record.CSV && r.job.Input.CSV.Header {
		if s.header, err = s.split.ReadHeader(); err != nil {
			f.Close()
			return nil, fmt.Errorf("reading input: %s: %w", path, err)
		}
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

func (s *source) close() { s.f.Close() }

// unchanged compares what was read, to its end, with the digest of the shard.
func (s *source) unchanged(digest string) error {
	if got := hex.EncodeToString(s.sum.Sum(nil)); got != digest {
		return fmt.Errorf("%w: %s", ErrChanged, s.path)
	}
	return nil
}

func (r *Run) delimiter() byte { return r.job.Input.CSV.Delimiter[0] }

// decoder makes a decoder of the scorer's fields.
func (r *Run) decoder() (record.Decoder, error) { return r.decoderOf(r.scorer.Fields()) }

func (r *Run) decoderOf(fields []string) (record.Decoder, error) {
	if r.input.format == record.CSV {
		return record.NewCSVDecoder(r.header, r.delimiter(), fields)
	}
	return record.NewJSONDecoder(fields), nil
}
