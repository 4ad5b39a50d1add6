package modeltest

import "github.com/crossbatch/crossbatch/core/model"

// tensor makes a value of Input's and Output's arguments.
func tensor(name string, elem model.ElemType, dims []any) model.Value {
	v := model.Value{Name: name, Kind: model.Tensor, Elem: elem, Ranked: true}
	for _, d := range dims {
		switch d := d.(type) {
		case string:
			v.Shape = append(v.Shape, model.Dim{Size: -1, Symbol: d})
		case int:
			v.Shape = append(v.Shape, model.Dim{Size: int64(d)})
		case int64:
			v.Shape = append(v.Shape, model.Dim{Size: d})
		default: // no type at all, which no reader takes for this tensor
			return model.Value{Name: name, Kind: "a dimension must be a string or an int"}
		}
	}
	return v
}

// valueInfo is a ValueInfoProto.
func valueInfo(v model.Value) []byte { return sub(str(nil, 1, v.Name), 2, typeOf(v)) }

// typeOf is a TypeProto.
func typeOf(v model.Value) []byte {
	held := func() []byte {
		if v.Of == nil { // short for a tensor of Elem
			return typeOf(model.Value{Kind: model.Tensor, Elem: v.Elem})
		}
		return typeOf(*v.Of)
	}
	switch v.Kind {
	case model.Tensor:
		return sub(nil, 1, tensorType(v))
	case model.SparseTensor:
		return sub(nil, 8, tensorType(v))
	case model.Sequence:
		return sub(nil, 4, sub(nil, 1, held()))
	case model.Optional:
		return sub(nil, 9, sub(nil, 1, held()))
	case model.Map:
		return sub(nil, 5, sub(num(nil, 1, uint64(v.Key)), 2, held()))
	}
	return []byte{0xff} // cut short, so that reading fails
}

func tensorType(v model.Value) []byte {
	t := num(nil, 1, uint64(v.Elem))
	if !v.Ranked {
		return t
	}
	var shape []byte
	for _, d := range v.Shape {
		var dim []byte
		if d.Size >= 0 {
			dim = num(dim, 1, uint64(d.Size))
		} else if d.Symbol != "" {
			dim = str(dim, 2, d.Symbol)
		}
		shape = sub(shape, 1, dim)
	}
	return sub(t, 2, shape)
}
