package model

import (
	"slices"
	"strconv"
)

// maxSteps bounds the work, in nodes and names looked at. Functions that call
// functions would else let a small file ask for any amount of it.
const maxSteps = 2 << 20

// maxRounds bounds how often a loop's body is looked at until nothing changes.
const maxRounds = 8

// couplings follows the batch axis of every input through the graph, and lists
// the nodes at which records meet. It is an abstract interpretation: each tensor
// is a fact, each operator a rule that makes facts of facts. Operators without a
// rule lose the axis, which by itself is no coupling.
func couplings(m *protoModel) []Coupling {
	w := &walker{batch: map[string]bool{}, functions: map[string]*protoFunction{}, seen: map[[2]string]bool{}}
	for _, fn := range m.functions {
		w.functions[functionKey(fn.domain, fn.name, fn.overload)] = fn
	}
	s := newScope(nil, m.opsets, m.graph.infos)
	s.declare(m.graph.outputs)
	s.declare(m.graph.inputs)
	w.feed(s, m.graph.realInputs())
	w.graph(m.graph, s)
	if w.steps > maxSteps {
		w.report(Coupling{Node: "#0", Op: "graph", Reason: "may mix records: the graph is too large to follow the batch axis"})
	}
	return w.found
}

// walker goes over the nodes.
type walker struct {
	functions map[string]*protoFunction
	batch     map[string]bool // symbols by which the file names the batch axis
	steps     int
	found     []Coupling
	seen      map[[2]string]bool // node and op of what was found
}

// scope holds the names that the nodes of one graph see.
type scope struct {
	outer    *scope // of a subgraph: the graph around it
	facts    map[string]fact
	declared map[string][]Dim
	opsets   map[string]int64
	attrs    []protoAttr // of a function's body: the call's attributes
	path     string      // before node names: "loop/"
	depth    int
}

func newScope(outer *scope, opsets []Opset, infos []Value) *scope {
	s := &scope{outer: outer, facts: map[string]fact{}, declared: map[string][]Dim{}, opsets: map[string]int64{}}
	for _, o := range opsets {
		s.opsets[normalDomain(o.Domain)] = o.Version
	}
	s.declare(infos)
	return s
}

func (s *scope) declare(values []Value) {
	for _, v := range values {
		if v.Kind == Tensor && v.Ranked {
			s.declared[v.Name] = v.Shape
		}
	}
}

// find looks a name up. A name that no node has made is unknown.
func (s *scope) find(name string) fact {
	for ; s != nil; s = s.outer {
		if f, ok := s.facts[name]; ok {
			return f
		}
	}
	return unknown()
}

// feed makes the facts of the graph's inputs. Records are stacked along axis 0
// of an input. Beside inputs with a symbolic first dimension, one with a fixed
// first dimension cannot be stacked, so it is the same for all records.
func (w *walker) feed(s *scope, inputs []Value) {
	symbolic := slices.ContainsFunc(inputs, func(v Value) bool { return len(v.Shape) > 0 && v.Shape[0].Size < 0 })
	for _, v := range inputs {
		switch {
		case v.Kind != Tensor && v.Kind != SparseTensor:
			s.facts[v.Name] = unknown()
		case !v.Ranked:
			s.facts[v.Name] = stacked(0, lost)
		case len(v.Shape) == 0, symbolic && v.Shape[0].Size >= 0:
			s.facts[v.Name] = constant(len(v.Shape))
		default:
			s.facts[v.Name] = stacked(0, len(v.Shape))
			w.batch[v.Shape[0].Symbol] = v.Shape[0].Symbol != ""
		}
	}
}

// graph runs the nodes of a graph, top-level or nested.
func (w *walker) graph(g *protoGraph, s *scope) {
	for i := range g.inits {
		t := &g.inits[i]
		s.facts[t.name] = fromTensor(t)
	}
	for i := range g.nodes {
		w.node(&g.nodes[i], i, s)
	}
}

func (w *walker) node(n *protoNode, index int, s *scope) {
	if w.steps += 1 + len(n.in) + len(n.out) + len(n.attrs); w.steps > maxSteps {
		return
	}
	c := &call{walker: w, scope: s, node: n, name: n.name, opset: s.opsets[normalDomain(n.domain)]}
	if c.name == "" {
		c.name = "#" + strconv.Itoa(index)
	}
	for _, name := range n.in {
		f := constant(lost) // an optional input that is left out
		if name != "" {
			f = s.find(name)
		}
		c.in = append(c.in, f)
	}
	c.out = make([]fact, max(len(n.out), 1)) // so that a rule can always give its first result
	c.apply()
	for i, name := range n.out {
		if name != "" {
			s.facts[name] = w.declared(s, name, c.out[i])
		}
	}
}

// declared completes a fact by the shape that the file gives for the name.
func (w *walker) declared(s *scope, name string, f fact) fact {
	shape, ok := s.declared[name]
	if !ok {
		return f
	}
	if f.rank == lost {
		f.rank = len(shape)
	}
	if f.data && f.axis == lost {
		found := lost
		for i, d := range shape {
			if d.Size < 0 && w.batch[d.Symbol] {
				if found != lost { // two of them: no telling
					return f
				}
				found = i
			}
		}
		if found != lost {
			return stacked(found, len(shape))
		}
	}
	if !f.data && f.vals == nil && len(shape) == 1 && shape[0].Size >= 0 && shape[0].Size <= maxInts {
		f.vals = make([]size, shape[0].Size) // of a shape vector at least the length is known
	}
	return f
}

func (w *walker) report(c Coupling) {
	key := [2]string{c.Node, c.Op}
	if !w.seen[key] {
		w.seen[key] = true
		w.found = append(w.found, c)
	}
}

// normalDomain gives ONNX's own operators their one name.
func normalDomain(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

func functionKey(domain, name, overload string) string {
	return normalDomain(domain) + "\x00" + name + "\x00" + overload
}
