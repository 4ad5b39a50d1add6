package model

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Read says how one output of the original model is had from the rewritten one.
type Read struct {
	Output string   `json:"output"`            // the original output
	From   string   `json:"from"`              // the output of the rewritten model that stands for it
	Elem   ElemType `json:"elem"`              // of the original output
	ZipMap *ZipMap  `json:"zip_map,omitempty"` // the labels of From's columns, where the original is a sequence of maps
}

// addedOpset is imported where the model imports no standard operators; any
// version that has Identity and Cast would do.
const addedOpset = 13

// Adapt rewrites the outputs of a model that a runtime binding cannot read, and
// says for each output of the original, in order, which one to read instead:
//
//   - A ZipMap node that makes an output becomes an Identity of its input, so the
//     output, of the same name, is a float32 tensor [N, labels]; not where another
//     node consumes the maps.
//   - A float16 or bfloat16 tensor output is cast to float32, which loses
//     nothing, under a new name; not where the model's opset has no such cast.
//     The original stays an output too: ONNX Runtime would otherwise join the
//     cast with the one that made it, and values be had that were never rounded.
//   - A tensor output without a rank, and a string scalar, gets an axis of size 1
//     in front, under a new name: see Lifted.
//   - An input that is a scalar of strings or of a half type becomes a vector of
//     one element, of the same name.
//
// Everything else is copied byte for byte. With nothing
// to rewrite, changed is false and out is b. Bytes that hold no model give an
// error that wraps ErrNotONNX.
func Adapt(b []byte) (out []byte, reads []Read, changed bool, err error) {
	m, err := parseModel(b)
	if err != nil {
		return nil, nil, false, err
	}
	a := newAdapter(m)
	reads, changed = a.plan()
	if !changed {
		return b, reads, false, nil
	}
	err = eachField(b, func(f field) error {
		if f.num != 7 {
			out = append(out, f.raw...)
			return nil
		}
		g, err := a.graph(f.buf)
		out = appendBytes(out, 7, g)
		return err
	})
	if a.opset == 0 { // operators were added to a model that imports none
		import_ := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), addedOpset)
		out = appendBytes(out, 8, import_)
	}
	return out, reads, true, err
}

// adapter holds what to rewrite.
type adapter struct {
	model *protoModel
	opset int64           // of the standard operators; 0: not imported
	used  map[string]bool // names of tensors and nodes, in all graphs
	eaten map[string]bool // tensors that a node consumes
	zips  map[string]*ZipMap
	casts map[string]string // half output -> its float32 name
	lifts map[string]string // output -> its lifted name
	order []string          // of outputs that are cast or lifted
	lower map[string]string // scalar input -> what its readers read instead
}

func newAdapter(m *protoModel) *adapter {
	a := &adapter{
		model: m, used: map[string]bool{}, eaten: map[string]bool{},
		zips: map[string]*ZipMap{}, casts: map[string]string{}, lifts: map[string]string{},
	}
	for _, o := range m.opsets {
		if normalDomain(o.Domain) == "" {
			a.opset = o.Version
		}
	}
	a.names(m.graph)
	return a
}

// names collects the names of a graph and of those inside it.
func (a *adapter) names(g *protoGraph) {
	for _, values := range [][]Value{g.inputs, g.outputs, g.infos} {
		for _, v := range values {
			a.used[v.Name] = true
		}
	}
	for _, t := range g.inits {
		a.used[t.name] = true
	}
	for _, n := range g.nodes {
		a.used[n.name] = true
		for _, name := range n.in {
			a.used[name], a.eaten[name] = true, true
		}
		for _, name := range n.out {
			a.used[name] = true
		}
		for _, at := range n.attrs {
			for _, sub := range at.graphs {
				a.names(sub)
				for _, v := range sub.outputs { // a subgraph may hand an outer tensor through
					a.eaten[v.Name] = true
				}
			}
		}
	}
}

// plan decides what is read from where.
func (a *adapter) plan() (reads []Read, changed bool) {
	zips := a.model.graph.zipMaps()
	for i := range zips {
		if !a.eaten[zips[i].Output] {
			a.zips[zips[i].Output] = &zips[i]
		}
	}
	for _, v := range a.model.graph.outputs {
		r := Read{Output: v.Name, From: v.Name, Elem: v.Elem, ZipMap: a.zips[v.Name]}
		if r.ZipMap != nil {
			r.Elem = Float32 // whatever the file declares: ZipMap makes no other
		} else if a.rename(v) {
			r.From = cmp.Or(a.lifts[v.Name], a.casts[v.Name])
		}
		changed = changed || r.ZipMap != nil || r.From != r.Output
		reads = append(reads, r)
	}
	a.lower = a.lowered()
	return reads, changed || len(a.lower) > 0
}

// rename gives an output that is cast or lifted its new names.
func (a *adapter) rename(v Value) bool {
	cast := v.Kind == Tensor && a.castable(v.Elem)
	if !cast && !v.lifts() {
		return false
	}
	if a.casts[v.Name] != "" || a.lifts[v.Name] != "" {
		return true // an output that is listed twice
	}
	a.order = append(a.order, v.Name)
	if cast {
		a.casts[v.Name] = a.fresh(v.Name + "_float32")
	}
	if v.lifts() {
		a.lifts[v.Name] = a.fresh(liftedPrefix + v.Name)
	}
	return true
}

// castable reports a half type that the model's opset can cast: before opset 6
// Cast was written otherwise, and bfloat16 came with opset 13.
func (a *adapter) castable(t ElemType) bool {
	opset := a.opset
	if opset == 0 {
		opset = addedOpset
	}
	return t == Float16 && opset >= 6 || t == BFloat16 && opset >= 13
}

// fresh makes a name that no graph of the model uses.
func (a *adapter) fresh(base string) string {
	name := base
	for i := 1; a.used[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	a.used[name] = true
	return name
}

// graph rewrites the top-level graph.
func (a *adapter) graph(b []byte) ([]byte, error) {
	var out []byte
	for _, in := range slices.Sorted(maps.Keys(a.lower)) { // without axes: Squeeze of every opset takes all of size 1
		scalar := a.lower[in]
		out = appendNode(out, a.fresh(scalar+"_squeeze"), "Squeeze", []string{in}, scalar)
	}
	nodes, inputs, outputs, infos := 0, 0, 0, 0
	err := eachField(b, func(f field) error {
		switch f.num {
		case 1:
			n := &a.model.graph.nodes[nodes]
			nodes++
			if n.isZipMap() && a.zips[n.out[0]] != nil {
				out = appendNode(out, n.name, "Identity", n.in, n.out[0])
				return nil
			}
			if len(a.lower) > 0 {
				node, err := renamed(f.buf, a.lower)
				out = appendBytes(out, 1, node)
				return err
			}
		case 11:
			v := a.model.graph.inputs[inputs]
			inputs++
			if a.lower[v.Name] != "" {
				value, err := asVector(f.buf)
				out = appendBytes(out, 11, value)
				return err
			}
		case 12:
			v := a.model.graph.outputs[outputs]
			outputs++
			if z := a.zips[v.Name]; z != nil {
				out = appendBytes(out, 12, floatMatrix(v.Name, len(z.Ints)+len(z.Strings)))
				return nil
			}
			extra, err := a.output(v, f.buf)
			out = append(append(out, f.raw...), extra...)
			return err
		case 13:
			v := a.model.graph.infos[infos]
			infos++
			if a.zips[v.Name] != nil { // it would still say that these are maps
				return nil
			}
		}
		out = append(out, f.raw...)
		return nil
	})
	for _, name := range a.order {
		from := []string{name}
		if cast := a.casts[name]; cast != "" {
			out = appendNode(out, a.fresh(cast+"_cast"), "Cast", from, cast, castTo(Float32))
			from[0] = cast
		}
		if lifted := a.lifts[name]; lifted != "" {
			out = a.unsqueeze(out, from[0], lifted)
		}
	}
	return out, err
}

// output declares what an output is read from besides.
func (a *adapter) output(v Value, value []byte) ([]byte, error) {
	cast, lifted := a.casts[v.Name], a.lifts[v.Name]
	switch {
	case lifted != "" && cast != "":
		return appendBytes(nil, 12, anyTensor(lifted, Float32)), nil
	case lifted != "":
		return appendBytes(nil, 12, anyTensor(lifted, v.Elem)), nil
	case cast != "":
		value, err := retype(value, cast)
		return appendBytes(nil, 12, value), err
	}
	return nil, nil
}
