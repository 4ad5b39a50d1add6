package model

import (
	"encoding/binary"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxInts bounds how many elements of a constant are looked at: axes and shapes are short.
const maxInts = 64

type protoTensor struct {
	name     string
	dims     []int64
	elem     ElemType
	raw      []byte
	body     []byte
	sparse   bool
	external bool
	location string
}

func parseTensor(f field, dst *[]protoTensor) error {
	t := protoTensor{body: f.buf}
	var elem, place int64
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.ints(&t.dims)
		case 2:
			return f.int(&elem)
		case 8:
			return f.text(&t.name)
		case 9:
			t.raw = f.buf
			return f.is(protowire.BytesType)
		case 13:
			return t.parseExternal(f)
		case 14:
			return f.int(&place)
		}
		return nil
	})
	t.elem, t.external = ElemType(elem), place == 1
	*dst = append(*dst, t)
	return errors.Join(f.is(protowire.BytesType), within("tensor", err))
}

// parseExternal keeps the location of an external_data entry, a key and a value.
func (t *protoTensor) parseExternal(f field) error {
	var key, value string
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&key)
		case 2:
			return f.text(&value)
		}
		return nil
	})
	if key == "location" {
		t.location = value
	}
	return errors.Join(f.is(protowire.BytesType), err)
}

// parseSparse keeps a sparse tensor's values (named, with its dims) and indices, as both may be external.
func parseSparse(f field, dst *[]protoTensor) error {
	var parts []protoTensor
	var dims []int64
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1, 2:
			return parseTensor(f, &parts)
		case 3:
			return f.ints(&dims)
		}
		return nil
	})
	for _, p := range parts {
		p.sparse, p.dims = true, dims
		*dst = append(*dst, p)
	}
	return errors.Join(f.is(protowire.BytesType), within("sparse tensor", err))
}

// values returns the elements of a small tensor of int64, int32 or bool; false for any other.
func (t *protoTensor) values() ([]int64, bool) {
	n := int64(1)
	for _, d := range t.dims {
		if d < 0 || d > maxInts || n*d > maxInts {
			return nil, false
		}
		n *= d
	}
	if len(t.body) > 1<<16 || t.external || t.sparse || (t.elem != Int64 && t.elem != Int32 && t.elem != Bool) {
		return nil, false
	}
	out := make([]int64, 0, n)
	for raw := t.raw; len(raw) > 0; {
		if t.elem == Int64 && len(raw) >= 8 {
			out, raw = append(out, int64(binary.LittleEndian.Uint64(raw))), raw[8:]
		} else if t.elem == Int32 && len(raw) >= 4 {
			out, raw = append(out, int64(int32(binary.LittleEndian.Uint32(raw)))), raw[4:]
		} else if t.elem == Bool {
			out, raw = append(out, int64(raw[0])), raw[1:]
		} else {
			return nil, false
		}
		if int64(len(out)) > n {
			return nil, false
		}
	}
	err := eachField(t.body, func(f field) error {
		if (t.elem != Int64 && f.num == 5) || (t.elem == Int64 && f.num == 7) {
			return f.ints(&out)
		}
		return nil
	})
	return out, err == nil && int64(len(out)) == n
}
