package collect

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// atOnce bounds how many shards are worked on at a time.
const atOnce = 8

// Parts writes the parts of a run to its destination, accounts for every record
// and judges the run. It returns the manifest that commits the parts, or nil for
// a run that failed: then none of its parts is there, unless Options.Always asks
// for them and their manifest. Doing it again writes the same bytes; after an
// error the caller does it again, or calls Withdraw.
func Parts(ctx context.Context, open storage.Opener, s Source, o Options) (*record.Manifest, Verdict, error) {
	c := &collector{Source: s, open: open, in: storage.NewFolders(open), steps: steps{o: o}}
	m, v, err := c.collect(ctx)
	if cerr := c.in.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, v, publishing(err)
	}
	return m, v, nil
}

// collector is one call of Parts.
type collector struct {
	Source
	open   storage.Opener
	in     *storage.Folders // what is read
	dest   place
	steps  steps
	shards []shard
	scored provider.Made
}

// shard is what is known of one shard of the run.
type shard struct {
	part  *provider.Part   // the whole of it; or
	lines []provider.Lines // in row order
	in    int64            // records that count; unknown: told by the last lines
	fills map[string]int64 // nulls filled, as the lines said
}

const unknown = -1

func (c *collector) collect(ctx context.Context) (*record.Manifest, Verdict, error) {
	var v Verdict
	if err := c.sort(); err != nil {
		return nil, v, err
	}
	c.scored = c.made()
	if c.Base != nil {
		if err := c.fits(); err != nil {
			return nil, v, err
		}
	}
	if err := c.count(ctx); err != nil {
		return nil, v, err
	}
	if counts, known := c.known(); known {
		if v = c.judge(counts); c.nothing(v) {
			return nil, v, nil
		}
	}
	shards, err := c.write(ctx)
	if err != nil {
		return nil, v, err
	}
	m := c.manifest(shards)
	v = c.judge(m.Totals)
	m.State = v.State
	if c.nothing(v) {
		return nil, v, Withdraw(ctx, c.open, c.Job.Output.Destination, c.Run)
	}
	return m, v, nil
}

func (c *collector) judge(counts record.Counts) Verdict {
	state, reason := Judge(c.Job.Limits.FailedRecords, counts)
	return Verdict{State: state, Reason: reason, Counts: counts}
}

// nothing says that a run of this verdict publishes nothing.
func (c *collector) nothing(v Verdict) bool {
	return v.State == record.Failed && !c.steps.o.Always
}

// known adds up what the pieces say, unless lines have to be read for that.
func (c *collector) known() (record.Counts, bool) {
	var total record.Counts
	if c.Base != nil {
		return total, false
	}
	for _, s := range c.shards {
		switch {
		case s.part != nil:
			total.Add(s.part.Shard.Counts)
		case len(s.lines) > 0:
			return total, false
		default:
			total.Add(record.Counts{In: s.in, Skipped: s.in})
		}
	}
	return total, true
}

// write brings all parts to the destination.
func (c *collector) write(ctx context.Context) (shards []record.Shard, err error) {
	shards = make([]record.Shard, len(c.Shards))
	if len(shards) == 0 {
		return shards, nil
	}
	b, prefix, err := c.open(ctx, c.Job.Output.Destination)
	if err != nil {
		return nil, err
	}
	c.dest = placeOf(b, prefix)
	defer func() {
		if cerr := b.Close(); err == nil {
			err = cerr
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range shards {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if shards[i], err = c.shard(ctx, i); err != nil {
				return fmt.Errorf("shard %d: %w", i, err)
			}
			c.steps.written(len(shards))
			return nil
		})
	}
	return shards, g.Wait()
}

// shard writes the parts of one shard.
func (c *collector) shard(ctx context.Context, i int) (record.Shard, error) {
	in := c.Shards[i]
	out := record.Shard{URI: in.URI, Size: in.Size, Digest: in.Digest, Version: in.Version}
	s := c.shards[i]
	switch {
	case c.Base != nil && s.part == nil && len(s.lines) == 0:
		return c.carry(ctx, i, out)
	case c.Base != nil:
		return c.split(ctx, i, s, out)
	case s.part != nil:
		return c.copy(ctx, i, s.part, out)
	case len(s.lines) > 0:
		return c.split(ctx, i, s, out)
	}
	return c.split(ctx, i, shard{in: s.in}, out) // no line at all: all are skipped
}

// copy brings a finished shard to its place as it is.
func (c *collector) copy(ctx context.Context, i int, p *provider.Part, out record.Shard) (record.Shard, error) {
	from, err := c.in.Folder(ctx, p.Folder)
	if err != nil {
		return out, err
	}
	out.Counts, out.SkippedRows = p.Shard.Counts, p.Shard.SkippedRows
	if out.Digest == "" {
		out.Digest = p.Shard.Digest
	}
	bring := func(f record.File, name string) (record.File, error) {
		err := c.steps.around(name, func() error {
			return c.dest.Copy(ctx, c.dest.Key(name), from.Bucket, from.Key(f.Name))
		})
		f.Name = name
		return f, err
	}
	if out.Part, err = bring(p.Shard.Part, c.partName(i)); err != nil || p.Shard.FailedPart == nil {
		return out, err
	}
	f, err := bring(*p.Shard.FailedPart, c.failedName(i))
	out.FailedPart = &f
	return out, err
}

func (c *collector) partName(i int) string {
	return record.PartName(i, len(c.Shards), c.Run, string(c.Job.Output.Format), c.Job.Output.Compression)
}

func (c *collector) failedName(i int) string {
	return record.FailedName(i, len(c.Shards), c.Run)
}

// steps tells of progress and lets tests interfere, one goroutine at a time.
type steps struct {
	o    Options
	mu   sync.Mutex
	done int64
}

func (s *steps) around(name string, f func() error) error {
	s.step("before " + name)
	err := f()
	s.step("after " + name)
	return err
}

func (s *steps) step(point string) {
	if s.o.Step != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.o.Step(point)
	}
}

func (s *steps) written(all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if s.o.Progress != nil {
		s.o.Progress(s.done, int64(all))
	}
}
