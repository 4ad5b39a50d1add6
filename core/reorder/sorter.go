package reorder

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/crossbatch/crossbatch/core/mapping"
)

// ErrUnknown says that a line is of no record that is waited for.
var ErrUnknown = errors.New("a line of no such record")

// Extent is a shard of which lines may come.
type Extent struct {
	Shard int
	Rows  int64 // lines are of rows 0 to Rows-1
}

// Sorted is a shard whose lines are in order.
type Sorted struct {
	Extent
	Path  string // a file of lines as mapping.AppendIdentity writes them, by ascending rows
	Lines int64  // fewer than Rows where some did not come
}

// DefaultMemory is how many bytes of lines are sorted at a time.
const DefaultMemory = 64 << 20

// fan is into how many files lines are spread at a time, each with a buffer.
const (
	fan        = 64
	bufferSize = 32 << 10
)

// Sorter takes lines, then gives them back in order. It is not safe for concurrent
// use.
type Sorter struct {
	dir    string
	memory int64
	shards []Extent
	starts []int64 // ordinal of the first record of each shard
	all    int64
	at     map[int]int // by shard number: its place in shards
	spread *spread
}

// New makes a Sorter that works in dir, a folder for it alone. Of two extents of one
// shard the last one holds. memory is how many bytes of lines are sorted at a time;
// 0: DefaultMemory.
func New(dir string, shards []Extent, memory int64) *Sorter {
	if memory <= 0 {
		memory = DefaultMemory
	}
	s := &Sorter{dir: dir, memory: memory, shards: slices.Clone(shards), at: map[int]int{}}
	slices.SortStableFunc(s.shards, func(a, b Extent) int { return a.Shard - b.Shard })
	for i, e := range s.shards {
		s.at[e.Shard] = i
		s.starts = append(s.starts, s.all)
		s.all += e.Rows
	}
	s.spread = newSpread(dir, "0", 0, s.all)
	return s
}

// Add takes the line of a record, with or without its end. Of several lines of one
// record the first one counts. ErrUnknown for a record of no extent.
func (s *Sorter) Add(shard int, row int64, line []byte) error {
	i, ok := s.at[shard]
	if !ok || row < 0 || row >= s.shards[i].Rows {
		return fmt.Errorf("%w: shard %d, row %d", ErrUnknown, shard, row)
	}
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if len(line) == 0 || line[0] != '{' {
		return fmt.Errorf("the line of shard %d, row %d, is no object", shard, row)
	}
	return s.spread.add(s.starts[i]+row, line)
}

// Finish sorts what came and writes a file for each shard of which lines came. It
// is called once.
func (s *Sorter) Finish(ctx context.Context) ([]Sorted, error) {
	out := &output{s: s}
	err := s.drain(ctx, s.spread, out)
	if err = errors.Join(err, out.close()); err != nil {
		return nil, err
	}
	return out.done, nil
}

// drain writes what a spread holds, in order.
func (s *Sorter) drain(ctx context.Context, p *spread, out *output) error {
	buckets, err := p.close()
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.size <= s.memory || b.to-b.from == 1 {
			err = b.sort(out.write)
		} else {
			err = s.split(ctx, b, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// split spreads a bucket that is too large over smaller ones.
func (s *Sorter) split(ctx context.Context, b *bucket, out *output) error {
	p := newSpread(s.dir, b.name, b.from, b.to)
	err := b.each(func(ordinal int64, line []byte) error { return p.add(ordinal, line) })
	if err != nil {
		_, cerr := p.close()
		return errors.Join(err, cerr)
	}
	return s.drain(ctx, p, out)
}

// output is the files that lines go to, one after the other.
type output struct {
	s    *Sorter
	done []Sorted
	next int // shards that are begun or passed
	last int64
	f    *os.File
	w    *bufio.Writer
	line []byte
}

// write takes lines by ascending ordinals.
func (o *output) write(ordinal int64, line []byte) error {
	i := o.next - 1
	for i < 0 || ordinal >= o.s.starts[i]+o.s.shards[i].Rows {
		i++
	}
	if i >= o.next {
		if err := o.begin(i); err != nil {
			return err
		}
	} else if ordinal == o.last {
		return nil // a record's second line
	}
	o.last = ordinal
	e := o.s.shards[i]
	o.line = mapping.AppendIdentity(o.line[:0], line, e.Shard, ordinal-o.s.starts[i])
	o.line = append(o.line, '\n')
	o.done[len(o.done)-1].Lines++
	_, err := o.w.Write(o.line)
	return spilling(err)
}

// begin opens the file of a shard.
func (o *output) begin(i int) error {
	if err := o.close(); err != nil {
		return err
	}
	e := o.s.shards[i]
	path := filepath.Join(o.s.dir, fmt.Sprintf("shard-%05d.jsonl", e.Shard))
	f, err := os.Create(path)
	if err != nil {
		return spilling(err)
	}
	o.next, o.f, o.w = i+1, f, bufio.NewWriterSize(f, 8*bufferSize)
	o.done = append(o.done, Sorted{Extent: e, Path: path})
	return nil
}

func (o *output) close() error {
	if o.f == nil {
		return nil
	}
	err := errors.Join(o.w.Flush(), o.f.Close())
	o.f = nil
	return spilling(err)
}

func spilling(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("sorting results: %w", err)
}
