package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// unit is a chunk of records on its way through the pipeline. Units are made once
// and go round, which bounds the memory of a run.
type unit struct {
	seq     int64
	shard   int
	in      chunk
	answers scorer.Answers
	out     []byte           // what the part gets of it
	note    []byte           // what the part's end has to know of it
	fills   map[string]int64 // nulls filled in this chunk
	last    bool             // the shard ends here; there is no chunk
	digest  string           // of the shard, with last
	err     error            // the input cannot be read on; there is nothing else
}

// Execute scores the taken shards, in order, into a folder, where each finished
// shard has a summary; Finished reads them. An error means that the run could
// not go on. Whatever ended it, finished shards stay.
func (r *Run) Execute(ctx context.Context, folder string) (*Result, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	prior, err := r.prior(folder)
	if err != nil {
		return nil, err
	}
	started := r.opts.Now()
	sink := &sink{run: r, folder: folder, prior: prior, resumed: map[int]*resumed{}}
	defer sink.leave()
	if sink.encoder, err = part.NewEncoder(r.layout()); err != nil {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	for _, shard := range r.taken() {
		sink.all += r.task.Shards[shard].Size
		if was := r.resume(folder, shard); was != nil {
			sink.resumed[shard] = was
			sink.restored.Add(was.Counts)
		}
	}
	sink.total = sink.restored
	err = r.pipeline(ctx, sink)
	result := &Result{
		State: provider.Succeeded, Counts: sink.total, Restored: sink.restored, Failures: sink.failures,
		Seconds: r.opts.Now().Sub(started).Seconds(),
	}
	switch {
	case errors.Is(err, errLimit):
		all := prior
		all.Add(sink.total)
		result.State, result.Code = provider.Failed, provider.DataError
		result.Reason = fmt.Sprintf("%d of %d records failed, failed_records allows %s", all.Failed, all.In, r.job.Limits.FailedRecords)
	case err != nil && ctx.Err() != nil:
		result.State, result.Code = provider.Cancelled, provider.Canceled
	case err != nil:
		return nil, err
	}
	return result, nil
}

// errLimit ends a pipeline whose failed records are too many already.
var errLimit = errors.New("too many failed records")

// prior counts the records of the folder's finished shards that are not scored
// again.
func (r *Run) prior(folder string) (record.Counts, error) {
	var c record.Counts
	pieces, err := Finished(folder)
	if err != nil {
		return c, err
	}
	taken := r.taken()
	for _, p := range pieces {
		if !slices.Contains(taken, p.Shard) {
			c.Add(p.Part.Shard.Counts)
		}
	}
	return c, nil
}

// pipeline reads, scores and writes until the input ends. Blocks are scored by
// several workers and written in input order.
func (r *Run) pipeline(ctx context.Context, out *sink) error {
	g, ctx := errgroup.WithContext(ctx)
	window := 2*r.workers + 2
	free := make(chan *unit, window)
	for range window {
		free <- &unit{}
	}
	work := make(chan *unit, window)
	done := make(chan *unit, window)
	out.meter = NewMeter(out.report)
	from := map[int]position{}
	for shard, was := range out.resumed {
		from[shard] = was.Next
	}

	g.Go(func() error {
		defer close(work)
		in := reading{run: r, free: free, work: work, meter: out.meter, left: math.MaxInt64, from: from}
		return in.all(ctx)
	})
	var running atomic.Int64
	running.Store(int64(r.workers))
	for range r.workers {
		g.Go(func() error {
			defer func() {
				if running.Add(-1) == 0 {
					close(done)
				}
			}()
			return r.work(ctx, work, done)
		})
	}
	g.Go(func() error { return out.write(ctx, done, free) })
	return g.Wait()
}

// reading cuts the taken shards into blocks.
type reading struct {
	run   *Run
	free  <-chan *unit
	work  chan<- *unit
	meter func(n int)
	seq   int64
	left  int64            // records that may still be read
	from  map[int]position // where a shard is gone on with
}

// all sends every taken shard's blocks on, in order.
func (in *reading) all(ctx context.Context) error {
	limited, next := in.run.job.Input.Limit > 0, 0
	if limited {
		in.left = in.run.job.Input.Limit
	}
	for _, shard := range in.run.taken() {
		for ; limited && next < shard && in.left > 0; next++ { // those before use up the limit, too
			n, err := in.run.count(ctx, next, in.left)
			if err != nil {
				return in.fail(ctx, next, err)
			}
			in.left -= n
		}
		next = shard + 1
		if err := in.shard(ctx, shard); err != nil {
			return in.fail(ctx, shard, err)
		}
	}
	return nil
}

func (in *reading) shard(ctx context.Context, shard int) error {
	known, from := in.run.task.Shards[shard].Digest, in.from[shard]
	if in.run.task.Rows == nil {
		in.left -= from.Row
	}
	if in.left <= 0 {
		return in.end(ctx, shard, known)
	}
	s, err := in.run.openAt(ctx, shard, from, in.meter)
	if err != nil {
		return err
	}
	defer s.close()
	rows, some := in.run.chosen(shard)
	at := rows.Cursor()
	for in.left > 0 {
		u, err := in.unit(ctx, shard)
		if err != nil {
			return err
		}
		err = s.next(&u.in, in.left)
		for err == nil && some && !u.in.choose(&at) {
			err = s.next(&u.in, in.left)
		}
		if errors.Is(err, io.EOF) {
			u.last = true
			if u.digest, err = s.digest(known); err != nil {
				return err
			}
			return in.send(ctx, u)
		}
		if err != nil {
			return err
		}
		if !some {
			in.left -= u.in.end.Row - u.in.first
		}
		if err := in.send(ctx, u); err != nil {
			return err
		}
	}
	return in.end(ctx, shard, known)
}

// fail ends the run with an error, once all that was read before it is scored and
// written.
func (in *reading) fail(ctx context.Context, shard int, err error) error {
	if ctx.Err() != nil {
		return err
	}
	u, uerr := in.unit(ctx, shard)
	if uerr != nil {
		return uerr
	}
	u.err = err
	return in.send(ctx, u)
}

// end ends a shard that is not read to its end, since the limit is reached.
func (in *reading) end(ctx context.Context, shard int, digest string) error {
	u, err := in.unit(ctx, shard)
	if err != nil {
		return err
	}
	u.last, u.digest = true, digest
	return in.send(ctx, u)
}

func (in *reading) unit(ctx context.Context, shard int) (*unit, error) {
	select {
	case u := <-in.free:
		*u = unit{shard: shard, in: u.in, out: u.out[:0], answers: scorer.Answers{OK: u.answers.OK[:0], Failed: u.answers.Failed[:0]}}
		return u, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (in *reading) send(ctx context.Context, u *unit) error {
	u.seq = in.seq
	in.seq++
	select {
	case in.work <- u:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// work scores chunks and encodes what is published of them, until there are none
// left.
func (r *Run) work(ctx context.Context, work <-chan *unit, done chan<- *unit) error {
	w := r.scorer.NewWorker()
	v, err := r.scored()
	if err != nil {
		return err
	}
	e, err := part.NewEncoder(r.layout())
	if err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	var before map[string]int64
	for u := range work {
		if !u.last && u.err == nil {
			if err := w.Answer(ctx, &u.answers, v.of(&u.in, u.shard), u.shard, u.in.first); err != nil {
				return err
			}
			now := w.Fills()
			u.fills, before = since(before, now), now
			if err := e.Append(u.answers.OK); err != nil {
				return fmt.Errorf("writing results: %w", err)
			}
			if u.out, u.note, err = e.Flush(u.out); err != nil {
				return fmt.Errorf("writing results: %w", err)
			}
		}
		select {
		case done <- u:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// layout is how the parts are written.
func (r *Run) layout() part.Layout {
	format, compression := r.written()
	return part.Layout{Format: format, Compression: compression, Columns: r.scorer.Columns()}
}

// since is how much counters grew; nil when they did not.
func since(before, now map[string]int64) map[string]int64 {
	var grown map[string]int64
	for f, n := range now {
		if n == before[f] {
			continue
		}
		if grown == nil {
			grown = map[string]int64{}
		}
		grown[f] = n - before[f]
	}
	return grown
}
