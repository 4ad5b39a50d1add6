package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// rowSource reads a shard of Parquet: the wanted columns only. The whole file is
// digested beside, from the same open file.
type rowSource struct {
	ctx    context.Context
	name   string
	object *storage.ObjectReader
	file   *parquet.File
	r      *parquet.Reader
	marked bool          // the object's version is known, and tells as much as its digest
	each   int           // rows of a chunk
	sum    chan struct{} // closed once the digest is made
	failed error         // why it could not be
	hash   *digest.Hash
	stop   context.CancelFunc
	report func(int)
	told   int64 // bytes that were reported
}

func (r *Run) openRows(ctx context.Context, shard int, fields []string, from int64, lim record.Limits, report func(int)) (_ *rowSource, err error) {
	s := &rowSource{name: r.input.names[shard], marked: r.task.Shards[shard].Version != "", report: report}
	if s.object, err = r.object(ctx, shard); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.object.Close()
		}
	}()
	if s.file, err = parquet.Open(s.object, s.object.Size()); err == nil && from > s.file.Records() {
		return nil, fmt.Errorf("%w: %s", ErrChanged, s.name)
	}
	if err == nil {
		s.r, err = s.file.NewReader(fields, from)
	}
	if err != nil {
		return nil, unread(s.name, err)
	}
	s.each = min(lim.Records, s.file.RowsIn(fields, int64(lim.Bytes)/2))
	s.ctx, s.stop = context.WithCancel(ctx)
	s.tell(from)
	return s, nil
}

// next reads rows. The digest is begun with the first of them.
func (s *rowSource) next(c *chunk, most int64) error {
	if s.sum == nil && !s.marked {
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
		return unread(s.name, err)
	}
	c.first, c.end = b.First, position{Row: b.First + int64(b.Len())}
	s.tell(c.end.Row)
	return nil
}

// tell reports the rows before row as their share of the file.
func (s *rowSource) tell(row int64) {
	done := s.object.Size()
	if all := s.file.Records(); row < all {
		done = int64(float64(done) * float64(row) / float64(all))
	}
	s.report(int(done - s.told))
	s.told = done
}

func (s *rowSource) begin() {
	s.sum, s.hash = make(chan struct{}), digest.New()
	go func() {
		in := s.object.NewReader(s.ctx, 0, -1)
		_, err := io.Copy(s.hash, in)
		s.failed = errors.Join(err, in.Close())
		close(s.sum)
	}()
}

func (s *rowSource) digest(known string) (string, error) {
	if s.marked {
		return known, nil
	}
	if s.sum == nil {
		s.begin()
	}
	if <-s.sum; s.failed != nil {
		return "", unread(s.name, s.failed)
	}
	return same(s.name, s.hash, known)
}

func (s *rowSource) close() {
	s.stop()
	if s.sum != nil {
		<-s.sum
	}
	_ = errors.Join(s.r.Close(), s.object.Close()) // they have nothing to say that reading did not
}

// footer reads what a shard of Parquet says of itself.
func (r *Run) footer(ctx context.Context, shard int) (*parquet.File, error) {
	o, err := r.object(ctx, shard)
	if err != nil {
		return nil, err
	}
	f, err := parquet.Open(o, o.Size())
	if err = errors.Join(err, o.Close()); err != nil {
		return nil, unread(r.input.names[shard], err)
	}
	return f, nil
}
