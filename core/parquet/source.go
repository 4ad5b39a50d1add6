package parquet

import (
	"errors"
	"fmt"
	"io"
)

// ahead is how much is read at once to find the heads of pages.
const ahead = 64 << 10

// source reads the bytes of a column chunk in order.
type source struct {
	r        io.ReaderAt
	off, end int64  // what is not read yet
	buf      []byte // memory of win
	win      []byte // what is read and not taken
}

func (s *source) open(r io.ReaderAt, off, end int64) {
	s.r, s.off, s.end, s.win = r, off, end, nil
}

// left is how many bytes the chunk still has.
func (s *source) left() int64 { return int64(len(s.win)) + s.end - s.off }

// peek returns the next n bytes, or fewer at the chunk's end.
func (s *source) peek(n int) ([]byte, error) {
	n = int(min(int64(n), s.left()))
	if len(s.win) < n {
		size := int(min(int64(max(n, ahead)), s.left()))
		if cap(s.buf) < size {
			s.buf = make([]byte, size)
		}
		have := copy(s.buf[:size], s.win)
		if err := readAt(s.r, s.buf[have:size], s.off); err != nil {
			return nil, err
		}
		s.off += int64(size - have)
		s.win = s.buf[:size]
	}
	return s.win[:n], nil
}

// take fills dst, which left allows for.
func (s *source) take(dst []byte) error {
	n := copy(dst, s.win)
	s.win = s.win[n:]
	if n == len(dst) {
		return nil
	}
	if err := readAt(s.r, dst[n:], s.off); err != nil {
		return err
	}
	s.off += int64(len(dst) - n)
	return nil
}

// skip passes over n bytes, which left allows for.
func (s *source) skip(n int64) {
	if k := int64(len(s.win)); n > k {
		s.off += n - k
		n = k
	}
	s.win = s.win[n:]
}

// readAt fills b. That the bytes end early means that the file is cut; other
// errors are those of the place where it lies.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends at byte %d", ErrDamaged, off+int64(n))
	}
	return err
}
