package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// maxThriftDepth bounds how deep structures are nested in a footer or a page
// header. The format needs fewer than ten.
const maxThriftDepth = 32

// errShort says that a structure goes on after the bytes at hand.
var errShort = errors.New("the structure is cut short")

// decodeThrift decodes the structure that b begins with and returns its length.
// It is walked first: the library's decoder believes the sizes of lists, and
// recurses as deep as the bytes ask.
func decodeThrift(b []byte, v any) (int, error) {
	w := thriftWalk{b: b}
	if err := w.fields(0); err != nil {
		return 0, err
	}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, b[:w.i], v); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return w.i, nil
}

// thriftWalk steps over values in thrift's compact protocol.
type thriftWalk struct {
	b []byte
	i int
}

func (w *thriftWalk) byte() (byte, error) {
	if w.i >= len(w.b) {
		return 0, errShort
	}
	w.i++
	return w.b[w.i-1], nil
}

func (w *thriftWalk) uvarint() (uint64, error) {
	u, n := binary.Uvarint(w.b[w.i:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, fmt.Errorf("%w: a number is too long", ErrDamaged)
	}
	w.i += n
	return u, nil
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.b)-w.i) {
		return errShort
	}
	w.i += int(n)
	return nil
}

// fields steps over a struct.
func (w *thriftWalk) fields(depth int) error {
	if depth > maxThriftDepth {
		return fmt.Errorf("%w: structures are nested too deeply", ErrDamaged)
	}
	for {
		h, err := w.byte()
		if err != nil || thrift.Type(h) == thrift.STOP {
			return err
		}
		if h>>4 == 0 { // the field's number follows
			if _, err := w.uvarint(); err != nil {
				return err
			}
		}
		t := thrift.Type(h & 0xF)
		if t == thrift.TRUE || t == thrift.FALSE {
			continue // the type is the value
		}
		if err := w.value(t, depth+1); err != nil {
			return err
		}
	}
}

func (w *thriftWalk) value(t thrift.Type, depth int) error {
	switch t {
	case thrift.TRUE, thrift.FALSE, thrift.I8:
		return w.skip(1)
	case thrift.I16, thrift.I32, thrift.I64:
		_, err := w.uvarint()
		return err
	case thrift.DOUBLE:
		return w.skip(8)
	case thrift.BINARY:
		n, err := w.uvarint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thrift.LIST, thrift.SET:
		return w.list(depth)
	case thrift.STRUCT:
		return w.fields(depth)
	}
	// Maps are in no structure of the format, not even in its newest version.
	return fmt.Errorf("%w: a value of an unknown kind", ErrDamaged)
}

func (w *thriftWalk) list(depth int) error {
	h, err := w.byte()
	if err != nil {
		return err
	}
	n := uint64(h >> 4)
	if n == 0xF {
		if n, err = w.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(w.b)-w.i) { // an element takes a byte at least
		return errShort
	}
	if depth > maxThriftDepth {
		return fmt.Errorf("%w: structures are nested too deeply", ErrDamaged)
	}
	for range n {
		if err := w.value(thrift.Type(h&0xF), depth+1); err != nil {
			return err
		}
	}
	return nil
}
