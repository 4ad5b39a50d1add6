package model_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

var maps = model.Value{Kind: model.Map, Key: model.Int64, Elem: model.Float32, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32}}

func in(names ...string) []string  { return names }
func out(names ...string) []string { return names }

func parse(t *testing.T, g *modeltest.Graph) *model.Graph {
	t.Helper()
	m, err := model.Parse(g.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParse(t *testing.T) {
	g := modeltest.New().Opset("ai.onnx.ml", 3).
		Input("x", model.Float32, "N", 30, modeltest.Unknown).
		Input("W", model.Float32, 2).
		Input("s", model.Float32, 4).
		InputUnranked("u", model.String).
		Input("k", model.Int64).
		Output("y", model.Float16, "N", 2).
		OutputUnranked("z", model.Int4).
		OutputValue(model.Value{Name: "m", Kind: model.Sequence, Of: &maps}).
		OutputValue(model.Value{Name: "o", Kind: model.Optional, Of: &model.Value{Kind: model.Tensor, Elem: model.Bool, Ranked: true}}).
		OutputValue(model.Value{Name: "sp", Kind: model.SparseTensor, Elem: model.Float64, Ranked: true, Shape: []model.Dim{{Size: 3}}}).
		Floats("W", []int64{2}, []float32{1, 2}).
		Sparse("s", []int64{4}, 1, 2).
		Node("ZipMap", in("p"), out("m"), modeltest.Domain("ai.onnx.ml"), modeltest.Ints("classlabels_int64s", 3, 5)).
		Node("ZipMap", in("p"), out("inner"), modeltest.Domain("ai.onnx.ml"), modeltest.Strings("classlabels_strings", "a"))
	m := parse(t, g)
	var types []string
	for _, v := range append(m.Inputs, m.Outputs...) {
		types = append(types, v.Name+" "+v.Type())
	}
	want := []string{
		"x float32 [N,30,?]", "u string (rank unknown)", "k int64 scalar",
		"y float16 [N,2]", "z int4 (rank unknown)", "m sequence of map(int64 -> float32)", "o optional bool scalar",
		"sp sparse float64 [3]",
	}
	if !reflect.DeepEqual(types, want) {
		t.Errorf("types %q", types)
	}
	if seq := m.Outputs[2]; seq.Elem != model.Float32 || seq.Key != model.Int64 || seq.Of.Kind != model.Map || seq.Ranked {
		t.Errorf("sequence %+v", seq)
	}
	if m.IR != 8 || m.Producer != "modeltest" || m.Name != "test" || m.Nodes != 2 ||
		!reflect.DeepEqual(m.Opsets, []model.Opset{{Version: 17}, {Domain: "ai.onnx.ml", Version: 3}}) {
		t.Errorf("header %+v", m)
	}
	if want := []model.ZipMap{{Output: "m", Input: "p", Ints: []int64{3, 5}}}; !reflect.DeepEqual(m.ZipMaps, want) {
		t.Errorf("zip maps %+v", m.ZipMaps)
	}
	text, err := json.Marshal(m)
	var back model.Graph
	if err != nil || json.Unmarshal(text, &back) != nil || !reflect.DeepEqual(*m, back) {
		t.Errorf("JSON does not round-trip: %v %s", err, text)
	}
}

func TestExternalLocations(t *testing.T) {
	body := modeltest.New().External("w", model.Float32, []int64{1}, "c.bin", 0, 4).Output("q", model.Float32)
	f := modeltest.New().Node("Constant", nil, out("fo"), modeltest.ExternalTensor("value", model.Float32, nil, "d.bin"))
	g := modeltest.New().Opset("local", 1).Output("y", model.Float32).
		External("a", model.Float32, []int64{1}, "b.bin", 0, 4).
		External("b", model.Float32, []int64{1}, "b.bin", 4, 4).
		Node("Constant", nil, out("c"), modeltest.ExternalTensor("value", model.Float32, nil, "a.bin")).
		Node("If", in("k"), out("y"), modeltest.GraphAttr("then_branch", body)).
		Function("local", "F", nil, out("fo"), f)
	if got := parse(t, g).External; !reflect.DeepEqual(got, []string{"a.bin", "b.bin", "c.bin", "d.bin"}) {
		t.Errorf("external %q", got)
	}
}

func TestNotONNX(t *testing.T) {
	deep := modeltest.New().Output("y", model.Float32)
	for range 40 {
		deep = modeltest.New().Output("y", model.Float32).Node("If", in("c"), out("y"), modeltest.GraphAttr("then_branch", deep))
	}
	nested := model.Value{Kind: model.Tensor}
	for range 40 {
		held := nested
		nested = model.Value{Kind: model.Sequence, Of: &held}
	}
	whole := modeltest.New().Output("y", model.Float32).Floats("w", []int64{100}, make([]float32, 100)).Bytes()
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "empty"},
		{"html", []byte("\n<!DOCTYPE html><html>"), "HTML"},
		{"xml", []byte("<?xml version='1.0'?><Error>"), "XML"},
		{"lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:12"), "git lfs pull"},
		{"zip", []byte("PK\x03\x04aaaaaaa"), "ZIP"},
		{"gzip", []byte("\x1f\x8b\x08\x00"), "archive"},
		{"pickle", []byte("\x80\x04\x95aaaa"), "pickle"},
		{"hdf5", []byte("\x89HDF\r\n"), "HDF5"},
		{"tflite", []byte("\x1c\x00\x00\x00TFL3"), "TensorFlow Lite"},
		{"ort", []byte("\x1c\x00\x00\x00ORTM"), "ORT format"},
		{"parquet", []byte("PAR1\x15"), "Parquet"},
		{"text", []byte("hello wörld, this is text"), `starts with "hello wörld`},
		{"cut text", []byte("abcdefghijkl\xc3"), "starts with"},
		{"random", []byte{0xff, 0xfe, 0, 1, 2}, "not an ONNX model"},
		{"truncated", whole[:len(whole)/2], "unexpected EOF"},
		{"no graph", []byte{8, 8}, "no graph"},
		{"two graphs", append(whole[:len(whole):len(whole)], 0x3a, 0), "more than one graph"},
		{"no outputs", modeltest.New().Bytes(), "no outputs"},
		{"nameless output", modeltest.New().Output("", model.Float32).Bytes(), "without a name"},
		{"no version", modeltest.New().IR(0).Output("y", model.Float32).Bytes(), "ir_version"},
		{"bad dimension", modeltest.New().Output("y", model.Float32, 1.5).Bytes(), "unexpected EOF"},
		{"deep graphs", deep.Bytes(), "nested too deeply"},
		{"deep types", modeltest.New().OutputValue(nested).Bytes(), "nested too deeply"},
	} {
		_, err := model.Parse(c.b)
		if !errors.Is(err, model.ErrNotONNX) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, _, _, err := model.Adapt(c.b); !errors.Is(err, model.ErrNotONNX) {
			t.Errorf("%s: Adapt: %v", c.name, err)
		}
	}
}

// A wrong wire type in a field that is read is an error, wherever it stands.
func TestWrongWireTypes(t *testing.T) {
	for _, b := range []string{
		"\x0a\x00", "\x10\x01", "\x38\x01", "\x40\x01", "\xc8\x01\x01", // model
		"\x3a\x02\x08\x01", "\x3a\x02\x10\x01", "\x3a\x02\x28\x01", "\x3a\x02\x58\x01", "\x3a\x02\x60\x01", "\x3a\x02\x78\x01", // graph
		"\x3a\x04\x0a\x02\x08\x01", "\x3a\x04\x0a\x02\x28\x01", "\x3a\x06\x0a\x04\x2a\x02\x30\x01", // node, attribute
		"\x3a\x04\x2a\x02\x4d\x01", "\x3a\x04\x2a\x02\x68\x01", // tensor
		"\x3a\x04\x62\x02\x10\x01", "\x3a\x06\x62\x04\x12\x02\x08\x01", "\xca\x01\x02\x08\x01", // value, type, function
	} {
		if _, err := model.Parse([]byte(b)); !errors.Is(err, model.ErrNotONNX) || strings.Contains(err.Error(), "it has no graph") {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func TestElemType(t *testing.T) {
	for n := model.ElemType(-1); n < 40; n++ {
		text, err := n.MarshalText()
		var back model.ElemType
		if err != nil || back.UnmarshalText(text) != nil || back != n {
			t.Errorf("%d: %s, %v, %d", n, text, err, back)
		}
	}
	if model.Float32.String() != "float32" || model.BFloat16 != 16 || model.BFloat16.String() != "bfloat16" ||
		model.Float8E4M3FN.String() != "float8e4m3fn" || model.Int2.String() != "int2" || model.Uint4.String() != "uint4" {
		t.Error("names and numbers do not fit")
	}
	var e model.ElemType
	for _, s := range []string{"", "float", "elem(1)", "elem(x)", "elem(99"} {
		if e.UnmarshalText([]byte(s)) == nil {
			t.Errorf("%q is taken", s)
		}
	}
}

func TestType(t *testing.T) {
	for want, v := range map[string]model.Value{
		"sequence of undefined":            {Kind: model.Sequence},
		"optional undefined":               {Kind: model.Optional},
		"map(string -> float32 [N])":       {Kind: model.Map, Key: model.String, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32, Ranked: true, Shape: []model.Dim{{Size: -1, Symbol: "N"}}}},
		"map(int64 -> bool)":               {Kind: model.Map, Key: model.Int64, Elem: model.Bool},
		"sequence of float32 [?,0]":        {Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32, Ranked: true, Shape: []model.Dim{{Size: -1}, {}}}},
		"sparse elem(77) (rank unknown)":   {Kind: model.SparseTensor, Elem: 77},
		"map(int64 -> map(int8 -> uint8))": {Kind: model.Map, Key: model.Int64, Of: &model.Value{Kind: model.Map, Key: model.Int8, Elem: model.Uint8}},
	} {
		if got := v.Type(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
