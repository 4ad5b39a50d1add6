package modeltest

import (
	"math"

	"github.com/crossbatch/crossbatch/core/model"
	"google.golang.org/protobuf/encoding/protowire"
)

// Option is an attribute or another part of a node.
type Option struct {
	num  protowire.Number
	body []byte
}

// attribute's kinds, in ONNX's numbers.
const (
	kindFloat   = 1
	kindInt     = 2
	kindString  = 3
	kindTensor  = 4
	kindGraph   = 5
	kindFloats  = 6
	kindInts    = 7
	kindStrings = 8
)

// attr finishes an attribute whose value has been written.
func attr(name string, kind uint64, value []byte) Option {
	return Option{5, num(append(str(nil, 1, name), value...), 20, kind)}
}

func fixed(b []byte, field protowire.Number, v float32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(b, field, protowire.Fixed32Type), math.Float32bits(v))
}

// Float is an attribute of one number.
func Float(name string, v float32) Option { return attr(name, kindFloat, fixed(nil, 2, v)) }

// Floats is an attribute of numbers.
func Floats(name string, v ...float32) Option {
	var b []byte
	for _, f := range v {
		b = fixed(b, 7, f)
	}
	return attr(name, kindFloats, b)
}

// Int is an attribute of one integer.
func Int(name string, v int64) Option { return attr(name, kindInt, num(nil, 3, uint64(v))) }

// Ints is an attribute of integers.
func Ints(name string, v ...int64) Option {
	var b []byte
	for _, i := range v {
		b = num(b, 8, uint64(i))
	}
	return attr(name, kindInts, b)
}

// String is an attribute of one string.
func String(name, v string) Option { return attr(name, kindString, str(nil, 4, v)) }

// Strings is an attribute of strings.
func Strings(name string, v ...string) Option {
	var b []byte
	for _, s := range v {
		b = str(b, 9, s)
	}
	return attr(name, kindStrings, b)
}

// Int64Tensor is an attribute that holds an int64 tensor, such as a Constant's value; nil dims make a scalar.
func Int64Tensor(name string, dims []int64, v ...int64) Option {
	var packed []byte
	for _, i := range v {
		packed = protowire.AppendVarint(packed, uint64(i))
	}
	return attr(name, kindTensor, sub(nil, 5, sub(header("", model.Int64, dims), 7, packed)))
}

// RawTensor is an attribute that holds a tensor of any type, by the bytes of its elements, little-endian.
func RawTensor(name string, elem model.ElemType, dims []int64, raw []byte) Option {
	return attr(name, kindTensor, sub(nil, 5, sub(header("", elem, dims), 9, raw)))
}

// ExternalTensor is an attribute that holds a tensor whose elements lie in another file.
func ExternalTensor(name string, elem model.ElemType, dims []int64, location string) Option {
	return attr(name, kindTensor, sub(nil, 5, external("", elem, dims, location, 0, 0)))
}

// GraphAttr is an attribute that holds a subgraph.
func GraphAttr(name string, g *Graph) Option { return attr(name, kindGraph, sub(nil, 6, g.graph())) }

// Ref is an attribute of a node inside a function that takes the value of the call's attribute.
func Ref(name, of string, kind uint64) Option { return attr(name, kind, str(nil, 21, of)) }

// RefInt and RefInts are the kinds that Ref takes.
const (
	RefInt  = kindInt
	RefInts = kindInts
)

// Domain says whose operator the node is.
func Domain(domain string) Option { return Option{7, []byte(domain)} }

// Name names the node.
func Name(name string) Option { return Option{3, []byte(name)} }
