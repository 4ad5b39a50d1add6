package parquet

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// deltaInts reads whole numbers that are written as differences.
type deltaInts struct {
	t *leafType
	d delta
}

func (r *deltaInts) read(c *column, n int) error {
	dst := c.room(n, 8)
	for i := range n {
		v, err := r.d.next()
		if err != nil {
			return err
		}
		if r.t.physical == format.Int32 {
			v = int64(widen(r.t, uint32(v)))
		}
		binary.NativeEndian.PutUint64(dst[i*8:], uint64(v))
	}
	return nil
}

// lengths reads the whole list of lengths that b begins with, and returns what
// follows it.
func lengths(b []byte, count int) ([]int32, []byte, error) {
	var d delta
	if err := d.open(b, min(count, maxBatch)); err != nil {
		return nil, nil, err
	}
	var list []int32 // it grows: the count is only claimed
	for d.total > 0 {
		v, err := d.next()
		if err != nil {
			return nil, nil, err
		}
		if v < 0 || v > math.MaxInt32 {
			return nil, nil, errDelta
		}
		list = append(list, int32(v))
	}
	return list, d.b, nil
}

// deltaLengths reads byte arrays behind the list of their lengths.
type deltaLengths struct {
	list []int32
	b    []byte
}

func newDeltaLengths(b []byte, count int) (*deltaLengths, error) {
	list, rest, err := lengths(b, count)
	return &deltaLengths{list: list, b: rest}, err
}

func (d *deltaLengths) next() ([]byte, error) {
	if len(d.list) == 0 || int(d.list[0]) > len(d.b) {
		return nil, errValues
	}
	n := d.list[0]
	v := d.b[:n:n]
	d.list, d.b = d.list[1:], d.b[n:]
	return v, nil
}

func (d *deltaLengths) read(c *column, n int) error {
	for range n {
		v, err := d.next()
		if err != nil {
			return err
		}
		c.refs = append(c.refs, v)
	}
	return nil
}

// maxPrefixed bounds what the byte arrays of one page may grow to when each
// repeats the beginning of the one before.
const maxPrefixed = 1 << 28

// deltaBytes reads byte arrays that leave out what they share with the one
// before.
type deltaBytes struct {
	t        *leafType
	prefixes []int32
	tails    *deltaLengths
	last     []byte
	made     int
}

func newDeltaBytes(t *leafType, b []byte, count int) (*deltaBytes, error) {
	prefixes, rest, err := lengths(b, count)
	if err != nil {
		return nil, err
	}
	tails, err := newDeltaLengths(rest, count)
	return &deltaBytes{t: t, prefixes: prefixes, tails: tails}, err
}

func (d *deltaBytes) read(c *column, n int) error {
	for range n {
		tail, err := d.tails.next()
		if err != nil {
			return err
		}
		if len(d.prefixes) == 0 || int(d.prefixes[0]) > len(d.last) {
			return errValues
		}
		v := tail
		if p := d.prefixes[0]; p > 0 {
			v = append(append(make([]byte, 0, int(p)+len(tail)), d.last[:p]...), tail...)
			d.made += len(v)
		}
		if size := d.t.size(); d.made > maxPrefixed || size > 0 && len(v) != size {
			return errValues
		}
		d.prefixes = d.prefixes[1:]
		d.last = v
		c.refs = append(c.refs, v)
	}
	return nil
}
