package model

import (
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
//
// Inputs, subgraphs and everything else are copied byte for byte. With nothing
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
	order []string          // of casts
}

func newAdapter(m *protoModel) *adapter {
	a := &adapter{
		model: m, used: map[string]bool{}, eaten: map[string]bool{},
		zips: map[string]*ZipMap{}, casts: map[string]string{},
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
		} else if v.Kind == Tensor && a.castable(v.Elem) {
			if a.casts[v.Name] == "" {
				a.casts[v.Name] = a.fresh(v.Name + "_float32")
				a.order = append(a.order, v.Name)
			}
			r.From = a.casts[v.Name]
		}
		changed = changed || r.ZipMap != nil || r.From != r.Output
		reads = append(reads, r)
	}
	return reads, changed
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
	nodes, outputs, infos := 0, 0, 0
	err := eachField(b, func(f field) error {
		switch f.num {
		case 1:
			n := &a.model.graph.nodes[nodes]
			nodes++
			if n.isZipMap() && a.zips[n.out[0]] != nil {
				out = appendNode(out, n.name, "Identity", n.in[0], n.out[0])
				return nil
			}
		case 12:
			v := a.model.graph.outputs[outputs]
			outputs++
			if z := a.zips[v.Name]; z != nil {
				out = appendBytes(out, 12, floatMatrix(v.Name, len(z.Ints)+len(z.Strings)))
				return nil
			}
			if name := a.casts[v.Name]; name != "" {
				value, err := retype(f.buf, name)
				out = appendBytes(out, 12, value)
				return err
			}
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
		out = appendNode(out, a.fresh(name+"_to_float32"), "Cast", name, a.casts[name], castTo(Float32))
	}
	return out, err
}
