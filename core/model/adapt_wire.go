package model

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// retype is a tensor's ValueInfoProto with another name and float32 elements, and the shape it had.
func retype(value []byte, name string) ([]byte, error) {
	value, err := inTensorType(value, func(tensor []byte) ([]byte, error) {
		return rewrite(tensor, func(f field) ([]byte, error) {
			if f.num == 1 {
				return elemField(Float32), nil
			}
			return f.raw, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return rewrite(value, func(f field) ([]byte, error) {
		if f.num == 1 {
			return appendBytes(nil, 1, []byte(name)), nil
		}
		return f.raw, nil
	})
}

// inTensorType replaces the tensor type inside a ValueInfoProto.
func inTensorType(value []byte, fn func([]byte) ([]byte, error)) ([]byte, error) {
	return rewrite(value, func(f field) ([]byte, error) {
		if f.num != 2 {
			return f.raw, nil
		}
		typ, err := rewrite(f.buf, func(f field) ([]byte, error) {
			if f.num != 1 {
				return f.raw, nil
			}
			tensor, err := fn(f.buf)
			return appendBytes(nil, 1, tensor), err
		})
		return appendBytes(nil, 2, typ), err
	})
}

// rewrite replaces every field of a message by what fn makes of it.
func rewrite(b []byte, fn func(field) ([]byte, error)) ([]byte, error) {
	var out []byte
	err := eachField(b, func(f field) error {
		part, err := fn(f)
		out = append(out, part...)
		return err
	})
	return out, err
}

// floatMatrix is a ValueInfoProto of a float32 tensor of any number of rows.
func floatMatrix(name string, columns int) []byte {
	width := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(columns))
	shape := appendBytes(appendBytes(nil, 1, nil), 1, width)
	tensor := appendBytes(elemField(Float32), 2, shape)
	return appendBytes(appendBytes(nil, 1, []byte(name)), 2, appendBytes(nil, 1, tensor))
}

func elemField(t ElemType) []byte { return elemTag(1, t) }

func elemTag(num protowire.Number, t ElemType) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(t))
}

// castTo is Cast's attribute: an integer named "to".
func castTo(t ElemType) []byte {
	a := appendBytes(nil, 1, []byte("to"))
	a = protowire.AppendVarint(protowire.AppendTag(a, 3, protowire.VarintType), uint64(t))
	const attributeInt = 2
	return protowire.AppendVarint(protowire.AppendTag(a, 20, protowire.VarintType), attributeInt)
}

// appendNode adds a node of one output to a graph.
func appendNode(b []byte, name, op string, in []string, out string, attrs ...[]byte) []byte {
	var n []byte
	for _, s := range in {
		n = appendBytes(n, 1, []byte(s))
	}
	n = appendBytes(n, 2, []byte(out))
	if name != "" {
		n = appendBytes(n, 3, []byte(name))
	}
	n = appendBytes(n, 4, []byte(op))
	for _, a := range attrs {
		n = appendBytes(n, 5, a)
	}
	return appendBytes(b, 1, n)
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(slices.Grow(b, len(v)+12), num, protowire.BytesType), v)
}
