package parquet

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/record"
)

// createdBy is what files say of who wrote them. It has no version, so that the
// same results give the same bytes.
const createdBy = "crossbatch"

// Encoder turns ok scorer lines into row groups. What it writes depends on the
// lines and the columns alone. It is not safe for concurrent use.
type Encoder struct {
	d      *record.JSONDecoder
	values []record.Value
	cols   []outColumn
	leaves []*outLeaf
	schema []format.SchemaElement
	pack   *packer
	rows   int
	err    error
}

// NewEncoder makes an encoder of ok scorer lines of these columns. compression
// is "zstd", which "" stands for, "snappy", "gzip" or "none".
func NewEncoder(cols record.Columns, compression string) (*Encoder, error) {
	pack, err := newPacker(compression)
	if err != nil {
		return nil, err
	}
	e := &Encoder{pack: pack}
	paths, err := e.plan(cols)
	if err != nil {
		return nil, err
	}
	e.d = record.NewPathDecoder(paths)
	e.values = make([]record.Value, len(paths))
	return e, nil
}

// Append takes one ok scorer line. After an error the encoder is of no more use.
func (e *Encoder) Append(line []byte) error {
	if e.err == nil {
		e.err = e.append(line)
	}
	return e.err
}

func (e *Encoder) append(line []byte) error {
	if fail := e.d.Decode(line, e.values); fail != nil {
		return fmt.Errorf("reading a scorer line: %w", fail)
	}
	for i := range e.cols {
		c := &e.cols[i]
		v := e.values[c.slot]
		if c.part >= 0 {
			v = element(v, c.part, c.parts)
		}
		if err := c.put(v); err != nil {
			return fmt.Errorf("column %q: %w", c.name, err)
		}
	}
	e.rows++
	for _, l := range e.leaves {
		if l.full() {
			if err := l.page(e.pack); err != nil {
				return fmt.Errorf("column %q: %w", l.path[0], err)
			}
		}
	}
	return nil
}

// element is the i-th element of a list of n, or Missing.
func element(list record.Value, i, n int) (v record.Value) {
	if list.Kind != record.Array {
		return v
	}
	k := 0
	record.Elements(list.Raw, func(el record.Value) bool {
		if k == i {
			v = el
		}
		k++
		return k <= n
	})
	if k != n {
		return record.Value{}
	}
	return v
}

// Rows is the number of lines since the last Flush.
func (e *Encoder) Rows() int { return e.rows }

// Flush appends the row group of what was appended since the last Flush. meta
// describes it for Tail. When nothing was appended it returns dst and no meta.
func (e *Encoder) Flush(dst []byte) (body []byte, meta []byte, err error) {
	if e.err != nil || e.rows == 0 {
		return dst, nil, e.err
	}
	start := len(dst)
	g := format.RowGroup{NumRows: int64(e.rows)}
	for _, l := range e.leaves {
		if err := l.page(e.pack); err != nil {
			e.err = fmt.Errorf("column %q: %w", l.path[0], err)
			return dst[:start], nil, e.err
		}
		g.TotalByteSize += l.plainSize
		g.Columns = append(g.Columns, l.chunk(e.pack.codec, int64(len(dst)-start)))
		dst = append(dst, l.out...)
		l.reset()
	}
	g.TotalCompressedSize = int64(len(dst) - start)
	e.rows = 0
	meta, err = thrift.Marshal(&thrift.CompactProtocol{}, &g)
	if err != nil {
		e.err = fmt.Errorf("describing a row group: %w", err)
	}
	return dst, meta, e.err
}

// Head is what a file begins with.
func Head() []byte { return []byte(magic) }

// Tail is what a file ends with whose row groups follow one another right behind
// the head, in the order of metas. It needs no row group.
func (e *Encoder) Tail(metas [][]byte) ([]byte, error) {
	m := format.FileMetaData{Version: 1, Schema: e.schema, RowGroups: make([]format.RowGroup, len(metas)), CreatedBy: createdBy}
	off := int64(len(magic))
	for i, meta := range metas {
		g := &m.RowGroups[i]
		if _, err := decodeThrift(meta, g); err != nil {
			return nil, fmt.Errorf("reading what describes row group %d: %w", i, err)
		}
		if len(g.Columns) != len(e.leaves) {
			return nil, fmt.Errorf("row group %d has %d columns, not %d", i, len(g.Columns), len(e.leaves))
		}
		g.Ordinal = int16(min(i, math.MaxInt16))
		g.FileOffset = off
		for k := range g.Columns {
			g.Columns[k].MetaData.DataPageOffset += off
		}
		off += g.TotalCompressedSize
		m.NumRows += g.NumRows
	}
	b, err := thrift.Marshal(&thrift.CompactProtocol{}, &m)
	if err != nil {
		return nil, fmt.Errorf("writing the footer: %w", err)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	return append(b, magic...), nil
}
