package model_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

func TestAdaptNothing(t *testing.T) {
	b := modeltest.New().Input("x", model.Float16, "N").Output("y", model.Float32, "N").Node("Cast", in("x"), out("y"), modeltest.Int("to", 1)).Bytes()
	got, reads, changed, err := model.Adapt(b)
	if err != nil || changed || &got[0] != &b[0] {
		t.Errorf("changed %v, %v", changed, err)
	}
	if want := []model.Read{{Output: "y", From: "y", Elem: model.Float32}}; !reflect.DeepEqual(reads, want) {
		t.Errorf("reads %+v", reads)
	}
}

func TestAdapt(t *testing.T) {
	g := modeltest.New().Opset("ai.onnx.ml", 3).
		Input("x", model.Float32, "N", 2).
		Output("h", model.Float16, "N", 7).
		OutputValue(model.Value{Name: "m", Kind: model.Sequence, Of: &maps}).
		OutputUnranked("b", model.BFloat16).
		Output("p", model.Float32, "N", 2).
		OutputValue(model.Value{Name: "hs", Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: model.Float16}}).
		Info("m", model.Float32).
		Node("Identity", in("x"), out("p")).
		Node("ZipMap", in("p"), out("m"), modeltest.Domain("ai.onnx.ml"), modeltest.Name("zip"), modeltest.Strings("classlabels_strings", "no", "yes")).
		Node("Cast", in("x"), out("h"), modeltest.Int("to", 10)).
		Node("Cast", in("h"), out("b"), modeltest.Int("to", 16)).
		Node("Identity", in("h_float32_x"), out("h_float32")) // a name that is taken
	b := append(g.Bytes(), 0xa2, 0x06, 3, 'a', 'b', 'c') // an unknown field
	got, reads, changed, err := model.Adapt(b)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	zip := &model.ZipMap{Output: "m", Input: "p", Strings: []string{"no", "yes"}}
	want := []model.Read{
		{Output: "h", From: "h_float32_1", Elem: model.Float16},
		{Output: "m", From: "m", Elem: model.Float32, ZipMap: zip},
		{Output: "b", From: "crossbatch:lifted:b", Elem: model.BFloat16},
		{Output: "p", From: "p", Elem: model.Float32},
		{Output: "hs", From: "hs", Elem: model.Float16},
	}
	if !reflect.DeepEqual(reads, want) {
		t.Errorf("reads %+v", reads)
	}
	if !bytes.Contains(got, []byte{0xa2, 0x06, 3, 'a', 'b', 'c'}) {
		t.Error("an unknown field is lost")
	}
	m, err := model.Parse(got)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, v := range m.Outputs {
		types = append(types, v.Name+" "+v.Type())
	}
	if w := []string{
		"h float16 [N,7]", "h_float32_1 float32 [N,7]", "m float32 [?,2]", "b bfloat16 (rank unknown)", "crossbatch:lifted:b float32 (rank unknown)",
		"p float32 [N,2]", "hs sequence of float16 (rank unknown)",
	}; !reflect.DeepEqual(types, w) {
		t.Errorf("outputs %q", types)
	}
	if m.Nodes != 8 || len(m.ZipMaps) != 0 || !reflect.DeepEqual(m.Opsets, parse(t, g).Opsets) {
		t.Errorf("%+v", m)
	}
}

// Scalars that the binding cannot make or take become vectors, on whatever path they are read.
func TestAdaptScalars(t *testing.T) {
	sub := modeltest.New().Output("s", model.String).Node("Identity", in("s"), out("i"))
	for opset, nodes := range map[int64]int{9: 5, 17: 5} {
		g := modeltest.New().Opset("", opset).Input("s", model.String).Input("c", model.Bool).Input("n", model.Float32).
			Output("y", model.String).OutputUnranked("crossbatch:lifted:z", model.Float32).
			Node("If", in("c"), out("y"), modeltest.GraphAttr("then_branch", sub), modeltest.GraphAttr("else_branch", sub)).
			Node("Identity", in("n"), out("crossbatch:lifted:z"))
		got, reads, _, err := model.Adapt(g.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want := []model.Read{
			{Output: "y", From: "crossbatch:lifted:y", Elem: model.String},
			{Output: "crossbatch:lifted:z", From: "crossbatch:lifted:crossbatch:lifted:z", Elem: model.Float32},
		}
		if !reflect.DeepEqual(reads, want) {
			t.Errorf("reads %+v", reads)
		}
		m, err := model.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if m.Inputs[0].Type() != "string [1]" || m.Inputs[2].Type() != "float32 scalar" || m.Nodes != nodes {
			t.Errorf("%d nodes, inputs %+v", m.Nodes, m.Inputs)
		}
		if bytes.Count(got, []byte("\x0a\x08s_scalar")) != 4 || bytes.Count(got, []byte("\x0a\x01s\x12\x01i")) != 0 {
			t.Error("a node still reads the vector") // two nodes and two outputs of subgraphs read the scalar
		}
	}
}

// What cannot be rewritten safely stays.
func TestAdaptLeaves(t *testing.T) {
	zip := func() *modeltest.Graph {
		return modeltest.New().Opset("ai.onnx.ml", 3).OutputValue(model.Value{Name: "m", Kind: model.Sequence, Of: &maps}).
			Node("ZipMap", in("p"), out("m"), modeltest.Domain("ai.onnx.ml"), modeltest.Ints("classlabels_int64s", 0, 1))
	}
	inner := modeltest.New().Output("m", model.Float32)
	for name, g := range map[string]*modeltest.Graph{
		"maps are consumed":           zip().Node("SequenceLength", in("m"), out("n")),
		"maps leave by a subgraph":    zip().Node("If", in("c"), out("n"), modeltest.GraphAttr("then_branch", inner)),
		"bfloat16 before opset 13":    modeltest.New().Opset("", 12).Output("b", model.BFloat16),
		"float16 before opset 6":      modeltest.New().Opset("", 5).Output("b", model.Float16),
		"a ZipMap of another domain":  modeltest.New().Output("m", model.Float32).Node("ZipMap", in("p"), out("m")),
		"a ZipMap that is no output":  modeltest.New().Output("p", model.Float32).Node("ZipMap", in("p"), out("m"), modeltest.Domain("ai.onnx.ml")),
		"a ZipMap without any output": modeltest.New().Output("p", model.Float32).Node("ZipMap", in("p"), nil, modeltest.Domain("ai.onnx.ml")),
	} {
		if _, reads, changed, err := model.Adapt(g.Bytes()); err != nil || changed || reads[0].From != reads[0].Output || reads[0].ZipMap != nil {
			t.Errorf("%s: %v %v %+v", name, changed, err, reads)
		}
	}
	// A model without standard operators gets an import for those that are added.
	bare := zip().Opset("", 0).Output("b", model.BFloat16)
	got, _, changed, err := model.Adapt(bare.Bytes())
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	m, err := model.Parse(got)
	if err != nil || !reflect.DeepEqual(m.Opsets, []model.Opset{{Domain: "ai.onnx.ml", Version: 3}, {Version: 13}}) {
		t.Errorf("opsets %+v, %v", m, err)
	}
}
