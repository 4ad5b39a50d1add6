package engine

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/record"
)

// sink writes scored chunks in input order into the run's folder.
type sink struct {
	run      *Run
	folder   string
	prior    record.Counts // of shards that were finished before
	restored record.Counts // of the shards that are gone on with
	all      int64         // bytes of the taken shards
	meter    func(n int)   // bytes of input read
	total    record.Counts // restored ones included
	failures []string
	resumed  map[int]*resumed
	shown    atomic.Pointer[record.Counts]
	encoder  *part.Encoder

	// Of the shard at hand:
	shard  int
	open   bool
	next   position
	done   int64 // records before next that were scored
	counts record.Counts
	fills  map[string]int64
	notes  [][]byte
	part   *file
	failed *file
	saved  time.Time // when it was checkpointed last
}

// report passes progress on.
func (s *sink) report(n int64) {
	p := Progress{Phase: Scoring, Bytes: n, All: s.all}
	if c := s.shown.Load(); c != nil {
		p.Counts = *c
	}
	s.run.opts.Progress(p)
}

// write takes units in any order and writes them in theirs.
func (s *sink) write(ctx context.Context, done <-chan *unit, free chan<- *unit) error {
	waiting := map[int64]*unit{}
	next := int64(0)
	for u := range done {
		waiting[u.seq] = u
		for u = waiting[next]; u != nil; u = waiting[next] {
			delete(waiting, next)
			next++
			if err := s.take(u); err != nil {
				return err
			}
			free <- u // never blocks: there is room for all units
		}
	}
	return ctx.Err()
}

func (s *sink) take(u *unit) error {
	if errors.Is(u.err, ErrChanged) {
		s.discard(u.shard)
	}
	if u.err != nil {
		return u.err
	}
	if !s.open {
		if err := s.begin(u.shard); err != nil {
			return err
		}
	}
	if u.last {
		return s.end(u.digest)
	}
	c := u.answers.Counts
	s.counts.Add(c)
	s.total.Add(c)
	for f, n := range u.fills {
		s.fills[f] += n
	}
	s.show()
	s.meter(0)
	if err := s.part.write(u.out); err != nil {
		return err
	}
	if u.note != nil {
		s.notes = append(s.notes, u.note)
	}
	if err := s.fail(u.answers.Failed); err != nil {
		return err
	}
	s.next, s.done = u.in.end, s.counts.In
	if limit := s.run.job.Limits.FailedRecords; limit != nil && limit.ExceededBy(s.prior.Failed+s.total.Failed) {
		return errLimit
	}
	if now := s.run.opts.Now(); now.Sub(s.saved) >= s.run.every {
		s.saved = now
		return s.checkpoint()
	}
	return nil
}

// show lets report tell how many records are done.
func (s *sink) show() {
	counts := s.total
	s.shown.Store(&counts)
}

// fail writes lines of failed-*.
func (s *sink) fail(lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	for rest := lines; len(s.failures) < firstFailures && len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		s.failures = append(s.failures, strings.TrimSpace(string(line)))
		rest = after
	}
	if s.failed == nil {
		var err error
		if s.failed, err = createFile(s.folder, s.run.failedName(s.shard)); err != nil {
			return err
		}
	}
	return s.failed.write(lines)
}

// begin opens the files of a shard, or goes on with them.
func (s *sink) begin(shard int) error {
	s.shard, s.open, s.saved = shard, true, s.run.opts.Now()
	s.next, s.done, s.counts, s.fills, s.notes = position{}, 0, record.Counts{}, map[string]int64{}, nil
	if was := s.resumed[shard]; was != nil {
		delete(s.resumed, shard)
		s.next, s.done, s.counts, s.notes = was.Next, was.Counts.In, was.Counts, was.Notes
		maps.Copy(s.fills, was.Fills)
		s.part, s.failed = was.part, was.failed
		return nil
	}
	var err error
	if s.part, err = createFile(s.folder, s.run.partName(shard)); err != nil {
		return err
	}
	head, err := s.encoder.Head()
	if err != nil {
		return err
	}
	return s.part.write(head)
}

// checkpoint keeps what is done of the shard at hand.
func (s *sink) checkpoint() error {
	c := checkpoint{
		FormatVersion: checkpointVersion, Run: s.run.task.Run, Shard: s.shard, Next: s.next,
		Counts: s.counts, Chosen: s.run.task.Rows != nil, Fills: s.fills, Notes: s.notes, Made: s.run.Made(),
	}
	var err error
	if c.Part, err = s.part.flush(); err != nil {
		return err
	}
	if s.failed != nil {
		f, err := s.failed.flush()
		if err != nil {
			return err
		}
		c.Failed = &f
	}
	return c.write(s.folder)
}

// end closes the shard's files and commits them with a summary.
func (s *sink) end(digest string) error {
	in := s.run.task.Shards[s.shard]
	sum := summary{
		FormatVersion: summaryVersion, Run: s.run.task.Run, Shard: s.shard,
		Object: record.Shard{URI: in.URI, Size: in.Size, Digest: digest, Version: in.Version, Counts: s.counts},
		Made:   s.run.Made(),
	}
	if len(s.fills) > 0 {
		sum.Fills = maps.Clone(s.fills)
	}
	tail, err := s.encoder.Tail(s.part.size, s.notes)
	if err == nil {
		err = s.part.write(tail)
	}
	if err != nil {
		return err
	}
	if sum.Object.Part, err = s.part.finish(); err != nil {
		return err
	}
	if s.failed != nil {
		f, err := s.failed.finish()
		if err != nil {
			return err
		}
		sum.Object.FailedPart = &f
	}
	if err := sum.write(s.folder); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(s.folder, CheckpointName(s.shard))) // the summary stands for more
	s.part, s.failed, s.open = nil, nil, false
	s.run.opts.Finished(s.shard, s.counts)
	return nil
}

// discard forgets what was answered of a shard whose input is not what it was.
func (s *sink) discard(shard int) {
	_ = os.Remove(filepath.Join(s.folder, CheckpointName(shard)))
	s.next = position{}
	for _, f := range []*file{s.part, s.failed} {
		if f != nil {
			_ = os.Remove(f.f.Name())
		}
	}
}

// leave closes what a run that ended early left open. What was done of the shard
// at hand is kept, if it can be.
func (s *sink) leave() {
	if s.open && s.part != nil && s.next.Row > 0 && s.done == s.counts.In {
		_ = s.checkpoint() // the last one stands otherwise
	}
	for _, f := range []*file{s.part, s.failed} {
		if f != nil {
			f.close()
		}
	}
	for _, r := range s.resumed {
		r.close()
	}
}
