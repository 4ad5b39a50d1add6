package onnx

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/crossbatch/crossbatch/core/model"
)

// ElemSize is the bytes of an element; 0 for strings and for types that the
// binding cannot make.
func ElemSize(t model.ElemType) int {
	switch t {
	case model.Uint8, model.Int8, model.Bool:
		return 1
	case model.Uint16, model.Int16, model.Float16, model.BFloat16:
		return 2
	case model.Float32, model.Int32, model.Uint32:
		return 4
	case model.Float64, model.Int64, model.Uint64:
		return 8
	}
	return 0
}

// Tensor is a dense tensor in row-major order. Data holds the elements in this
// machine's byte order, aligned for its type; Strings stands in its place for
// tensors of strings.
type Tensor struct {
	Type    model.ElemType
	Shape   []int64 // empty: a scalar
	Data    []byte
	Strings []string
}

// NewTensor makes a tensor of zeros.
func NewTensor(t model.ElemType, shape []int64) Tensor {
	n := elements(shape)
	if t == model.String {
		return Tensor{Type: t, Shape: shape, Strings: make([]string, n)}
	}
	return Tensor{Type: t, Shape: shape, Data: Aligned(n * ElemSize(t))}
}

// Aligned makes a buffer of n bytes that any element type may lie in.
func Aligned(n int) []byte {
	words := make([]uint64, (n+7)/8+1)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*8)[:n]
}

func elements(shape []int64) int {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return int(n)
}

// Value is what a model answers: a tensor, a sequence of values, or a map.
// Exactly one of the three is set; Map holds the keys and the values as tensors
// of one axis.
type Value struct {
	Tensor   *Tensor
	Sequence []Value
	Map      *[2]Tensor
}

// toOrt wraps the tensor for the library. The Go memory must stay alive as long
// as the result: the binding keeps only C's pointer to it.
func (t Tensor) toOrt() (ort.Value, error) {
	if t.Type == model.String {
		if len(t.Shape) == 0 {
			return nil, fmt.Errorf("ONNX Runtime's Go binding cannot make a string scalar")
		}
		for _, s := range t.Strings {
			if strings.IndexByte(s, 0) >= 0 { // the binding would cut it there
				return nil, fmt.Errorf("a string with a NUL character cannot be given to ONNX Runtime")
			}
		}
		st, err := ort.NewStringTensor(t.Shape)
		if err != nil {
			return nil, err
		}
		if err := st.SetContents(t.Strings); err != nil {
			_ = st.Destroy()
			return nil, err
		}
		return st, nil
	}
	if len(t.Shape) == 0 {
		return t.scalar()
	}
	data := t.Data
	if len(data) == 0 { // no elements; the binding asks for one byte
		data = Aligned(1)
	}
	return ort.NewCustomDataTensor(t.Shape, data, ort.TensorElementDataType(t.Type))
}

func (t Tensor) scalar() (ort.Value, error) {
	p := unsafe.Pointer(&t.Data[0])
	switch t.Type {
	case model.Float32:
		return ort.NewScalar(*(*float32)(p))
	case model.Float64:
		return ort.NewScalar(*(*float64)(p))
	case model.Int8:
		return ort.NewScalar(*(*int8)(p))
	case model.Int16:
		return ort.NewScalar(*(*int16)(p))
	case model.Int32:
		return ort.NewScalar(*(*int32)(p))
	case model.Int64:
		return ort.NewScalar(*(*int64)(p))
	case model.Uint8:
		return ort.NewScalar(*(*uint8)(p))
	case model.Uint16:
		return ort.NewScalar(*(*uint16)(p))
	case model.Uint32:
		return ort.NewScalar(*(*uint32)(p))
	case model.Uint64:
		return ort.NewScalar(*(*uint64)(p))
	case model.Bool:
		return ort.NewScalar(*(*bool)(p))
	}
	return nil, fmt.Errorf("ONNX Runtime's Go binding cannot make a scalar of type %s", t.Type)
}

// emptyScalar is room for an output of rank 0, which the binding cannot
// allocate by itself. Nil: no such scalar can be made.
func emptyScalar(t model.ElemType) (ort.Value, error) {
	if ElemSize(t) == 0 {
		return nil, fmt.Errorf("ONNX Runtime's Go binding cannot take a scalar of type %s", t)
	}
	return Tensor{Type: t, Data: Aligned(ElemSize(t))}.scalar()
}

// fromOrt takes over what the library answered. It copies nothing: the binding
// has put the data into Go memory. v is destroyed in every case.
func fromOrt(v ort.Value) (Value, error) {
	defer func() { _ = v.Destroy() }()
	return contents(v)
}

func contents(v ort.Value) (Value, error) {
	switch v := v.(type) {
	case *ort.Sequence:
		items, err := v.GetValues()
		if err != nil {
			return Value{}, err
		}
		out := Value{Sequence: make([]Value, len(items))}
		for i, item := range items {
			if out.Sequence[i], err = contents(item); err != nil {
				return Value{}, err
			}
		}
		return out, nil
	case *ort.Map:
		k, val, err := v.GetKeysAndValues()
		if err != nil {
			return Value{}, err
		}
		keys, err := contents(k)
		if err != nil {
			return Value{}, err
		}
		vals, err := contents(val)
		if err != nil {
			return Value{}, err
		}
		if keys.Tensor == nil || vals.Tensor == nil {
			return Value{}, fmt.Errorf("a map of anything but tensors is not supported")
		}
		return Value{Map: &[2]Tensor{*keys.Tensor, *vals.Tensor}}, nil
	case *ort.StringTensor:
		s, err := v.GetContents()
		if err != nil {
			return Value{}, err
		}
		return Value{Tensor: &Tensor{Type: model.String, Shape: slices.Clone(v.GetShape()), Strings: s}}, nil
	}
	t, ok := plain(v)
	if !ok {
		return Value{}, fmt.Errorf("ONNX Runtime answered a %T of element type %d, which is not supported", v, v.DataType())
	}
	return Value{Tensor: &t}, nil
}

func plain(v ort.Value) (Tensor, bool) {
	switch v := v.(type) {
	case *ort.Tensor[float32]:
		return asBytes(model.Float32, v.GetShape(), v.GetData()), true
	case *ort.Tensor[float64]:
		return asBytes(model.Float64, v.GetShape(), v.GetData()), true
	case *ort.Tensor[int8]:
		return asBytes(model.Int8, v.GetShape(), v.GetData()), true
	case *ort.Tensor[int16]:
		return asBytes(model.Int16, v.GetShape(), v.GetData()), true
	case *ort.Tensor[int32]:
		return asBytes(model.Int32, v.GetShape(), v.GetData()), true
	case *ort.Tensor[int64]:
		return asBytes(model.Int64, v.GetShape(), v.GetData()), true
	case *ort.Tensor[uint8]:
		return asBytes(model.Uint8, v.GetShape(), v.GetData()), true
	case *ort.Tensor[uint16]:
		return asBytes(model.Uint16, v.GetShape(), v.GetData()), true
	case *ort.Tensor[uint32]:
		return asBytes(model.Uint32, v.GetShape(), v.GetData()), true
	case *ort.Tensor[uint64]:
		return asBytes(model.Uint64, v.GetShape(), v.GetData()), true
	case *ort.Tensor[bool]:
		return asBytes(model.Bool, v.GetShape(), v.GetData()), true
	case *ort.Scalar[float32]:
		return asBytes(model.Float32, nil, []float32{v.GetData()}), true
	case *ort.Scalar[float64]:
		return asBytes(model.Float64, nil, []float64{v.GetData()}), true
	case *ort.Scalar[int8]:
		return asBytes(model.Int8, nil, []int8{v.GetData()}), true
	case *ort.Scalar[int16]:
		return asBytes(model.Int16, nil, []int16{v.GetData()}), true
	case *ort.Scalar[int32]:
		return asBytes(model.Int32, nil, []int32{v.GetData()}), true
	case *ort.Scalar[int64]:
		return asBytes(model.Int64, nil, []int64{v.GetData()}), true
	case *ort.Scalar[uint8]:
		return asBytes(model.Uint8, nil, []uint8{v.GetData()}), true
	case *ort.Scalar[uint16]:
		return asBytes(model.Uint16, nil, []uint16{v.GetData()}), true
	case *ort.Scalar[uint32]:
		return asBytes(model.Uint32, nil, []uint32{v.GetData()}), true
	case *ort.Scalar[uint64]:
		return asBytes(model.Uint64, nil, []uint64{v.GetData()}), true
	case *ort.Scalar[bool]:
		return asBytes(model.Bool, nil, []bool{v.GetData()}), true
	}
	return Tensor{}, false
}

// asBytes is the same memory, seen as bytes.
func asBytes[T ort.TensorData](t model.ElemType, shape []int64, data []T) Tensor {
	out := Tensor{Type: t, Shape: shape}
	if len(data) > 0 {
		out.Data = unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), len(data)*ElemSize(t))
	}
	return out
}
