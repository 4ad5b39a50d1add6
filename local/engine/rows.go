package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// rowSource reads a shard of Parquet: the wanted columns only. The whole file is
// digested beside, from the same open file.
type rowSource struct {
	ctx    context.Context
	path   string
	f      *os.File
	file   *parquet.File
	r      *parquet.Reader
	opened os.FileInfo
	size   int64
	each   int        // rows of a chunk
	sum    chan error // what became of the digest, once it is made
	hash   *digest.Hash
	stop   context.CancelFunc
	report func(int)
	told   int64 // bytes that were reported
}

func (r *Run) openRows(ctx context.Context, shard int, fields []string, from int64, lim record.Limits, report func(int)) (_ *rowSource, err error) {
	s := &rowSource{path: r.input.paths[shard], report: report}
	defer func() {
		if err != nil && s.f != nil {
			s.f.Close()
		}
	}()
	if s.f, err = os.Open(s.path); err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	if s.opened, err = s.f.Stat(); err == nil {
		s.size = s.opened.Size()
		s.file, err = parquet.Open(s.f, s.size)
	}
	if err == nil && from > s.file.Records() {
		return nil, fmt.Errorf("%w: %s", ErrChanged, s.path)
	}
	if err == nil {
		s.r, err = s.file.NewReader(fields, from)
	}
	if err != nil {
		return nil, fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	s.each = min(lim.Records, s.file.RowsIn(fields, int64(lim.Bytes)/2))
	s.ctx, s.stop = context.WithCancel(ctx)
	s.tell(from)
	return s, nil
}

// next reads rows. The digest is begun with the first of them.
func (s *rowSource) next(c *chunk, most int64) error {
	if s.sum == nil {
		s.begin()
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	b := &c.rows
	switch err := s.r.Next(b, int(min(int64(s.each), most))); {
	case errors.Is(err, io.EOF):
		return err
	case err != nil:
		return fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	c.first, c.end = b.First, position{Row: b.First + int64(b.Len())}
	s.tell(c.end.Row)
	return nil
}

// tell reports the rows before row as their share of the file.
func (s *rowSource) tell(row int64) {
	done := s.size
	if all := s.file.Records(); row < all {
		done = int64(float64(s.size) * float64(row) / float64(all))
	}
	s.report(int(done - s.told))
	s.told = done
}

func (s *rowSource) begin() {
	s.sum, s.hash = make(chan error, 1), digest.New()
	go func() {
		in := &counted{ctx: s.ctx, r: io.NewSectionReader(s.f, 0, s.size), report: func(int) {}}
		_, err := io.Copy(s.hash, in)
		s.sum <- err
	}()
}

func (s *rowSource) digest(known string) (string, error) {
	if s.sum == nil {
		s.begin()
	}
	err := <-s.sum
	s.sum <- err // for close
	if err != nil {
		return "", fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	// Columns and digest were read at different times.
	now, err := s.f.Stat()
	if err != nil {
		return "", fmt.Errorf("reading input: %s: %w", s.path, err)
	}
	if now.Size() != s.size || !now.ModTime().Equal(s.opened.ModTime()) {
		return "", fmt.Errorf("%w: %s", ErrChanged, s.path)
	}
	return same(s.path, s.hash, known)
}

func (s *rowSource) close() {
	s.stop()
	if s.sum != nil {
		<-s.sum
	}
	_ = s.r.Close()
	s.f.Close()
}

// parquetFile reads the footer of a file.
func parquetFile(path string) (*parquet.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	file, err := parquet.Open(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("reading input: %s: %w", path, err)
	}
	return file, nil
}
