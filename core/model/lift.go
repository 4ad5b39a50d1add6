package model

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// liftedPrefix begins the name of an output that has one axis more than the
// original's tensor.
const liftedPrefix = "crossbatch:lifted:"

// Lifted says that an output of an adapted model has an axis of size 1 in front
// of the original's own.
func Lifted(output string) bool { return strings.HasPrefix(output, liftedPrefix) }

// lifts reports an output whose tensor may be a scalar that the binding cannot
// take: one without a rank, and a string. An output that is named as if it were
// lifted is, so that its name says nothing false.
func (v Value) lifts() bool {
	return v.Kind == Tensor && (!v.Ranked || len(v.Shape) == 0 && v.Elem == String || Lifted(v.Name))
}

// lowers reports an input that is a scalar which the binding cannot make.
func (v Value) lowers() bool {
	return v.Kind == Tensor && v.Ranked && len(v.Shape) == 0 && (v.Elem == String || v.Elem == Float16 || v.Elem == BFloat16)
}

// Inputs are the inputs that a caller must give.
func Inputs(b []byte) ([]Value, error) {
	m, err := parseModel(b)
	if err != nil {
		return nil, err
	}
	return m.graph.realInputs(), nil
}

// unsqueeze adds the node, and what it needs, that puts an axis in front.
func (a *adapter) unsqueeze(graph []byte, in, out string) []byte {
	name := a.fresh(out + "_unsqueeze")
	opset := a.opset
	if opset == 0 {
		opset = addedOpset
	}
	if opset < 13 {
		axes := appendBytes(nil, 1, []byte("axes"))
		axes = protowire.AppendVarint(protowire.AppendTag(axes, 8, protowire.VarintType), 0)
		const attributeInts = 7
		axes = protowire.AppendVarint(protowire.AppendTag(axes, 20, protowire.VarintType), attributeInts)
		return appendNode(graph, name, "Unsqueeze", []string{in}, out, axes)
	}
	axes := a.fresh(out + "_axes")
	t := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	t = append(t, elemTag(2, Int64)...)
	t = appendBytes(t, 8, []byte(axes))
	t = appendBytes(t, 9, make([]byte, 8))
	graph = appendBytes(graph, 5, t)
	return appendNode(graph, name, "Unsqueeze", []string{in, axes}, out)
}

// anyTensor is a ValueInfoProto of a tensor whose shape is left open.
func anyTensor(name string, t ElemType) []byte {
	return appendBytes(appendBytes(nil, 1, []byte(name)), 2, appendBytes(nil, 1, elemField(t)))
}

// asVector is a scalar's ValueInfoProto with the shape [1].
func asVector(value []byte) ([]byte, error) {
	one := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
	return inTensorType(value, func(tensor []byte) ([]byte, error) {
		out, err := rewrite(tensor, func(f field) ([]byte, error) {
			if f.num == 2 {
				return nil, nil
			}
			return f.raw, nil
		})
		return appendBytes(out, 2, appendBytes(nil, 1, one)), err
	})
}

// renamed is a node that reads other tensors, also in the graphs inside it.
func renamed(node []byte, names map[string]string) ([]byte, error) {
	return rewrite(node, func(f field) ([]byte, error) {
		switch f.num {
		case 1:
			if name, ok := names[string(f.buf)]; ok {
				return appendBytes(nil, 1, []byte(name)), nil
			}
		case 5:
			attr, err := rewrite(f.buf, func(f field) ([]byte, error) {
				if f.num != 6 && f.num != 11 {
					return f.raw, nil
				}
				sub, err := renamedGraph(f.buf, names)
				return appendBytes(nil, f.num, sub), err
			})
			return appendBytes(nil, 5, attr), err
		}
		return f.raw, nil
	})
}

// renamedGraph is a subgraph that reads other tensors of the graphs around it.
func renamedGraph(graph []byte, names map[string]string) ([]byte, error) {
	return rewrite(graph, func(f field) ([]byte, error) {
		switch f.num {
		case 1:
			node, err := renamed(f.buf, names)
			return appendBytes(nil, 1, node), err
		case 12: // it may hand an outer tensor through
			value, err := rewrite(f.buf, func(f field) ([]byte, error) {
				if name, ok := names[string(f.buf)]; ok && f.num == 1 {
					return appendBytes(nil, 1, []byte(name)), nil
				}
				return f.raw, nil
			})
			return appendBytes(nil, 12, value), err
		}
		return f.raw, nil
	})
}

// lowered lists the inputs that are rewritten to [1], and the scalars that
// their readers get instead.
func (a *adapter) lowered() map[string]string {
	names := map[string]string{}
	for _, v := range a.model.graph.realInputs() {
		out := func(o Value) bool { return o.Name == v.Name } // would have to stay a scalar
		if v.lowers() && !slices.ContainsFunc(a.model.graph.outputs, out) {
			names[v.Name] = a.fresh(v.Name + "_scalar")
		}
	}
	return names
}
