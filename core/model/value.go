package model

import (
	"strconv"
	"strings"
)

// Kind is the shape of a value's type.
type Kind string

// The kinds of values that ONNX defines.
const (
	Tensor       Kind = "tensor"
	SparseTensor Kind = "sparse_tensor"
	Sequence     Kind = "sequence"
	Map          Kind = "map"
	Optional     Kind = "optional"
)

// Dim is one dimension of a tensor.
type Dim struct {
	Size   int64  `json:"size"`             // negative: not fixed
	Symbol string `json:"symbol,omitempty"` // its name when it is not fixed; may be empty
}

// String is "30" for a fixed size, "N" for a named one, "?" for another.
func (d Dim) String() string {
	switch {
	case d.Size >= 0:
		return strconv.FormatInt(d.Size, 10)
	case d.Symbol != "":
		return d.Symbol
	}
	return "?"
}

// Value is an input or an output of a graph.
type Value struct {
	Name   string   `json:"name,omitempty"`
	Kind   Kind     `json:"kind"`
	Elem   ElemType `json:"elem"`            // of the tensor or of the innermost tensor; for a Map, of its values
	Ranked bool     `json:"ranked"`          // the file gives the rank; false for anything but tensors
	Shape  []Dim    `json:"shape,omitempty"` // Ranked and empty: a scalar
	Key    ElemType `json:"key,omitempty"`   // of a Map, or of the maps of a sequence; else Undefined
	Of     *Value   `json:"of,omitempty"`    // what a Sequence, an Optional or a Map holds; it has no name
}

// Type describes the value's type: "float32 [N,30]", "int64 scalar",
// "string (rank unknown)", "sequence of map(int64 -> float32)".
func (v Value) Type() string {
	switch v.Kind {
	case Sequence, Optional:
		word := "sequence of "
		if v.Kind == Optional {
			word = "optional "
		}
		if v.Of == nil {
			return word + "undefined"
		}
		return word + v.Of.Type()
	case Map:
		held := v.Elem.String()
		if v.Of != nil && (v.Of.Kind != Tensor || len(v.Of.Shape) > 0) {
			held = v.Of.Type()
		}
		return "map(" + v.Key.String() + " -> " + held + ")"
	}
	name := v.Elem.String()
	if v.Kind == SparseTensor {
		name = "sparse " + name
	}
	switch {
	case !v.Ranked:
		return name + " (rank unknown)"
	case len(v.Shape) == 0:
		return name + " scalar"
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		dims[i] = d.String()
	}
	return name + " [" + strings.Join(dims, ",") + "]"
}
