package engine

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// sink writes scored blocks in input order into the run's folder.
type sink struct {
	run      *Run
	folder   string
	prior    record.Counts // of shards that were finished before
	all      int64         // bytes of the taken shards
	meter    func(n int)   // bytes of input read
	total    record.Counts
	failures []string

	shard  record.Counts // of the shard at hand
	fills  map[string]int64
	part   *file
	failed *file
	csv    *record.CSVEncoder
	errors *record.ErrorReader
	buf    []byte
	shown  atomic.Pointer[record.Counts]
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
	s.errors = record.NewErrorReader()
	s.csv = record.NewCSVEncoder(s.run.scorer.Columns())
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
	if s.part == nil {
		if err := s.begin(u.shard); err != nil {
			return err
		}
	}
	if u.last {
		return s.end(u.shard, u.digest)
	}
	n := int64(len(u.block.Records))
	c := record.Counts{In: n, OK: n - int64(u.failed), Failed: int64(u.failed)}
	s.shard.Add(c)
	s.total.Add(c)
	for f, n := range u.fills {
		s.fills[f] += n
	}
	counts := s.total
	s.shown.Store(&counts)
	s.meter(0)
	if err := s.lines(u); err != nil {
		return err
	}
	if limit := s.run.job.Limits.FailedRecords; limit != nil && limit.ExceededBy(s.prior.Failed+s.total.Failed) {
		return errLimit
	}
	return nil
}

// lines writes a block's lines to the part and to failed-*.
func (s *sink) lines(u *unit) error {
	if u.failed == 0 && s.run.job.Output.Format == job.JSONL {
		return s.part.write(u.lines)
	}
	row := u.block.First
	for rest := u.lines; len(rest) > 0; row++ {
		nl := bytes.IndexByte(rest, '\n')
		line := rest[:nl+1]
		rest = rest[nl+1:]
		e, isError, err := record.ErrorLine{}, false, error(nil)
		if u.failed > 0 {
			if e, isError, err = s.errors.Read(line); err != nil {
				return err
			}
		}
		switch {
		case isError:
			err = s.fail(e, u.shard, row)
		case s.run.job.Output.Format == job.CSV:
			if s.buf, err = s.csv.Append(s.buf[:0], line); err == nil {
				err = s.part.write(s.buf)
			}
		default:
			err = s.part.write(line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) fail(e record.ErrorLine, shard int, row int64) error {
	s.buf = record.AppendFailed(s.buf[:0], e, shard, row)
	if len(s.failures) < firstFailures {
		s.failures = append(s.failures, strings.TrimSpace(string(s.buf)))
	}
	if s.failed == nil {
		var err error
		if s.failed, err = createFile(s.folder, record.FailedName(shard, len(s.run.input.paths), s.run.task.Run)); err != nil {
			return err
		}
	}
	return s.failed.write(s.buf)
}

func (s *sink) begin(shard int) error {
	format := s.run.job.Output.Format
	var err error
	s.part, err = createFile(s.folder, record.PartName(shard, len(s.run.input.paths), s.run.task.Run, string(format), s.run.job.Output.Compression))
	if err != nil {
		return err
	}
	s.shard, s.fills = record.Counts{}, map[string]int64{}
	if format == job.CSV {
		return s.part.write(s.csv.AppendHeader(nil))
	}
	return nil
}

// end closes the shard's files and commits them with a summary.
func (s *sink) end(shard int, digest string) error {
	in := s.run.task.Shards[shard]
	sum := summary{
		FormatVersion: summaryVersion, Run: s.run.task.Run, Shard: shard,
		Object: record.Shard{URI: in.URI, Size: in.Size, Digest: digest, Counts: s.shard},
		Made:   s.run.Made(),
	}
	if len(s.fills) > 0 {
		sum.Fills = maps.Clone(s.fills)
	}
	var err error
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
	s.part, s.failed = nil, nil
	s.run.opts.Finished(shard, s.shard)
	return nil
}

// abort removes what a run that ended early left unfinished.
func (s *sink) abort() {
	for _, f := range []*file{s.part, s.failed} {
		if f != nil {
			f.remove()
		}
	}
}
