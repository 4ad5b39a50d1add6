package model

import (
	"fmt"
	"strconv"
	"strings"
)

// ElemType is the type of a tensor's elements: ONNX's TensorProto.DataType, by
// its number. Numbers that this package does not know are kept.
type ElemType int32

// The element types that ONNX defines.
const (
	Undefined ElemType = iota
	Float32
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Float64
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
)

// elemNames lists the names in the order of the numbers.
const elemNames = "undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 " +
	"complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 " +
	"float8e8m0 uint2 int2"

// String is the type's name as users write it, such as "float32"; "elem(99)"
// for a number that ONNX did not define when this was written.
func (t ElemType) String() string {
	names := strings.Fields(elemNames)
	if t >= 0 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("elem(%d)", int32(t))
}

// MarshalText writes the name, so that JSON shows it.
func (t ElemType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText wrote; another name is an error.
func (t *ElemType) UnmarshalText(text []byte) error {
	for i, name := range strings.Fields(elemNames) {
		if name == string(text) {
			*t = ElemType(i)
			return nil
		}
	}
	if n, ok := strings.CutPrefix(string(text), "elem("); ok {
		if v, err := strconv.ParseInt(strings.TrimSuffix(n, ")"), 10, 32); err == nil && ElemType(v).String() == string(text) {
			*t = ElemType(v)
			return nil
		}
	}
	return fmt.Errorf("%q is not an element type", text)
}
