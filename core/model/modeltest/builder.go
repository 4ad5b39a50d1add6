package modeltest

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"google.golang.org/protobuf/encoding/protowire"
)

// Unknown is a dimension without a name.
const Unknown = -1

// Graph is a model in the making, or, as the argument of GraphAttr, a subgraph.
type Graph struct {
	ir      int64
	opsets  []model.Opset
	name    string
	nodes   [][]byte
	inits   [][]byte
	sparse  [][]byte
	inputs  [][]byte
	outputs [][]byte
	infos   [][]byte
	funcs   [][]byte
}

// New starts a model of IR version 8 and opset 17.
func New() *Graph {
	return &Graph{ir: 8, name: "test", opsets: []model.Opset{{Version: 17}}}
}

// IR sets the IR version; 0 leaves it out.
func (g *Graph) IR(version int64) *Graph {
	g.ir = version
	return g
}

// Opset sets the version of a domain's operators; 0 takes the import out.
func (g *Graph) Opset(domain string, version int64) *Graph {
	var kept []model.Opset
	for _, o := range g.opsets {
		if o.Domain != domain {
			kept = append(kept, o)
		}
	}
	if version > 0 {
		kept = append(kept, model.Opset{Domain: domain, Version: version})
	}
	g.opsets = kept
	return g
}

// Input adds a tensor input. A dimension is a string (a symbol), an int, or Unknown; none make a scalar.
func (g *Graph) Input(name string, elem model.ElemType, dims ...any) *Graph {
	return g.InputValue(tensor(name, elem, dims))
}

// InputUnranked adds a tensor input without a shape.
func (g *Graph) InputUnranked(name string, elem model.ElemType) *Graph {
	return g.InputValue(model.Value{Name: name, Kind: model.Tensor, Elem: elem})
}

// InputValue adds an input of any type.
func (g *Graph) InputValue(v model.Value) *Graph {
	g.inputs = append(g.inputs, valueInfo(v))
	return g
}

// Output adds a tensor output; dimensions are as for Input.
func (g *Graph) Output(name string, elem model.ElemType, dims ...any) *Graph {
	return g.OutputValue(tensor(name, elem, dims))
}

// OutputUnranked adds a tensor output without a shape.
func (g *Graph) OutputUnranked(name string, elem model.ElemType) *Graph {
	return g.OutputValue(model.Value{Name: name, Kind: model.Tensor, Elem: elem})
}

// OutputValue adds an output of any type, such as a sequence of maps.
func (g *Graph) OutputValue(v model.Value) *Graph {
	g.outputs = append(g.outputs, valueInfo(v))
	return g
}

// Info declares the shape of a tensor inside the graph.
func (g *Graph) Info(name string, elem model.ElemType, dims ...any) *Graph {
	g.infos = append(g.infos, valueInfo(tensor(name, elem, dims)))
	return g
}

// Node adds a node. An empty name leaves an optional input or output out.
func (g *Graph) Node(op string, in, out []string, options ...Option) *Graph {
	var n []byte
	for _, s := range in {
		n = str(n, 1, s)
	}
	for _, s := range out {
		n = str(n, 2, s)
	}
	n = str(n, 4, op)
	for _, o := range options {
		n = sub(n, o.num, o.body)
	}
	g.nodes = append(g.nodes, n)
	return g
}

// Floats adds a float32 constant.
func (g *Graph) Floats(name string, dims []int64, data []float32) *Graph {
	var raw []byte
	for _, f := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	return g.Raw(name, model.Float32, dims, raw)
}

// Int64s adds an int64 constant.
func (g *Graph) Int64s(name string, dims []int64, data []int64) *Graph {
	var raw []byte
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return g.Raw(name, model.Int64, dims, raw)
}

// Strings adds a string constant.
func (g *Graph) Strings(name string, dims []int64, data []string) *Graph {
	t := header(name, model.String, dims)
	for _, s := range data {
		t = str(t, 6, s)
	}
	g.inits = append(g.inits, t)
	return g
}

// Raw adds a constant by the bytes of its elements, little-endian.
func (g *Graph) Raw(name string, elem model.ElemType, dims []int64, raw []byte) *Graph {
	g.inits = append(g.inits, sub(header(name, elem, dims), 9, raw))
	return g
}

// External adds a constant whose elements lie in another file.
func (g *Graph) External(name string, elem model.ElemType, dims []int64, location string, offset, length int64) *Graph {
	g.inits = append(g.inits, external(name, elem, dims, location, offset, length))
	return g
}

// Sparse adds a sparse float32 constant with one element.
func (g *Graph) Sparse(name string, dims []int64, index int64, value float32) *Graph {
	raw := binary.LittleEndian.AppendUint32(nil, math.Float32bits(value))
	at := binary.LittleEndian.AppendUint64(nil, uint64(index))
	s := sub(nil, 1, sub(header(name, model.Float32, []int64{1}), 9, raw))
	s = sub(s, 2, sub(header("", model.Int64, []int64{1}), 9, at))
	for _, d := range dims {
		s = num(s, 3, uint64(d))
	}
	g.sparse = append(g.sparse, s)
	return g
}

// Function adds a function of the model; its inputs and outputs are body's, by
// name. A node calls it by domain and name; the domain needs an opset import.
func (g *Graph) Function(domain, name string, in, out []string, body *Graph) *Graph {
	f := str(nil, 1, name)
	for _, s := range in {
		f = str(f, 4, s)
	}
	for _, s := range out {
		f = str(f, 5, s)
	}
	for _, n := range body.nodes {
		f = sub(f, 7, n)
	}
	for _, o := range body.opsets {
		f = sub(f, 9, opset(o))
	}
	g.funcs = append(g.funcs, str(f, 10, domain))
	return g
}

// Bytes is the model's file.
func (g *Graph) Bytes() []byte {
	var b []byte
	if g.ir > 0 {
		b = num(b, 1, uint64(g.ir))
	}
	b = str(b, 2, "modeltest")
	b = sub(b, 7, g.graph())
	for _, o := range g.opsets {
		b = sub(b, 8, opset(o))
	}
	for _, f := range g.funcs {
		b = sub(b, 25, f)
	}
	return b
}

// Save writes the model into the folder, which is made when absent, and returns its path.
func (g *Graph) Save(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, g.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// graph is the GraphProto.
func (g *Graph) graph() []byte {
	var b []byte
	for _, part := range []struct {
		num    protowire.Number
		fields [][]byte
	}{{1, g.nodes}, {2, [][]byte{[]byte(g.name)}}, {5, g.inits}, {11, g.inputs}, {12, g.outputs}, {13, g.infos}, {15, g.sparse}} {
		for _, f := range part.fields {
			b = sub(b, part.num, f)
		}
	}
	return b
}
