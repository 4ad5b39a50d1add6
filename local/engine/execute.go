package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/record"
)

// State is how a run ended.
type State string

// The ends of a run. Failed and cancelled runs publish nothing.
const (
	Succeeded State = State(record.Succeeded)
	Partial   State = State(record.Partial)
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Result is what a run came to.
type Result struct {
	State    State
	Counts   record.Counts
	Reason   string           // why a run failed; else empty
	Manifest *record.Manifest // nil when nothing was published
	Failures []string         // the first failed records, as lines of failed-*
	Seconds  float64          // from the first record to the last
}

// firstFailures is how many failed records a Result names.
const firstFailures = 5

// unit is a block on its way through the pipeline. Units are made once and go
// round, which bounds the memory of a run.
type unit struct {
	seq    int64
	shard  int
	block  record.Block
	lines  []byte
	failed int
	last   bool // the shard ends here; there is no block
}

// Execute scores the input and publishes the result. An error means that the
// run could not go on and nothing was published; a Result with state failed or
// cancelled says the same of a run whose records or caller ended it.
func (r *Run) Execute(ctx context.Context) (*Result, error) {
	d, err := r.claim()
	if err != nil {
		return nil, err
	}
	defer d.release()

	started := r.opts.Now()
	sink := &sink{run: r, dest: d}
	fills, err := r.pipeline(ctx, sink)
	sink.abort()
	result := &Result{Counts: sink.total, Failures: sink.failures, Seconds: r.opts.Now().Sub(started).Seconds()}
	switch {
	case errors.Is(err, errLimit):
	case ctx.Err() != nil:
		result.State = Cancelled
		return result, nil
	case err != nil:
		return nil, err
	}
	result.State, result.Reason = r.judge(sink.total)
	if result.State == Failed {
		return result, nil
	}
	m := r.manifest(result.State, sink, fills, started)
	if err := d.publish(ctx, m); err != nil {
		return nil, err
	}
	result.Manifest = m
	return result, nil
}

// errLimit ends a pipeline whose failed records are too many already.
var errLimit = errors.New("too many failed records")

// judge applies limits.failed_records.
func (r *Run) judge(c record.Counts) (State, string) {
	limit := r.job.Limits.FailedRecords
	switch {
	case c.In == 0:
		return Succeeded, ""
	case limit != nil && !limit.Allows(c.Failed, c.In):
		return Failed, fmt.Sprintf("%d of %d records failed, failed_records allows %s", c.Failed, c.In, limit)
	case c.OK == 0:
		return Failed, "no record was scored"
	case limit == nil && c.Failed > 0:
		return Partial, ""
	}
	return Succeeded, ""
}

// pipeline reads, scores and writes until the input ends. Blocks are scored by
// several workers and written in input order. It returns the nulls filled.
func (r *Run) pipeline(ctx context.Context, out *sink) (map[string]int64, error) {
	g, ctx := errgroup.WithContext(ctx)
	window := 4 * r.workers
	free := make(chan *unit, window)
	for range window {
		free <- &unit{}
	}
	work := make(chan *unit, window)
	done := make(chan *unit, window)
	out.meter = newMeter(out.report, new(int64))

	g.Go(func() error {
		defer close(work)
		return r.read(ctx, free, work, out)
	})
	var running atomic.Int64
	running.Store(int64(r.workers))
	fills := make([]map[string]int64, r.workers)
	for i := range r.workers {
		g.Go(func() error {
			defer func() {
				if running.Add(-1) == 0 {
					close(done)
				}
			}()
			var err error
			fills[i], err = r.work(ctx, work, done)
			return err
		})
	}
	g.Go(func() error { return out.write(ctx, done, free) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	total := map[string]int64{}
	for _, m := range fills {
		for f, n := range m {
			total[f] += n
		}
	}
	return total, nil
}

// read sends every shard's blocks on, in order.
func (r *Run) read(ctx context.Context, free <-chan *unit, work chan<- *unit, out *sink) error {
	seq := int64(0)
	for shard := range r.input.paths {
		s, err := r.open(ctx, shard, func(n int) { out.meter(n) })
		if err != nil {
			return err
		}
		defer s.close()
		for last := false; !last; seq++ {
			var u *unit
			select {
			case u = <-free:
			case <-ctx.Done():
				return ctx.Err()
			}
			*u = unit{seq: seq, shard: shard, block: u.block, lines: u.lines[:0]}
			err := s.next(&u.block)
			switch {
			case errors.Is(err, io.EOF):
				if err := s.unchanged(r.input.shards[shard].Digest); err != nil {
					return err
				}
				u.last, last = true, true
			case err != nil:
				return err
			}
			select {
			case work <- u:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.close()
	}
	return nil
}

// work scores blocks until there are none left.
func (r *Run) work(ctx context.Context, work <-chan *unit, done chan<- *unit) (map[string]int64, error) {
	w := r.scorer.NewWorker()
	d, err := r.decoder()
	if err != nil {
		return nil, err
	}
	for u := range work {
		if !u.last {
			if u.lines, u.failed, err = w.Score(ctx, u.lines, &u.block, d, u.shard); err != nil {
				return nil, err
			}
		}
		select {
		case done <- u:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return w.Fills(), nil
}
