package record

import (
	"encoding/binary"
	"errors"
	"math"
)

// Rows are some rows of a shard, in order. They are kept as ranges, each as two
// numbers of variable length: how far it lies behind the last one, and how many rows
// more than one it has. So a million single rows take a few megabytes, in memory as in
// JSON, where they are base64.
type Rows []byte

// ErrRows says that bytes are no Rows.
var ErrRows = errors.New("not rows in order")

// RowsWriter makes Rows. The zero value has none.
type RowsWriter struct {
	rows        Rows
	first, last int64 // the range at hand
	end         int64 // behind the ranges that are written
	open        bool
}

// Add adds the rows first to last, which come after all that were added before; ranges
// that touch become one. It is ErrRows for rows that are out of order.
func (w *RowsWriter) Add(first, last int64) error {
	switch {
	case first < 0 || last < first || last == math.MaxInt64, w.open && first <= w.last:
		return ErrRows
	case w.open && first == w.last+1:
		w.last = last
		return nil
	}
	w.close()
	w.first, w.last, w.open = first, last, true
	return nil
}

func (w *RowsWriter) close() {
	if w.open {
		w.rows = binary.AppendUvarint(w.rows, uint64(w.first-w.end))
		w.rows = binary.AppendUvarint(w.rows, uint64(w.last-w.first))
		w.end, w.open = w.last+1, false
	}
}

// Rows are those that were added. No more may be added.
func (w *RowsWriter) Rows() Rows {
	w.close()
	return w.rows
}

// cut takes off the first range, given where the one before it ends; ok is false where
// there is none.
func (r Rows) cut(end int64) (first, last int64, rest Rows, ok bool) {
	gap, k := binary.Uvarint(r)
	if k <= 0 {
		return 0, 0, nil, false
	}
	more, m := binary.Uvarint(r[k:])
	room := uint64(math.MaxInt64 - 1 - end)
	if m <= 0 || gap > room || more > room-gap || end > 0 && gap == 0 {
		return 0, 0, nil, false
	}
	first = end + int64(gap)
	return first, first + int64(more), r[k+m:], true
}

// Count is how many rows these are: ErrRows when the bytes are none.
func (r Rows) Count() (n int64, err error) {
	for end := int64(0); len(r) > 0; {
		first, last, rest, ok := r.cut(end)
		if !ok {
			return 0, ErrRows
		}
		n += last - first + 1
		end, r = last+1, rest
	}
	return n, nil
}

// Cursor goes through rows from the first to the last.
type Cursor struct {
	rest        Rows
	first, last int64
	ok          bool
}

// Cursor is at the first row. Bytes that Count refuses end where they are wrong.
func (r Rows) Cursor() Cursor {
	c := Cursor{rest: r, last: -1}
	c.step()
	return c
}

func (c *Cursor) step() { c.first, c.last, c.rest, c.ok = c.rest.cut(c.last + 1) }

// Range is what is left of the range at hand: its first row and its last; false behind
// the last one.
func (c *Cursor) Range() (first, last int64, ok bool) { return c.first, c.last, c.ok }

// PassTo passes over the rows before row.
func (c *Cursor) PassTo(row int64) {
	for c.ok && c.last < row {
		c.step()
	}
	if c.ok {
		c.first = max(c.first, row)
	}
}

// Next is the row at hand, and goes on to the next; false behind the last one.
func (c *Cursor) Next() (row int64, ok bool) {
	if !c.ok {
		return 0, false
	}
	row = c.first
	c.PassTo(row + 1)
	return row, true
}

// Ranges lists the rows as a manifest does: ranges, the last row included.
func (r Rows) Ranges() [][2]int64 {
	var out [][2]int64
	c := r.Cursor()
	for first, last, ok := c.Range(); ok; first, last, ok = c.Range() {
		out = append(out, [2]int64{first, last})
		c.PassTo(last + 1)
	}
	return out
}
