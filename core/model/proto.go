package model

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth bounds the nesting of graphs, types and function calls. Real models stay below ten.
const maxDepth = 32

var errTooDeep = errors.New("nested too deeply")

// The types of this file mirror ONNX's messages, as far as this package needs
// them. Byte slices point into the file.
type protoModel struct {
	ir              int64
	producer        string
	producerVersion string
	graph           *protoGraph
	opsets          []Opset
	functions       []*protoFunction
}

type protoGraph struct {
	name    string
	nodes   []protoNode
	inits   []protoTensor // sparse ones too: their name and dims, never their elements
	inputs  []Value
	outputs []Value
	infos   []Value
}

type protoFunction struct {
	domain, name, overload string
	inputs, outputs        []string
	defaults               []protoAttr
	nodes                  []protoNode
	infos                  []Value
	opsets                 []Opset
}

type protoNode struct {
	name, domain, op, overload string
	in, out                    []string
	attrs                      []protoAttr
}

type protoAttr struct {
	name, ref string
	body      []byte // lists are decoded on demand: a tree ensemble's have millions of elements
	tensors   []protoTensor
	graphs    []*protoGraph
}

func (m *protoModel) parse(b []byte) error {
	return eachField(b, func(f field) error {
		switch f.num {
		case 1:
			return f.int(&m.ir)
		case 2:
			return f.text(&m.producer)
		case 3:
			return f.text(&m.producerVersion)
		case 7:
			if m.graph != nil {
				return errors.New("more than one graph")
			}
			m.graph = &protoGraph{}
			return errors.Join(f.is(protowire.BytesType), within("graph", m.graph.parse(f.buf, 0)))
		case 8:
			return parseOpset(f, &m.opsets)
		case 25:
			fn := &protoFunction{}
			m.functions = append(m.functions, fn)
			return errors.Join(f.is(protowire.BytesType), within("function", fn.parse(f.buf)))
		}
		return nil
	})
}

// within says in which part of the file an error lies.
func within(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

func parseOpset(f field, dst *[]Opset) error {
	var o Opset
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&o.Domain)
		case 2:
			return f.int(&o.Version)
		}
		return nil
	})
	*dst = append(*dst, o)
	return errors.Join(f.is(protowire.BytesType), within("opset", err))
}

func (g *protoGraph) parse(b []byte, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	return eachField(b, func(f field) error {
		switch f.num {
		case 1:
			return parseNode(f, &g.nodes, depth)
		case 2:
			return f.text(&g.name)
		case 5:
			return parseTensor(f, &g.inits)
		case 11:
			return parseValue(f, &g.inputs)
		case 12:
			return parseValue(f, &g.outputs)
		case 13:
			return parseValue(f, &g.infos)
		case 15:
			return parseSparse(f, &g.inits)
		}
		return nil
	})
}

func (fn *protoFunction) parse(b []byte) error {
	return eachField(b, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&fn.name)
		case 4:
			return f.texts(&fn.inputs)
		case 5:
			return f.texts(&fn.outputs)
		case 7:
			return parseNode(f, &fn.nodes, 0)
		case 9:
			return parseOpset(f, &fn.opsets)
		case 10:
			return f.text(&fn.domain)
		case 11:
			return parseAttr(f, &fn.defaults, 0)
		case 12:
			return parseValue(f, &fn.infos)
		case 13:
			return f.text(&fn.overload)
		}
		return nil
	})
}

func parseNode(f field, dst *[]protoNode, depth int) error {
	var n protoNode
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.texts(&n.in)
		case 2:
			return f.texts(&n.out)
		case 3:
			return f.text(&n.name)
		case 4:
			return f.text(&n.op)
		case 5:
			return parseAttr(f, &n.attrs, depth)
		case 7:
			return f.text(&n.domain)
		case 8:
			return f.text(&n.overload)
		}
		return nil
	})
	*dst = append(*dst, n)
	return errors.Join(f.is(protowire.BytesType), within(fmt.Sprintf("node %d", len(*dst)-1), err))
}

func parseAttr(f field, dst *[]protoAttr, depth int) error {
	a := protoAttr{body: f.buf}
	err := eachField(f.buf, func(f field) error {
		switch f.num {
		case 1:
			return f.text(&a.name)
		case 5, 10:
			return parseTensor(f, &a.tensors)
		case 6, 11:
			g := &protoGraph{}
			a.graphs = append(a.graphs, g)
			return errors.Join(f.is(protowire.BytesType), within("subgraph", g.parse(f.buf, depth+1)))
		case 21:
			return f.text(&a.ref)
		case 22, 23:
			return parseSparse(f, &a.tensors)
		}
		return nil
	})
	*dst = append(*dst, a)
	return errors.Join(f.is(protowire.BytesType), within("attribute", err))
}
