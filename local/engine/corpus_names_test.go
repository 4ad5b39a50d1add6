package engine

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// renamed is an identity between names.
func renamed(in, out string) *modeltest.Graph {
	return modeltest.New().Input(in, model.Float32, "N").Output(out, model.Float32, "N").Node("Identity", []string{in}, []string{out})
}

// TestCorpusNames covers inputs and outputs by any name, and inputs that no record has to give.
func TestCorpusNames(t *testing.T) {
	runCorpus(t, []specimen{
		{name: "dots", graph: renamed("a.b", "c.d"), in: `{"a.b":1}`, want: `"c.d":1`},
		{name: "dots into an object", graph: renamed("a.b", "c.d"), in: `{"a":{"b":2}}`, want: `"c.d":2`},
		{name: "spaces", graph: renamed("a b", "c d"), in: `{"a b":1}`, want: `"c d":1`},
		{name: "slashes and colons", graph: renamed("m/x:0", "m/y:0"), in: `{"m/x:0":1}`, want: `"m/y:0":1`},
		{name: "other scripts", graph: renamed("入力", "é\"x\\"), in: `{"入力":1}`, want: `"é\"x\\":1`},
		{name: "brackets", graph: renamed("x[0]", "y[0]"), in: `{"x[0]":1}`, want: `"y[0]":1`},
		{name: "key and prediction", graph: renamed("key", "prediction"), in: `{"key":1}`, want: `"prediction":1`},
		{name: "an output named key", graph: renamed("prediction", "key"), in: `{"prediction":1}`, want: `"key":1`},
		{name: "an output named as its input", graph: renamed("error", "row"), key: []string{"error"}, in: `{"error":1}`, want: `{"key":1,"prediction":{"row":1}}`},
		{name: "numbers", graph: renamed("0", "1"), in: `{"0":1}`, want: `"1":1`},
		{
			name: "weights that are listed as inputs",
			graph: modeltest.New().IR(3).Opset("", 8).Input("x", model.Float32, "N", 1).Input("w", model.Float32, 1, 1).Output("y", model.Float32, "N", 1).
				Floats("w", []int64{1, 1}, []float32{3}).Node("MatMul", list("x w"), list("y")),
			in: `{"x":[2]}
				{"x":[4]}`,
			want: `"y":[6]
				"y":[12]`,
		},
		{
			name: "an input with a value of its own is not asked for",
			graph: modeltest.New().Input("x", model.Float32, "N").Input("scale", model.Float32).Output("y", model.Float32, "N").
				Floats("scale", nil, []float32{10}).Node("Mul", list("x scale"), list("y")),
			in: `{"x":2,"scale":5}
				{"x":4}`,
			want: `"y":20
				"y":40`,
		},
		{
			name: "an input that no node reads",
			graph: modeltest.New().Input("x", model.Float32, "N").Input("unused", model.Int64, "N", 2).Output("y", model.Float32, "N").
				Node("Neg", list("x"), list("y")),
			in: `{"x":2,"unused":[1,2]}
				{"x":3,"unused":[1,2]}`,
			want: `"y":-2
				"y":-3`,
		},
		{
			name:    "no inputs",
			graph:   modeltest.New().Output("y", model.Float32, 1).Floats("k", []int64{1}, []float32{1}).Node("Identity", list("k"), list("y")),
			in:      `{"x":2}`,
			refused: `the job does not fit the model: the model has no inputs, so no record can feed it`,
		},
		{
			name:    "a field that is not there",
			graph:   renamed("feature", "y"),
			in:      `{"feture":2}`,
			refused: `field "feature", which feeds the model input of that name (float32 [N]); a tensor block would name other fields, is not in any record of in.jsonl; did you mean "feture"? the data has feture`,
		},
		{
			name: "an optional input",
			graph: modeltest.New().InputValue(model.Value{Name: "x", Kind: model.Optional, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32}}).
				Output("y", model.Float32, "N").Node("OptionalGetElement", list("x"), list("y")),
			in:      `{"x":[2]}`,
			refused: `the job does not fit the model: model input "x" is optional float32 (rank unknown), which records cannot feed yet`,
		},
		{
			name: "a sequence input",
			graph: modeltest.New().InputValue(sequence("x", model.Float32)).
				Output("y", model.Float32, "N").Node("ConcatFromSequence", list("x"), list("y"), modeltest.Int("axis", 0)),
			in:      `{"x":[[2]]}`,
			refused: `the job does not fit the model: model input "x" is sequence of float32 (rank unknown), which records cannot feed yet`,
		},
		{
			name: "weights in another file",
			graph: modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
				External("w", model.Float32, []int64{1, 1}, "w.bin", 0, 4).Node("MatMul", list("x w"), list("y")),
			files: "w.bin=\x00\x00\x40\x40",
			in:    `{"x":[2]}`,
			want:  `"y":[6]`,
		},
		{
			name: "weights in another file of a model that is adapted",
			graph: modeltest.New().Input("x", model.Float16, "N", 1).Output("y", model.Float16, "N", 1).
				External("w", model.Float16, []int64{1, 1}, "w.bin", 0, 2).Node("MatMul", list("x w"), list("y")),
			files: "w.bin=\x00\x42",
			in:    `{"x":[2]}`,
			want:  `"y":[6]`,
		},
	})
}
