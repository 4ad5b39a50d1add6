package parquet

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/format"
)

// valueReader reads the values of one page, those that are there. read appends
// the next n of them to a column.
type valueReader interface {
	read(c *column, n int) error
}

var errValues = fmt.Errorf("%w: a page holds fewer values than it says", ErrDamaged)

// plainDictionary is how old writers call RLEDictionary. The library's name for it
// is marked as deprecated, but such files go on being read.
const plainDictionary format.Encoding = 2

// newValues makes the reader of a page's values. count is how many values and
// nulls the page claims.
func newValues(t *leafType, enc format.Encoding, b []byte, count int, dict *column) (valueReader, error) {
	if len(b) == 0 { // only nulls
		return &dictValues{}, nil
	}
	switch enc {
	case format.Plain:
		return plainValues(t, b), nil
	case plainDictionary, format.RLEDictionary:
		if dict == nil {
			return nil, fmt.Errorf("%w: a page needs a dictionary and there is none", ErrDamaged)
		}
		if b[0] > 32 {
			return nil, errRuns
		}
		return &dictValues{width: t.keeps(), dict: dict, h: hybrid{b: b[1:], width: uint(b[0])}}, nil
	case format.RLE:
		if t.physical == format.Boolean {
			if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
				return nil, errValues
			}
			return &runBools{h: hybrid{b: b[4:][:binary.LittleEndian.Uint32(b)], width: 1}}, nil
		}
	case format.DeltaBinaryPacked:
		if t.physical == format.Int32 || t.physical == format.Int64 {
			d := &deltaInts{t: t}
			return d, d.d.open(b, count)
		}
	case format.DeltaLengthByteArray:
		if t.physical == format.ByteArray {
			return newDeltaLengths(b, count)
		}
	case format.DeltaByteArray:
		if t.physical == format.ByteArray || t.physical == format.FixedLenByteArray {
			return newDeltaBytes(t, b, count)
		}
	case format.ByteStreamSplit:
		if size := t.size(); size > 0 && t.physical != format.Int96 {
			return &splitValues{t: t, b: b, n: len(b) / size}, nil
		}
	}
	return nil, fmt.Errorf("values of type %s are encoded as %s, which is not supported", t.physical, enc)
}

func plainValues(t *leafType, b []byte) valueReader {
	switch {
	case t.physical == format.Boolean:
		return &plainBools{b: b}
	case t.size() == 0:
		return &plainBytes{b: b}
	}
	return &plainFixed{t: t, b: b}
}

// putNumbers appends plain numbers.
func putNumbers(c *column, t *leafType, b []byte, n int) {
	switch t.physical {
	case format.Float:
		dst := c.room(n, 4)
		for i := 0; i < len(dst); i += 4 {
			binary.NativeEndian.PutUint32(dst[i:], binary.LittleEndian.Uint32(b[i:]))
		}
	case format.Int32:
		dst := c.room(n, 8)
		for i := range n {
			binary.NativeEndian.PutUint64(dst[i*8:], widen(t, binary.LittleEndian.Uint32(b[i*4:])))
		}
	default:
		dst := c.room(n, 8)
		for i := 0; i < len(dst); i += 8 {
			binary.NativeEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(b[i:]))
		}
	}
}

// widen keeps the value of a number of 32 bits, with a sign or without.
func widen(t *leafType, v uint32) uint64 {
	if t.conv == convUint {
		return uint64(v)
	}
	return uint64(int64(int32(v)))
}

// plainFixed reads values of fixed size.
type plainFixed struct {
	t *leafType
	b []byte
}

func (p *plainFixed) read(c *column, n int) error {
	size := p.t.size()
	if n > len(p.b)/size {
		return errValues
	}
	if p.t.keeps() == keepRefs {
		for range n {
			c.refs = append(c.refs, p.b[:size:size])
			p.b = p.b[size:]
		}
		return nil
	}
	putNumbers(c, p.t, p.b, n)
	p.b = p.b[n*size:]
	return nil
}

// plainBytes reads byte arrays that follow their lengths.
type plainBytes struct{ b []byte }

func (p *plainBytes) read(c *column, n int) error {
	for range n {
		if len(p.b) < 4 {
			return errValues
		}
		size := uint64(binary.LittleEndian.Uint32(p.b))
		if size > uint64(len(p.b)-4) {
			return errValues
		}
		c.refs = append(c.refs, p.b[4:4+size:4+size])
		p.b = p.b[4+size:]
	}
	return nil
}

// plainBools reads bits.
type plainBools struct {
	b   []byte
	bit int
}

func (p *plainBools) read(c *column, n int) error {
	if n > len(p.b)*8-p.bit {
		return errValues
	}
	dst := c.room(n, keepBits)
	for i := range dst {
		dst[i] = p.b[p.bit>>3] >> (p.bit & 7) & 1
		p.bit++
	}
	return nil
}

// runBools reads booleans in runs.
type runBools struct{ h hybrid }

func (r *runBools) read(c *column, n int) error { return readRuns(&r.h, c.room(n, keepBits)) }

// dictValues reads numbers of dictionary entries.
type dictValues struct {
	width int
	dict  *column
	h     hybrid
}

func (d *dictValues) read(c *column, n int) error {
	for n > 0 {
		if d.dict == nil {
			return errValues
		}
		c.idx = extend(c.idx[:0], min(n, 1024))
		if err := readRuns(&d.h, c.idx); err != nil {
			return err
		}
		size := uint32(d.dict.n)
		for _, k := range c.idx {
			if k >= size {
				return fmt.Errorf("%w: a value is not in its dictionary", ErrDamaged)
			}
		}
		d.put(c)
		n -= len(c.idx)
	}
	return nil
}

func (d *dictValues) put(c *column) {
	switch d.width {
	case keepRefs:
		for _, k := range c.idx {
			c.refs = append(c.refs, d.dict.refs[k])
		}
	case keepFour:
		dst := c.room(len(c.idx), 4)
		for i, k := range c.idx {
			binary.NativeEndian.PutUint32(dst[i*4:], d.dict.four(int(k)))
		}
	case keepEight:
		dst := c.room(len(c.idx), 8)
		for i, k := range c.idx {
			binary.NativeEndian.PutUint64(dst[i*8:], d.dict.eight(int(k)))
		}
	default:
		for _, k := range c.idx {
			c.data = append(c.data, d.dict.data[k])
		}
	}
}

// splitValues reads values whose first bytes stand together, then their second
// bytes, and so on.
type splitValues struct {
	t     *leafType
	b     []byte
	n, at int
}

func (s *splitValues) read(c *column, n int) error {
	size := s.t.size()
	if n > s.n-s.at {
		return errValues
	}
	plain := make([]byte, n*size)
	for k := range size {
		from := s.b[k*s.n+s.at:][:n]
		for i, v := range from {
			plain[i*size+k] = v
		}
	}
	s.at += n
	return (&plainFixed{t: s.t, b: plain}).read(c, n)
}
