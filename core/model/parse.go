package model

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotONNX says that a file holds no ONNX model; the error that wraps it says what is wrong.
var ErrNotONNX = errors.New("not an ONNX model")

// Opset is the version of a set of operators that a model uses.
type Opset struct {
	Domain  string `json:"domain"` // empty: ONNX's own
	Version int64  `json:"version"`
}

// Coupling is a node by which one record of a batch can influence another.
type Coupling struct {
	Node   string `json:"node"` // its name, or "#<index>"; inside subgraphs and functions a path: "loop/#2"
	Op     string `json:"op"`
	Reason string `json:"reason"`
}

// ZipMap is a ZipMap node whose result is an output of the graph: it pairs
// the columns of Input with class labels. One of Ints and Strings is set.
type ZipMap struct {
	Output  string   `json:"output"`
	Input   string   `json:"input"`
	Ints    []int64  `json:"ints,omitempty"`
	Strings []string `json:"strings,omitempty"`
}

// Graph is what a model file says about itself. It does not refer to the file's bytes.
type Graph struct {
	IR              int64      `json:"ir"`
	Producer        string     `json:"producer,omitempty"`
	ProducerVersion string     `json:"producer_version,omitempty"`
	Name            string     `json:"name,omitempty"`
	Opsets          []Opset    `json:"opsets,omitempty"`
	Nodes           int        `json:"nodes"`  // of the top-level graph
	Inputs          []Value    `json:"inputs"` // without those that an initializer gives a value
	Outputs         []Value    `json:"outputs"`
	External        []string   `json:"external,omitempty"` // locations as written, sorted, each once
	Coupled         []Coupling `json:"coupled,omitempty"`  // in file order, each node and op once
	ZipMaps         []ZipMap   `json:"zip_maps,omitempty"`
}

// Parse reads an ONNX model. Bytes that hold none give an error that wraps
// ErrNotONNX. External data are named, not read.
func Parse(b []byte) (*Graph, error) {
	m, err := parseModel(b)
	if err != nil {
		return nil, err
	}
	g := &Graph{
		IR: m.ir, Producer: m.producer, ProducerVersion: m.producerVersion, Name: m.graph.name,
		Opsets: m.opsets, Nodes: len(m.graph.nodes), Inputs: m.graph.realInputs(), Outputs: m.graph.outputs,
		External: m.external(), ZipMaps: m.graph.zipMaps(),
	}
	g.Coupled = couplings(m)
	return g, nil
}

// parseModel reads the file and checks what every model has.
func parseModel(b []byte) (*protoModel, error) {
	m := &protoModel{}
	err := m.parse(b)
	switch {
	case err == nil && m.graph == nil:
		err = errors.New("it has no graph")
	case err == nil && m.ir <= 0:
		err = errors.New("it has no ir_version")
	case err == nil && len(m.graph.outputs) == 0:
		err = errors.New("its graph has no outputs")
	case err == nil:
		for _, v := range m.graph.outputs {
			if v.Name == "" {
				err = errors.New("its graph has an output without a name")
			}
		}
	}
	if err == nil {
		return m, nil
	}
	if what := sniff(b); what != "" {
		return nil, fmt.Errorf("%w: %s", ErrNotONNX, what)
	}
	return nil, fmt.Errorf("%w: %w", ErrNotONNX, err)
}

// realInputs are the inputs that a caller must give: IR 3 and older list every initializer as an input too.
func (g *protoGraph) realInputs() []Value {
	given := map[string]bool{}
	for _, t := range g.inits {
		given[t.name] = true
	}
	return slices.DeleteFunc(slices.Clone(g.inputs), func(v Value) bool { return given[v.Name] })
}

// external lists the locations of external data in initializers, attributes, subgraphs and functions.
func (m *protoModel) external() []string {
	var out []string
	var inNodes func([]protoNode)
	add := func(tensors []protoTensor) {
		for _, t := range tensors {
			if t.external {
				out = append(out, t.location)
			}
		}
	}
	inGraph := func(g *protoGraph) { add(g.inits); inNodes(g.nodes) }
	inAttrs := func(attrs []protoAttr) {
		for _, a := range attrs {
			add(a.tensors)
			for _, g := range a.graphs {
				inGraph(g)
			}
		}
	}
	inNodes = func(nodes []protoNode) {
		for _, n := range nodes {
			inAttrs(n.attrs)
		}
	}
	inGraph(m.graph)
	for _, fn := range m.functions {
		inAttrs(fn.defaults)
		inNodes(fn.nodes)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// zipMaps lists the ZipMap nodes whose result is an output.
func (g *protoGraph) zipMaps() []ZipMap {
	var out []ZipMap
	for i := range g.nodes {
		n := &g.nodes[i]
		if !n.isZipMap() || !slices.ContainsFunc(g.outputs, func(v Value) bool { return v.Name == n.out[0] }) {
			continue
		}
		z := ZipMap{Output: n.out[0], Input: n.in[0]}
		z.Ints, _ = n.attr("classlabels_int64s").ints()
		z.Strings = n.attr("classlabels_strings").strings()
		out = append(out, z)
	}
	return out
}

func (n *protoNode) isZipMap() bool {
	return n.op == "ZipMap" && n.domain == "ai.onnx.ml" && len(n.in) == 1 && len(n.out) == 1
}

// attr returns an attribute; an empty one when the node does not have it.
func (n *protoNode) attr(name string) protoAttr { return findAttr(n.attrs, name) }

func findAttr(attrs []protoAttr, name string) protoAttr {
	for _, a := range attrs {
		if a.name == name {
			return a
		}
	}
	return protoAttr{}
}

// ints decodes an attribute's list of integers; false when it has none. An
// empty list is written as no field at all, so its presence is the attribute's.
func (a protoAttr) ints() ([]int64, bool) {
	var out []int64
	err := eachField(a.body, func(f field) error {
		if f.num == 8 {
			return f.ints(&out)
		}
		return nil
	})
	return out, err == nil && a.name != ""
}

func (a protoAttr) strings() []string {
	var out []string
	_ = eachField(a.body, func(f field) error { // the wire format was checked when the node was read
		if f.num == 9 {
			return f.texts(&out)
		}
		return nil
	})
	return out
}

// int decodes an attribute's integer; false when it has none.
func (a protoAttr) int() (int64, bool) {
	var out int64
	found := false
	_ = eachField(a.body, func(f field) error { // as above
		if f.num == 3 && f.int(&out) == nil {
			found = true
		}
		return nil
	})
	return out, found || a.name != "" && !a.hasValue()
}

// hasValue reports any value field. A writer of the proto3 kind leaves a zero out.
func (a protoAttr) hasValue() bool {
	found := false
	_ = eachField(a.body, func(f field) error { // as above
		found = found || (f.num >= 2 && f.num <= 11) || f.num == 14 || f.num == 15 || f.num == 22 || f.num == 23
		return nil
	})
	return found
}

func (a protoAttr) text() string {
	var out string
	_ = eachField(a.body, func(f field) error { // as above
		if f.num == 4 {
			return f.text(&out)
		}
		return nil
	})
	return out
}
