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

// PeekAt reads up to n records of the first object that holds any.
func PeekAt(ctx context.Context, open storage.Opener, in job.Input, n int) (*Peek, error) {
	found, err := storage.ListInput(ctx, open, in)
	if err != nil {
		return nil, err
	}
	shards := found.Shards()
	r := &Run{
		task: Task{Shards: shards}, job: job.Job{Input: in}, limits: record.DefaultLimits(),
		folders: storage.NewFolders(open), input: locate(shards, found.Format),
	}
	defer func() { _ = r.Close() }() // read only: nothing can be lost
	r.limits.Records = n
	p := &Peek{Format: r.input.format}
	for shard := range r.input.names {
		if err := r.peekShard(ctx, shard, p); err != nil || p.Fields != nil {
			return p, err
		}
	}
	return p, nil
}

func (r *Run) peekShard(ctx context.Context, shard int, p *Peek) error {
	var err error
	if r.input.format != job.JSONL {
		if p.Fields, err = r.fieldsOf(ctx, shard); err != nil || p.Fields == nil {
			return err
		}
	}
	s, err := r.open(ctx, shard, p.Fields, r.limits, func(int) {})
	if err != nil {
		return err
	}
	defer s.close()
	var c chunk
	switch err := s.next(&c, int64(r.limits.Records)); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	for i := 0; p.Fields == nil && i < len(c.block.Records); i++ {
		span := c.block.Records[i]
		p.Fields = record.FieldNames(c.block.Data[span.Start:span.End])
	}
	if p.Fields == nil {
		return nil
	}
	v, err := r.view(p.Fields)
	if err != nil {
		return err
	}
	records := v.of(&c, shard)
	for i := range records.Len() {
		row := make([]record.Value, len(p.Fields))
		if records.Values(i, row) != nil {
			continue
		}
		for i := range row { // they live until the next record
			row[i].Raw = bytes.Clone(row[i].Raw)
		}
		p.Rows = append(p.Rows, row)
	}
	return nil
}

// fieldsOf are the columns of a shard; nil where it has none.
func (r *Run) fieldsOf(ctx context.Context, shard int) ([]string, error) {
	if r.input.format == job.CSV {
		h, err := r.headerOf(ctx, shard)
		r.header = h
		return h, err
	}
	f, err := r.footer(ctx, shard)
	if err != nil {
		return nil, err
	}
	return f.Fields(), nil
}
