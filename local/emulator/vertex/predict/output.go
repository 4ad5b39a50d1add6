package predict

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// bytesPerFile is how much input a result file may stand for, since one is held in
// memory to be shuffled.
const (
	bytesPerFile = 32 << 20
	maxFiles     = 512
)

// output takes results as they come. Which file a row goes to, and where in it,
// depends on the seed and its number only, not on who was first.
type output struct {
	random *rand.Rand
	seed   uint64
	files  []*spool
	stats  *spool

	mu     sync.Mutex
	counts Counts
}

// spool is a temporary file of lines with their rows' numbers.
type spool struct {
	file *os.File
	out  *bufio.Writer
	rows int64
}

func newSpool(folder, name string) (*spool, error) {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return nil, err
	}
	return &spool{file: f, out: bufio.NewWriterSize(f, 16<<10)}, nil
}

func (s *spool) add(number int64, line []byte) error {
	var head [2 * binary.MaxVarintLen64]byte
	n := binary.PutVarint(head[:], number)
	n += binary.PutUvarint(head[n:], uint64(len(line)))
	if _, err := s.out.Write(head[:n]); err != nil {
		return err
	}
	s.rows++
	_, err := s.out.Write(line)
	return err
}

type numbered struct {
	number int64
	line   []byte
}

// lines are all of them, by their numbers.
func (s *spool) lines() ([]numbered, error) {
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var out []numbered
	for r := bufio.NewReaderSize(s.file, 64<<10); ; {
		number, err := binary.ReadVarint(r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		size, err := binary.ReadUvarint(r)
		if err != nil {
			return nil, err
		}
		line := make([]byte, size)
		if _, err := io.ReadFull(r, line); err != nil {
			return nil, err
		}
		out = append(out, numbered{number, line})
	}
	slices.SortStableFunc(out, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	return out, nil
}

// newOutput opens a few files, more for a large input. The service promises no
// number.
func newOutput(folder string, seed uint64, job string, size int64) (*output, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(job))
	o := &output{random: rand.New(rand.NewPCG(seed, h.Sum64())), seed: seed ^ h.Sum64()} //nolint:gosec // an order, no secret
	n := max(2+o.random.IntN(3), int(min(size/bytesPerFile+1, maxFiles)))
	for i := range n {
		s, err := newSpool(folder, fmt.Sprintf("results-%d", i))
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		o.files = append(o.files, s)
	}
	var err error
	if o.stats, err = newSpool(folder, "errors"); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *output) close() error {
	var err error
	for _, s := range append(slices.Clone(o.files), o.stats) {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	return err
}

// good takes the results of a batch.
func (o *output) good(rows []row, lines [][]byte) (Counts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, r := range rows {
		at := rand.New(rand.NewPCG(o.seed, uint64(r.number))).IntN(len(o.files)) //nolint:gosec // an order, no secret
		if err := o.files[at].add(r.number, lines[i]); err != nil {
			return o.counts, err
		}
	}
	o.counts.Succeeded += int64(len(rows))
	return o.counts, nil
}

// bad takes what went wrong with so many rows, of which the first has a number.
func (o *output) bad(number int64, message string, rows int) (Counts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.stats.add(number, []byte(stat(message, rows))); err != nil {
		return o.counts, err
	}
	o.counts.Failed += int64(rows)
	return o.counts, nil
}

// write writes the files: results that have a row, and always one with errors.
func (o *output) write(ctx context.Context, put func(ctx context.Context, name string, lines []numbered) error) error {
	files := slices.DeleteFunc(slices.Clone(o.files), func(s *spool) bool { return s.rows == 0 })
	for i, s := range files {
		lines, err := s.lines()
		if err != nil {
			return err
		}
		o.random.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		if err := put(ctx, fmt.Sprintf("prediction.results-%05d-of-%05d", i, len(files)), lines); err != nil {
			return err
		}
	}
	lines, err := o.stats.lines()
	if err != nil {
		return err
	}
	return put(ctx, "prediction.errors_stats-00000-of-00001", lines)
}
