package engine

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// xy starts a model of float32 records [N,2].
func xy() *modeltest.Graph { return modeltest.New().Input("x", model.Float32, "N", 2) }

// sequence is a sequence of tensors.
func sequence(name string, elem model.ElemType) model.Value {
	return model.Value{Name: name, Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: elem}}
}

func TestCorpusOutputs(t *testing.T) {
	two := `{"x":[1,2]}
		{"x":[3,4]}`
	runCorpus(t, []specimen{
		{
			name:  "a scalar output",
			graph: xy().Output("y", model.Float32).Node("ReduceSum", list("x"), list("y"), modeltest.Int("keepdims", 0)),
			in:    two,
			want: `"y":3
				"y":7`,
		},
		{
			name: "a reduction over the batch",
			graph: xy().Output("y", model.Float32, "N", 2).Node("ReduceMean", list("x"), list("m"), modeltest.Ints("axes", 0), modeltest.Int("keepdims", 1)).
				Node("Sub", list("x m"), list("y")),
			in: two,
			want: `"y":[0,0]
				"y":[0,0]`,
		},
		{
			name:  "an output without the batch axis",
			graph: xy().Output("y", model.Float32, "N", 2).Output("z", model.Int64, 2).Node("Relu", list("x"), list("y")).Int64s("k", []int64{2}, []int64{7, 8}).Node("Identity", list("k"), list("z")),
			in:    two,
			refused: `the job does not fit the model: model output "z" is int64 [2], without the axis that counts records; ` +
				`set batching { records = 1 }, or --batch 1, to run one record at a time`,
		},
		{
			name:  "an output without the batch axis, one at a time",
			graph: xy().Output("y", model.Float32, "N", 2).Output("z", model.Int64, 2).Node("Relu", list("x"), list("y")).Int64s("k", []int64{2}, []int64{7, 8}).Node("Identity", list("k"), list("z")),
			in:    two, records: 1,
			want: `"y":[1,2],"z":[7,8]
				"y":[3,4],"z":[7,8]`,
		},
		{
			name:  "an output without the batch axis, not selected",
			graph: xy().Output("y", model.Float32, "N", 2).Output("z", model.Int64, 2).Node("Relu", list("x"), list("y")).Int64s("k", []int64{2}, []int64{7, 8}).Node("Identity", list("k"), list("z")),
			in:    two, sel: []job.Selection{{Name: "first", Path: "y[0]"}},
			want: `"first":1
				"first":3`,
		},
		{
			name:  "a scalar of every record, of float16",
			graph: modeltest.New().Input("x", model.Float16, "N", 2).Output("y", model.Float16).Node("ReduceSum", list("x"), list("y"), modeltest.Int("keepdims", 0)),
			in:    two,
			want: `"y":3
				"y":7`,
		},
		{
			name: "an output declared without rank that is a scalar",
			graph: xy().OutputUnranked("y", model.Float32).
				Node("ReduceSum", list("x"), list("y"), modeltest.Int("keepdims", 0)),
			in: two,
			want: `"y":3
				"y":7`,
		},
		{
			name: "a string scalar",
			graph: xy().Output("y", model.String).Node("ReduceSum", list("x"), list("s"), modeltest.Int("keepdims", 0)).
				Node("Cast", list("s"), list("y"), modeltest.Int("to", int64(model.String))),
			in: two,
			want: `"y":"3"
				"y":"7"`,
		},
		{
			name:  "how many rows depends on the data",
			graph: xy().Output("y", model.Int64, 2, "K").Node("NonZero", list("x"), list("y")),
			in: `{"x":[1,0]}
				{"x":[3,4]}
				{"x":[0,0]}`,
			want: `"y":[[0],[0]]
				"y":[[0,0],[0,1]]
				"y":[[],[]]`,
		},
		{
			name:  "unique values",
			graph: xy().Output("y", model.Float32, "K").Node("Unique", list("x"), list("y")),
			in: `{"x":[1,0]}
				{"x":[3,3]}`,
			want: `"y":[0,1]
				"y":[3]`,
		},
		{
			name:  "a sequence of one tensor a record",
			graph: xy().OutputValue(sequence("y", model.Float32)).Node("SequenceConstruct", list("x x"), list("y")),
			in:    two, records: 1,
			want: `"y":[[[1,2]],[[1,2]]]
				"y":[[[3,4]],[[3,4]]]`,
		},
		{
			name:  "a sequence of tensors asks for one at a time",
			graph: xy().OutputValue(sequence("y", model.Float32)).Node("SequenceConstruct", list("x x"), list("y")),
			in:    two,
			refused: `the job does not fit the model: model output "y" is sequence of float32 (rank unknown), without the axis that counts records; ` +
				`set batching { records = 1 }, or --batch 1, to run one record at a time`,
		},
		{
			name:  "split to a sequence",
			graph: xy().OutputValue(sequence("y", model.Float32)).Node("SplitToSequence", list("x"), list("y"), modeltest.Int("axis", 1)),
			in:    two, records: 1,
			want: `"y":[[[1]],[[2]]]
				"y":[[[3]],[[4]]]`,
		},
		{
			name:  "a sequence of integers",
			graph: modeltest.New().Input("x", model.Int64, "N", 2).OutputValue(sequence("y", model.Int64)).Node("SplitToSequence", list("x"), list("y"), modeltest.Int("axis", 1)),
			in:    two, records: 1,
			want: `"y":[[[1]],[[2]]]
				"y":[[[3]],[[4]]]`,
		},
		{
			name:  "a sequence of strings",
			graph: modeltest.New().Input("x", model.String, "N", 2).OutputValue(sequence("y", model.String)).Node("SequenceConstruct", list("x"), list("y")),
			in:    `{"x":["a","b"]}`, records: 1,
			want: `"y":[[["a","b"]]]`,
		},
		{
			name:  "an empty sequence",
			graph: xy().Output("z", model.Float32, "N", 2).OutputValue(sequence("y", model.Float32)).Node("SequenceEmpty", nil, list("y")).Node("Relu", list("x"), list("z")),
			in:    `{"x":[1,2]}`, records: 1,
			want: `"z":[1,2],"y":[]`,
		},
		{
			name:  "an optional output",
			graph: xy().OutputValue(model.Value{Name: "y", Kind: model.Optional, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32}}).Node("Optional", list("x"), list("y")),
			in:    `{"x":[1,2]}`, records: 1,
			refused: `the job does not fit the model: model output "y" is optional float32 (rank unknown), which ONNX Runtime's Go binding cannot read; select the other outputs`,
		},
		{
			name: "maps of numbers",
			graph: modeltest.New().Opset("ai.onnx.ml", 1).Input("x", model.Float32, "N", 2).
				OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Map, Key: model.Int64, Elem: model.Float32}}).
				Node("ZipMap", list("x"), list("y"), modeltest.Domain("ai.onnx.ml"), modeltest.Ints("classlabels_int64s", 7, -1)),
			in: two,
			want: `"y":{"-1":2,"7":1}
				"y":{"-1":4,"7":3}`,
		},
		{
			name: "maps of words",
			graph: modeltest.New().Opset("ai.onnx.ml", 1).Input("x", model.Float32, "N", 2).
				OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Map, Key: model.String, Elem: model.Float32}}).
				Node("ZipMap", list("x"), list("y"), modeltest.Domain("ai.onnx.ml"), modeltest.Strings("classlabels_strings", "yes", "a \"no\"")),
			in: two,
			want: `"y":{"a \"no\"":2,"yes":1}
				"y":{"a \"no\"":4,"yes":3}`,
		},
		{
			name: "one class of a map",
			graph: modeltest.New().Opset("ai.onnx.ml", 1).Input("x", model.Float32, "N", 2).
				OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Map, Key: model.String, Elem: model.Float32}}).
				Node("ZipMap", list("x"), list("y"), modeltest.Domain("ai.onnx.ml"), modeltest.Strings("classlabels_strings", "yes", "no")),
			in: two, sel: []job.Selection{{Name: "p", Path: `y["no"]`}},
			want: `"p":2
				"p":4`,
		},
		{
			name:  "a model that hands on its input",
			graph: xy().Output("x", model.Float32, "N", 2).Output("y", model.Float32, "N", 2).Node("Neg", list("x"), list("y")),
			in:    two,
			want: `"x":[1,2],"y":[-1,-2]
				"x":[3,4],"y":[-3,-4]`,
		},
		{
			name:  "a constant output",
			graph: xy().Output("y", model.Float32, "N", 2).Output("k", model.Float32).Floats("k", nil, []float32{3.5}).Node("Neg", list("x"), list("y")),
			in:    two, records: 1,
			want: `"y":[-1,-2],"k":3.5
				"y":[-3,-4],"k":3.5`,
		},
		{
			name:  "a declared shape that is not so",
			graph: xy().Output("y", model.Float32, "N", 7).Node("Neg", list("x"), list("y")),
			in:    two,
			want: `"y":[-1,-2]
				"y":[-3,-4]`,
		},
		{
			name:  "no records in the answer",
			graph: xy().Output("y", model.Float32, "N", 0).Int64s("a", []int64{1}, []int64{0}).Int64s("b", []int64{1}, []int64{0}).Int64s("c", []int64{1}, []int64{1}).Node("Slice", list("x a b c"), list("y")),
			in:    two,
			want: `"y":[]
				"y":[]`,
		},
		{
			name:  "the batch axis stands second in the answer",
			graph: xy().Output("y", model.Float32, 2, "N").Node("Transpose", list("x"), list("y")),
			in:    two,
			refused: `the job does not fit the model: model output "y" is float32 [2,N], without the axis that counts records; ` +
				`set batching { records = 1 }, or --batch 1, to run one record at a time`,
		},
		{
			name:  "a sequence of scalars is not read yet",
			graph: modeltest.New().Input("x", model.Float32, 2).OutputValue(sequence("y", model.Float32)).Node("SplitToSequence", list("x"), list("y"), modeltest.Int("keepdims", 0)),
			in:    `{"x":[1,2]}`, records: 1,
			want: `! model_error: Error creating tensor from ort: Error retrieving sequence contents at index 0: Invalid tensor shape: The shape has no dimensions`,
		},
		{
			name: "the last state of an LSTM has its batch axis second",
			graph: modeltest.New().Input("x", model.Float32, 1, "N", 1).Output("h", model.Float32, 1, "N", 1).
				Floats("W", []int64{1, 4, 1}, make([]float32, 4)).Floats("R", []int64{1, 4, 1}, make([]float32, 4)).
				Node("LSTM", list("x W R"), list("- h"), modeltest.Int("hidden_size", 1)),
			in:   `{"x":[[1],[2]]}`,
			want: `"h":[[0],[0]]`,
		},
		{
			name:  "numbers as text",
			graph: modeltest.New().Input("x", model.Float64, "N", 2).Output("y", model.String, "N", 2).Node("Cast", list("x"), list("y"), modeltest.Int("to", int64(model.String))),
			in:    `{"x":[1,0.1]}`,
			want:  `"y":["1","0.1"]`,
		},
		{
			name: "every half of a sum is rounded",
			graph: modeltest.New().Input("x", model.Float32, "N").Output("h", model.Float16, "N").Output("b", model.BFloat16, "N").
				Node("Cast", list("x"), list("h"), modeltest.Int("to", int64(model.Float16))).Node("Cast", list("x"), list("b"), modeltest.Int("to", int64(model.BFloat16))),
			in: `{"x":0.1234567}
				{"x":100000}`,
			want: `"h":0.1235,"b":0.1235
				"h":"Infinity","b":100000`,
		},
	})
}
