package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// sort gives every shard its pieces. Of two attempts that finished the same
// shard one is taken, always the same: the order of the pieces is chance.
func (c *collector) sort() error {
	c.shards = make([]shard, len(c.Shards))
	for i := range c.Pieces {
		p := &c.Pieces[i]
		if p.Shard < 0 || p.Shard >= len(c.shards) || (p.Part == nil) == (p.Lines == nil) {
			return fmt.Errorf("%w: one of shard %d of %d", ErrPiece, p.Shard, len(c.shards))
		}
		s := &c.shards[p.Shard]
		if p.Lines != nil {
			if s := p.Lines.Sparse; p.Lines.First < 0 || p.Lines.Records < 0 || s != nil && (p.Lines.First > 0 || p.Lines.Records > s.Rows) {
				return fmt.Errorf("%w: shard %d: %s holds %d lines from row %d on", ErrPiece, p.Shard, p.Lines.URI, p.Lines.Records, p.Lines.First)
			}
			s.lines = append(s.lines, *p.Lines)
			continue
		}
		if err := c.check(p.Shard, p.Part); err != nil {
			return err
		}
		if s.part == nil || cmp.Less(p.Part.Folder, s.part.Folder) {
			s.part = p.Part
		}
	}
	for i := range c.shards {
		slices.SortFunc(c.shards[i].lines, func(a, b provider.Lines) int {
			return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.URI, b.URI))
		})
	}
	return nil
}

// check refuses a part that is not of this shard or does not add up.
func (c *collector) check(i int, p *provider.Part) error {
	in, s := c.Shards[i], p.Shard
	switch {
	case in.Digest != "" && s.Digest != "" && in.Digest != s.Digest:
		return fmt.Errorf("%w: shard %d in %s was scored from another input", ErrPiece, i, p.Folder)
	case c.Base != nil && !c.whole(i, s):
		return fmt.Errorf("%w: shard %d in %s does not answer the rows that were tried again: it counts %+v", ErrPiece, i, p.Folder, s.Counts)
	case !s.Balanced() || min(s.In, s.OK, s.Failed, s.Skipped) < 0:
		return fmt.Errorf("%w: shard %d in %s counts %+v", ErrPiece, i, p.Folder, s.Counts)
	case !plain(s.Part.Name) || s.FailedPart != nil && !plain(s.FailedPart.Name):
		return fmt.Errorf("%w: shard %d in %s names a file elsewhere", ErrPiece, i, p.Folder)
	case (s.Failed > 0) != (s.FailedPart != nil):
		return fmt.Errorf("%w: shard %d in %s does not name its failed records", ErrPiece, i, p.Folder)
	}
	return nil
}

// whole says whether a part answers all rows of its shard that were tried again.
func (c *collector) whole(i int, s record.Shard) bool {
	n, err := c.Base.rows(i).Count()
	return err == nil && s.In == n && s.Skipped == 0
}

// count finds out how many records the shards have, as far as the pieces do not
// tell: by reading them. The limit of a preview goes over all shards in order.
func (c *collector) count(ctx context.Context) error {
	limit := c.Job.Input.Limit
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range c.shards {
		s := &c.shards[i]
		switch {
		case c.Base != nil:
			s.in = c.Base.Manifest.Shards[i].In
		case s.part != nil:
			s.in = s.part.Shard.In
		case limit == 0 && slices.ContainsFunc(s.lines, func(l provider.Lines) bool { return l.Last && !uncounted(l) }):
			s.in = unknown
		case limit == 0:
			g.Go(func() (err error) {
				s.in, err = c.records(ctx, i, -1)
				return err
			})
		default:
			var err error
			if s.in, err = c.records(ctx, i, limit-c.before(i)); err != nil {
				return err
			}
		}
	}
	return g.Wait()
}

// uncounted says that lines are to answer a whole shard, and that nobody who read it
// said how many records it has. What a service answers does not tell.
func uncounted(l provider.Lines) bool {
	return l.First == 0 && l.Records == 0 && l.Last && l.Sparse == nil
}

// before counts the records of the shards before i.
func (c *collector) before(i int) int64 {
	n := int64(0)
	for _, s := range c.shards[:i] {
		n += s.in
	}
	return n
}

// records counts the records of a shard of the input, up to most (below zero:
// all of them).
func (c *collector) records(ctx context.Context, i int, most int64) (n int64, err error) {
	if most == 0 || c.Shards[i].Size == 0 {
		return 0, nil
	}
	from, key, err := c.in.Object(ctx, c.Shards[i].URI)
	if err != nil {
		return 0, err
	}
	object := storage.Object{Key: key, Size: c.Shards[i].Size, Version: c.Shards[i].Version}
	if c.Format == job.Parquet {
		n, err := rows(ctx, from, object)
		if err != nil {
			return 0, fmt.Errorf("counting the records of %s: %w", c.Shards[i].URI, err)
		}
		if most >= 0 {
			n = min(n, most)
		}
		return n, nil
	}
	r, err := from.Stream(ctx, object)
	if err != nil {
		return 0, fmt.Errorf("counting the records of %s: %w", c.Shards[i].URI, err)
	}
	defer func() { _ = r.Close() }()
	compression, _ := compress.Of(key)
	z, err := compress.NewReader(r, compression)
	if err != nil {
		return 0, fmt.Errorf("counting the records of %s: %w", c.Shards[i].URI, err)
	}
	defer func() { _ = z.Close() }()
	format := record.JSONL
	if c.Format == job.CSV {
		format = record.CSV
	}
	split := record.NewSplitter(z, format, c.delimiter(), record.DefaultLimits())
	if format == record.CSV && c.Job.Input.CSV.Header {
		if _, err := split.ReadHeader(); err != nil {
			return 0, fmt.Errorf("counting the records of %s: %w", c.Shards[i].URI, err)
		}
	}
	var b record.Block
	for most < 0 || n < most {
		err := split.Next(&b)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, fmt.Errorf("counting the records of %s: %w", c.Shards[i].URI, err)
		}
		n += int64(len(b.Records))
	}
	return most, nil
}

// rows is how many a Parquet file says that it has.
func rows(ctx context.Context, from *storage.Bucket, o storage.Object) (int64, error) {
	r, err := from.OpenVersion(ctx, o)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }()
	f, err := parquet.Open(r, r.Size())
	if err != nil {
		return 0, err
	}
	return f.Records(), nil
}

func (c *collector) delimiter() byte {
	if d := c.Job.Input.CSV.Delimiter; d != "" {
		return d[0]
	}
	return ','
}
