package model

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// parseValue adds a ValueInfoProto: a name and a type.
func parseValue(f field, dst *[]Value) error {
	v := Value{Kind: Tensor}
	var name string
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&name)
		case 2:
			return errors.Join(f.is(protowire.BytesType), v.parseType(f.buf, 0))
		}
		return nil
	})
	v.Name = name
	*dst = append(*dst, v)
	return errors.Join(f.is(protowire.BytesType), within("value", err))
}

// parseType reads a TypeProto. One without any member leaves a tensor of undefined type.
func (v *Value) parseType(b []byte, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	return eachField(b, func(f field) error {
		var kind Kind
		switch f.num {
		case 1:
			kind = Tensor
		case 4:
			kind = Sequence
		case 5:
			kind = Map
		case 8:
			kind = SparseTensor
		case 9:
			kind = Optional
		default: // a denotation, or an opaque type
			return nil
		}
		*v = Value{Kind: kind}
		if err := f.is(protowire.BytesType); err != nil {
			return err
		}
		if kind == Tensor || kind == SparseTensor {
			return v.parseTensorType(f.buf)
		}
		return v.parseHolder(f.buf, depth)
	})
}

func (v *Value) parseTensorType(b []byte) error {
	var elem int64
	err := eachField(b, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&elem)
		case 2:
			v.Ranked = true
			return errors.Join(f.is(protowire.BytesType), eachField(f.buf, v.parseDim))
		}
		return nil
	})
	v.Elem = ElemType(elem)
	return err
}

func (v *Value) parseDim(f field) error {
	if f.num != 1 {
		return nil
	}
	d := Dim{Size: -1}
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			err := f.int(&d.Size)
			d.Size, d.Symbol = max(d.Size, -1), ""
			return err
		case 2:
			d.Size = -1
			return f.text(&d.Symbol)
		}
		return nil
	})
	v.Shape = append(v.Shape, d)
	return errors.Join(f.is(protowire.BytesType), err)
}

// parseHolder reads the type of a sequence, an optional or a map: what it holds, and a map's key.
func (v *Value) parseHolder(b []byte, depth int) error {
	of := &Value{Kind: Tensor}
	var key int64
	err := eachField(b, func(f field) error {
		if v.Kind == Map && f.num == 1 {
			return f.int(&key)
		}
		if f.num == 1 || (v.Kind == Map && f.num == 2) {
			return errors.Join(f.is(protowire.BytesType), of.parseType(f.buf, depth+1))
		}
		return nil
	})
	v.Of, v.Elem, v.Key = of, of.Elem, of.Key
	if v.Kind == Map {
		v.Key = ElemType(key)
	}
	return err
}
