package engine

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Peek is the first records of an input.
type Peek struct {
	Format job.Format
	Fields []string         // in the order of the header, or of the first record
	Rows   [][]record.Value // of the records that could be read; in the order of Fields
}

// PeekAt reads up to n records of the first file that holds any.
func PeekAt(ctx context.Context, in job.Input, n int) (*Peek, error) {
	found, err := storage.ListInput(ctx, storage.OpenLocal, in)
	if err != nil {
		return nil, err
	}
	r := &Run{job: job.Job{Input: in}, limits: record.DefaultLimits()}
	for _, o := range found.Objects {
		r.input.paths = append(r.input.paths, o.Path)
	}
	r.limits.Records = n
	p := &Peek{Format: job.JSONL}
	if found.Format == job.CSV {
		p.Format, r.input.format = job.CSV, record.CSV
	}
	for shard := range r.input.paths {
		if err := r.peekShard(ctx, shard, p); err != nil || p.Fields != nil {
			return p, err
		}
	}
	return p, nil
}

func (r *Run) peekShard(ctx context.Context, shard int, p *Peek) error {
	if r.input.format == record.CSV {
		h, err := r.headerOf(ctx, shard)
		if err != nil || h == nil {
			return err
		}
		r.header, p.Fields = h, h
	}
	s, err := r.open(ctx, shard, r.limits, func(int) {})
	if err != nil {
		return err
	}
	defer s.close()
	var b record.Block
	if err := s.next(&b); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	var d record.Decoder
	for _, span := range b.Records {
		text := bytes.Clone(b.Data[span.Start:span.End])
		if p.Fields == nil {
			p.Fields = record.FieldNames(text)
		}
		if d == nil && p.Fields != nil {
			if d, err = r.decoderOf(p.Fields); err != nil {
				return err
			}
		}
		row := make([]record.Value, len(p.Fields))
		if span.Failure != nil || d == nil || d.Decode(text, row) != nil {
			continue
		}
		for i := range row { // a decoder's values live until its next record
			row[i].Raw = bytes.Clone(row[i].Raw)
		}
		p.Rows = append(p.Rows, row)
	}
	return nil
}
