package model

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message. Its slices point into the message.
type field struct {
	num protowire.Number
	typ protowire.Type
	val uint64 // varint and fixed32 only
	buf []byte // length-delimited only
	raw []byte // the whole field, tag included
}

// eachField calls fn for each field of the message b, in order, and stops at the first error.
func eachField(b []byte, fn func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return protowire.ParseError(m)
		}
		f := field{num: num, typ: typ, raw: b[:n+m]}
		switch typ {
		case protowire.VarintType:
			f.val, _ = protowire.ConsumeVarint(b[n:])
		case protowire.Fixed32Type:
			v, _ := protowire.ConsumeFixed32(b[n:])
			f.val = uint64(v)
		case protowire.BytesType:
			f.buf, _ = protowire.ConsumeBytes(b[n:])
		}
		if err := fn(f); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}

// is reports that a field has the wire type that ONNX gives it.
func (f field) is(typ protowire.Type) error {
	if f.typ != typ {
		return fmt.Errorf("field %d has wire type %d, not %d", f.num, f.typ, typ)
	}
	return nil
}

func (f field) text(dst *string) error {
	*dst = string(f.buf)
	return f.is(protowire.BytesType)
}

func (f field) texts(dst *[]string) error {
	*dst = append(*dst, string(f.buf))
	return f.is(protowire.BytesType)
}

func (f field) int(dst *int64) error {
	*dst = int64(f.val)
	return f.is(protowire.VarintType)
}

// ints adds the elements of a repeated int64 or int32 field, packed or not.
func (f field) ints(dst *[]int64) error {
	if f.typ == protowire.VarintType {
		*dst = append(*dst, int64(f.val))
		return nil
	}
	for b := f.buf; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		*dst = append(*dst, int64(v))
		b = b[n:]
	}
	return f.is(protowire.BytesType)
}
