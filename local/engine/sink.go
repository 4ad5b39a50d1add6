package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// sink writes scored blocks in input order into the run's work folder.
type sink struct {
	run      *Run
	dest     *destination
	meter    func(n int) // bytes of input read
	total    record.Counts
	shards   []record.Shard
	failures []string

	shard  record.Counts // of the shard at hand
	part   *file
	failed *file
	csv    *record.CSVEncoder
	errors *record.ErrorReader
	buf    []byte
	shown  atomic.Pointer[record.Counts]
}

// report passes progress on.
func (s *sink) report(n int64) {
	p := Progress{Phase: Scoring, Bytes: n, All: s.run.input.shards.Bytes()}
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
		return s.end(u.shard)
	}
	n := int64(len(u.block.Records))
	s.shard.In += n
	s.shard.Failed += int64(u.failed)
	s.shard.OK += n - int64(u.failed)
	s.total.Add(record.Counts{In: n, OK: n - int64(u.failed), Failed: int64(u.failed)})
	counts := s.total
	s.shown.Store(&counts)
	s.meter(0)
	if err := s.lines(u); err != nil {
		return err
	}
	if limit := s.run.job.Limits.FailedRecords; limit != nil && limit.ExceededBy(s.total.Failed) {
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
		if s.failed, err = s.dest.create(record.FailedName(shard, len(s.run.input.paths), s.run.ID)); err != nil {
			return err
		}
	}
	return s.failed.write(s.buf)
}

func (s *sink) begin(shard int) error {
	format := s.run.job.Output.Format
	var err error
	s.part, err = s.dest.create(record.PartName(shard, len(s.run.input.paths), s.run.ID, string(format)))
	if err != nil {
		return err
	}
	if format == job.CSV {
		return s.part.write(s.csv.AppendHeader(nil))
	}
	return nil
}

// end closes the shard's files and accounts for it.
func (s *sink) end(shard int) error {
	in := s.run.input.shards[shard]
	sh := record.Shard{URI: in.URI, Size: in.Size, Digest: in.Digest, Counts: s.shard}
	var err error
	if sh.Part, err = s.part.finish(); err != nil {
		return err
	}
	if s.failed != nil {
		f, err := s.failed.finish()
		if err != nil {
			return err
		}
		sh.FailedPart = &f
	}
	s.part, s.failed, s.shard = nil, nil, record.Counts{}
	s.shards = append(s.shards, sh)
	return nil
}

// abort closes what a run that ended early left open.
func (s *sink) abort() {
	for _, f := range []*file{s.part, s.failed} {
		if f != nil {
			f.f.Close()
		}
	}
}

// file is an output file that counts and digests what goes into it.
type file struct {
	f    *os.File
	w    *bufio.Writer
	sum  hash.Hash
	size int64
}

// create makes a file in the run's work folder.
func (d *destination) create(name string) (*file, error) {
	f, err := os.OpenFile(filepath.Join(d.work, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	return &file{f: f, w: bufio.NewWriterSize(f, 256<<10), sum: sha256.New()}, nil
}

func (f *file) write(b []byte) error {
	f.size += int64(len(b))
	f.sum.Write(b)
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// finish brings the file to disk.
func (f *file) finish() (record.File, error) {
	err := f.w.Flush()
	if err == nil {
		err = f.f.Sync()
	}
	if cerr := f.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return record.File{}, fmt.Errorf("writing results: %w", err)
	}
	return record.File{Name: filepath.Base(f.f.Name()), Size: f.size, Digest: hex.EncodeToString(f.sum.Sum(nil))}, nil
}
