package parquet

import (
	"encoding/binary"
	"fmt"
)

// maxBatch bounds the values that one column holds for one batch. A few bytes of
// a hostile file may claim billions.
const maxBatch = 1 << 26

// column is what a batch holds of one leaf.
type column struct {
	defs, reps []byte
	rows       []int32 // by row, where repeated: its first level; then the end
	vals       []int32 // by row, where values may be absent: its first value; then the end
	n          int     // values that are there
	data       []byte  // numbers, in this machine's byte order
	refs       [][]byte
	idx        []uint32 // scratch: numbers of dictionary entries
}

func (c *column) reset() {
	c.defs, c.reps, c.rows, c.vals = c.defs[:0], c.reps[:0], c.rows[:0], c.vals[:0]
	c.n, c.data = 0, c.data[:0]
	clear(c.refs) // so that pages are freed
	c.refs = c.refs[:0]
}

// finish adds the ends.
func (c *column) finish() {
	c.rows = append(c.rows, int32(len(c.defs)))
	c.vals = append(c.vals, int32(c.n))
}

func (c *column) eight(i int) uint64 { return binary.NativeEndian.Uint64(c.data[i*8:]) }
func (c *column) four(i int) uint32  { return binary.NativeEndian.Uint32(c.data[i*4:]) }

// room makes room for n more values and returns it.
func (c *column) room(n, width int) []byte {
	start := len(c.data)
	c.data = extend(c.data, n*width)
	return c.data[start:]
}

// extend makes b longer by n elements, which hold anything.
func extend[T any](b []T, n int) []T {
	if need := len(b) + n; need > cap(b) {
		grown := make([]T, len(b), max(need, 2*cap(b)))
		copy(grown, b)
		b = grown
	}
	return b[:len(b)+n]
}

// check bounds what a batch holds when n more values come.
func (c *column) check(n int) error {
	if len(c.defs)+n > maxBatch || c.n+n > maxBatch {
		return fmt.Errorf("a batch has more than %d values of one column", maxBatch)
	}
	return nil
}
