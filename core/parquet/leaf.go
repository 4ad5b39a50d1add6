package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// levelBatch is how many levels are decoded at once.
const levelBatch = 1024

// leafReader reads one column, a row group after the other.
type leafReader struct {
	n      *node
	src    source
	perRow int64 // values and nulls of a row, as the chunk says
	codec  format.CompressionCodec
	codecs *codecs
	dict   *column // of this chunk
	body   []byte  // memory of packed pages
	plain  []byte  // memory of unpacked pages

	left       int // values and nulls of the page that are not taken
	reps, defs hybrid
	values     valueReader
	ahead      levels // decoded, not taken
}

// levels are decoded levels of a repeated column.
type levels struct {
	reps, defs []byte
	at         int
}

// open begins a column chunk of so many rows.
func (l *leafReader) open(r io.ReaderAt, size int64, chunk *format.ColumnChunk, rows int64) error {
	m := &chunk.MetaData
	start := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	if start < 0 || m.TotalCompressedSize < 0 || start > size || m.TotalCompressedSize > size-start {
		return l.wrap(fmt.Errorf("%w: it is said to lie beyond the file's end", ErrDamaged))
	}
	if m.Type != l.n.physical {
		return l.wrap(fmt.Errorf("%w: its type is not the schema's", ErrDamaged))
	}
	l.src.open(r, start, start+m.TotalCompressedSize)
	l.codec, l.perRow = m.Codec, m.NumValues/max(1, rows)
	l.dict, l.values, l.left = nil, nil, 0
	l.ahead = levels{reps: l.ahead.reps[:0], defs: l.ahead.defs[:0]}
	return nil
}

func (l *leafReader) wrap(err error) error { return fmt.Errorf("column %q: %w", l.n.name, err) }

// wantBatch is how many values of a repeated column a batch should hold.
const wantBatch = 1 << 22

// fit lowers a number of rows to what a batch should hold of this column.
func (l *leafReader) fit(rows int) int {
	if l.n.rep == 0 || l.perRow <= 1 {
		return rows
	}
	return int(max(1, min(int64(rows), wantBatch/l.perRow)))
}

// skip passes over rows.
func (l *leafReader) skip(rows int64) error {
	var scratch column
	for rows > 0 {
		if l.left == 0 && len(l.ahead.reps) == l.ahead.at {
			passed, err := l.page(rows)
			if err != nil {
				return l.ends(err)
			}
			if rows -= passed; passed > 0 {
				continue
			}
		}
		n := l.fit(int(min(rows, levelBatch)))
		scratch.reset()
		if err := l.fill(&scratch, n); err != nil {
			return err
		}
		rows -= int64(n)
	}
	return nil
}

// ends makes the end of a chunk an error.
func (l *leafReader) ends(err error) error {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: it has fewer rows than its row group", ErrDamaged)
	}
	return l.wrap(err)
}

// fill appends rows to a column.
func (l *leafReader) fill(c *column, rows int) error {
	if l.n.rep > 0 {
		return l.fillRepeated(c, rows)
	}
	for rows > 0 {
		if l.left == 0 {
			if _, err := l.page(0); err != nil {
				return l.ends(err)
			}
		}
		n := min(rows, l.left)
		if err := c.check(n); err != nil {
			return l.wrap(err)
		}
		present := n
		if l.n.def > 0 {
			present = 0
			start := len(c.defs)
			c.defs = extend(c.defs, n)
			if err := readRuns(&l.defs, c.defs[start:]); err != nil {
				return l.wrap(err)
			}
			for _, d := range c.defs[start:] {
				c.vals = append(c.vals, int32(c.n+present))
				if int(d) == l.n.def {
					present++
				}
			}
		}
		if err := l.values.read(c, present); err != nil {
			return l.wrap(err)
		}
		c.n += present
		l.left -= n
		rows -= n
	}
	return nil
}

// fillRepeated appends rows of a column that may have many values in a row. A
// row ends where the next begins, which may be in the next page.
func (l *leafReader) fillRepeated(c *column, rows int) error {
	open := false
	for {
		if l.ahead.at == len(l.ahead.reps) {
			switch err := l.moreLevels(); {
			case errors.Is(err, io.EOF) && rows == 0:
				return nil
			case err != nil:
				return l.ends(err)
			}
		}
		present, done := 0, false
		from := l.ahead.at
		for i, rep := range l.ahead.reps[from:] {
			if rep == 0 {
				if rows == 0 {
					done = true
					break
				}
				rows--
				open = true
				c.rows = append(c.rows, int32(len(c.defs)+i))
				c.vals = append(c.vals, int32(c.n+present))
			} else if !open {
				return l.wrap(fmt.Errorf("%w: a row begins in its middle", ErrDamaged))
			}
			if int(l.ahead.defs[from+i]) == l.n.def {
				present++
			}
			l.ahead.at++
		}
		taken := l.ahead.at - from
		if err := c.check(taken); err != nil {
			return l.wrap(err)
		}
		c.reps = append(c.reps, l.ahead.reps[from:l.ahead.at]...)
		c.defs = append(c.defs, l.ahead.defs[from:l.ahead.at]...)
		if err := l.values.read(c, present); err != nil {
			return l.wrap(err)
		}
		c.n += present
		if done {
			return nil
		}
	}
}

// moreLevels decodes levels, which need not end where a row ends.
func (l *leafReader) moreLevels() error {
	if l.left == 0 {
		if _, err := l.page(0); err != nil {
			return err
		}
	}
	n := min(l.left, levelBatch)
	l.ahead.reps = extend(l.ahead.reps[:0], n)
	l.ahead.defs = extend(l.ahead.defs[:0], n)
	l.ahead.at = 0
	l.left -= n
	if err := readRuns(&l.reps, l.ahead.reps); err != nil {
		return err
	}
	return readRuns(&l.defs, l.ahead.defs)
}

// page goes to the next page that has values. Pages that lie wholly within the
// first skip rows are passed over unread; their rows are returned, and then no
// page is open.
func (l *leafReader) page(skip int64) (passed int64, err error) {
	for l.src.left() > 0 {
		h, err := l.head()
		if err != nil {
			return 0, err
		}
		if h.CompressedPageSize < 0 || h.UncompressedPageSize < 0 || int64(h.CompressedPageSize) > l.src.left() {
			return 0, fmt.Errorf("%w: a page is said to go beyond its column", ErrDamaged)
		}
		rows := int64(-1)
		count := int32(0)
		switch {
		case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
			if err := l.dictionary(h); err != nil {
				return 0, err
			}
			continue
		case h.Type == format.DataPage && h.DataPageHeader.Valid:
			count = h.DataPageHeader.V.NumValues
			if l.n.rep == 0 {
				rows = int64(count)
			}
		case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
			count = h.DataPageHeaderV2.V.NumValues
			rows = int64(h.DataPageHeaderV2.V.NumRows)
			if l.n.rep == 0 && rows != int64(count) {
				return 0, fmt.Errorf("%w: a page has not a value for each row", ErrDamaged)
			}
		}
		if count < 0 {
			return 0, fmt.Errorf("%w: a page has %d values", ErrDamaged, count)
		}
		if count == 0 || rows > 0 && rows <= skip {
			l.src.skip(int64(h.CompressedPageSize))
			if count == 0 {
				continue
			}
			return rows, nil
		}
		l.left = int(count)
		return 0, l.data(h)
	}
	return 0, io.EOF
}
