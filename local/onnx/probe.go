package onnx

import "google.golang.org/protobuf/encoding/protowire"

// probeModel is the smallest model there is: y = Identity(x), float32 [1].
func probeModel() []byte {
	str := func(b []byte, n protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
	}
	num := func(b []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	msg := func(b []byte, n protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
	}
	value := func(name string) []byte { // ValueInfoProto: name, type.tensor_type{elem_type, shape.dim.dim_value}
		shape := msg(nil, 1, num(nil, 1, 1))
		tensor := msg(num(nil, 1, 1), 2, shape)
		return msg(str(nil, 1, name), 2, msg(nil, 1, tensor))
	}
	node := str(str(str(nil, 1, "x"), 2, "y"), 4, "Identity")
	graph := msg(nil, 1, node)
	graph = str(graph, 2, "probe")
	graph = msg(graph, 11, value("x"))
	graph = msg(graph, 12, value("y"))
	model := num(nil, 1, 8)                           // ir_version
	model = msg(model, 7, graph)                      // graph
	return msg(model, 8, num(str(nil, 1, ""), 2, 17)) // opset_import
}
