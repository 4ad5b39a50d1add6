package engine

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// TestCorpusShapes covers how records meet the axes of a model's inputs.
func TestCorpusShapes(t *testing.T) {
	pad := job.Literal{Kind: job.NumberLiteral, Text: "0"}
	runCorpus(t, []specimen{
		{
			name:  "several shapes in turn keep their order",
			graph: identity(model.Float32, "N", "L"),
			in: `{"x":[1]}
				{"x":[1,2]}
				{"x":[3]}
				{"x":[]}
				{"x":[3,4]}
				{"x":[]}`,
			want: `"y":[1]
				"y":[1,2]
				"y":[3]
				"y":[]
				"y":[3,4]
				"y":[]`,
		},
		{
			name:  "two open axes",
			graph: identity(model.Int64, "N", "A", "B"),
			in: `{"x":[[1,2]]}
				{"x":[[1],[2]]}
				{"x":[[]]}
				{"x":[]}
				{"x":[[5,6]]}`,
			want: `"y":[[1,2]]
				"y":[[1],[2]]
				"y":[[]]
				"y":[]
				"y":[[5,6]]`,
		},
		{
			name: "an empty list of fixed rows",
			graph: modeltest.New().Input("x", model.Float32, "N", "P", 3).Output("y", model.Float32, "N", 3).
				Int64s("axis", []int64{1}, []int64{1}).Node("ReduceSum", []string{"x", "axis"}, []string{"y"}, modeltest.Int("keepdims", 0)),
			in: `{"x":[[1,2,3],[4,5,6]]}
				{"x":[]}`,
			want: `"y":[5,7,9]
				"y":[0,0,0]`,
		},
		{
			name:  "a dimension of 0",
			graph: identity(model.Float32, "N", 0),
			in: `{"x":[]}
				{"x":[1]}`,
			want: `"y":[]
				! wrong_shape: model input "x" takes float32 [0]; field "x" has [1]`,
		},
		{
			name:    "no record fits a first dimension of 0",
			graph:   identity(model.Float32, 0, 2),
			in:      `{"x":[1,2]}`,
			refused: `the job does not fit the model: the model's inputs take no record at all: "x" (float32 [0,2])`,
		},
		{
			name:  "padded to the longest",
			graph: identity(model.Float32, "N", "L"), tensors: []job.Tensor{{Input: "x", Field: "x", Pad: &pad, Max: 3, Null: job.Null{Policy: job.NullFail}}},
			in: `{"x":[1]}
				{"x":[1,2,3,4]}
				{"x":[]}`,
			want: `"y":[1,0,0]
				! wrong_shape: model input "x": 4 elements, max is 3
				"y":[0,0,0]`,
		},
		{
			name:  "strings of several lengths",
			graph: identity(model.String, "N", "L"),
			in: `{"x":["a"]}
				{"x":[]}
				{"x":["b","c"]}
				{"x":["d"]}`,
			want: `"y":["a"]
				"y":[]
				"y":["b","c"]
				"y":["d"]`,
		},
		{
			name: "one symbol for two axes",
			graph: modeltest.New().Input("x", model.Float32, "N", "L").Input("m", model.Int64, "N", "L").Output("y", model.Float32, "N", "L").
				Node("Cast", list("m"), list("c"), modeltest.Int("to", int64(model.Float32))).Node("Mul", list("x c"), list("y")),
			in: `{"x":[1,2],"m":[1,0]}
				{"x":[3],"m":[1]}
				{"x":[6,7],"m":[2,2]}`,
			want: `"y":[1,0]
				"y":[3]
				"y":[12,14]`,
		},
		{
			name:  "one symbol twice in an input",
			graph: identity(model.Float32, "N", "N"),
			in: `{"x":[1,2]}
				{"x":[3,4]}
				{"x":[5]}`,
			want: `"y":[1,2]
				"y":[3,4]
				"y":[5]`,
		},
		{
			name:  "an input of unknown rank is the record's own tensor",
			graph: modeltest.New().InputUnranked("x", model.Float32).OutputUnranked("y", model.Float32).Node("Identity", list("x"), list("y")),
			in: `{"x":[1,2]}
				{"x":[[3],[4]]}
				{"x":[]}`,
			want: `"y":[1,2]
				"y":[[3],[4]]
				"y":[]`,
		},
		{
			name:  "an input of unknown rank takes a scalar",
			graph: modeltest.New().InputUnranked("x", model.Float32).OutputUnranked("y", model.Float32).Node("Identity", list("x"), list("y")),
			in:    `{"x":5}`,
			want:  `"y":5`,
		},
		{
			name:  "an output of unknown rank beside stacked records",
			graph: modeltest.New().Input("x", model.Float32, "N", 2).OutputUnranked("y", model.Float32).Node("Relu", list("x"), list("y")),
			in: `{"x":[1,-2]}
				{"x":[3,4]}`,
			want: `"y":[1,0]
				"y":[3,4]`,
		},
		{
			name: "a fixed size that records do not fill", places: true,
			graph: modeltest.New().Input("x", model.Float32, 4, 1).Output("y", model.Float32, 4, 1).
				Floats("k", []int64{4, 1}, []float32{0, 10, 20, 30}).Node("Add", list("x k"), list("y")),
			in: `{"x":[1]}
				{"x":[2]}
				{"x":[3]}
				{"x":[4]}
				{"x":[5]}
				{"x":[6]}`,
			want: `"y":[1]
				"y":[12]
				"y":[23]
				"y":[34]
				"y":[5]
				"y":[16]`,
		},
		{
			name: "fixed at 1 beside a scalar",
			graph: modeltest.New().Input("pcm", model.Float32, 1, "T").Input("sr", model.Int64).Output("y", model.Float32, 1, "T").
				Node("Cast", list("sr"), list("c"), modeltest.Int("to", int64(model.Float32))).Node("Mul", list("pcm c"), list("y")),
			in: `{"pcm":[1,2,3],"sr":2}
				{"pcm":[1],"sr":8000}`,
			want: `"y":[2,4,6]
				"y":[8000]`,
		},
		{
			name: "a whole tensor beside a batched one",
			graph: modeltest.New().Input("x", model.Float32, "N", 2).Input("w", model.Float32, 2, 2).Output("y", model.Float32, "N", 2).
				Node("MatMul", list("x w"), list("y")),
			in: `{"x":[1,2],"w":[[1,0],[0,1]]}
				{"x":[1,2],"w":[[0,1],[1,0]]}`,
			want: `"y":[1,2]
				"y":[2,1]`,
		},
		{
			name: "several inputs of several types",
			graph: modeltest.New().Input("a", model.Float64, "N").Input("b", model.Int8, "N", 1).Input("c", model.String, "N", 2).Input("d", model.Bool, "N").
				Output("e", model.Float64, "N").Output("f", model.Int8, "N", 1).Output("g", model.String, "N", 2).Output("h", model.Bool, "N").
				Node("Neg", list("a"), list("e")).Node("Neg", list("b"), list("f")).Node("Identity", list("c"), list("g")).Node("Not", list("d"), list("h")),
			in: `{"a":1.5,"b":[1],"c":["x","y"],"d":true}
				{"d":false,"c":["é",""],"b":[-1],"a":-0.0}`,
			want: `"e":-1.5,"f":[-1],"g":["x","y"],"h":false
				"e":0,"f":[1],"g":["é",""],"h":true`,
		},
		{
			name:  "a scalar feeds a column",
			graph: identity(model.Float32, "N", 1),
			in: `{"x":1}
				{"x":[2]}`,
			want: `"y":[1]
				"y":[2]`,
		},
		{
			name: "an image, flat text of lists",
			graph: modeltest.New().Input("x", model.Uint8, "N", 2, 2, 3).Output("y", model.Uint8, "N", 3, 2, 2).
				Node("Transpose", list("x"), list("y"), modeltest.Ints("perm", 0, 3, 1, 2)),
			in:   `{"x":[[[1,2,3],[4,5,6]],[[7,8,9],[10,11,12]]]}`,
			want: `"y":[[[1,4],[7,10]],[[2,5],[8,11]],[[3,6],[9,12]]]`,
		},
		{
			name:  "a record with the batch axis of 1 is the whole tensor",
			graph: identity(model.Float32, 1, 3),
			in: `{"x":[[1,2,3]]}
				{"x":[[4,5,6]]}`,
			want: `"y":[[1,2,3]]
				"y":[[4,5,6]]`,
		},
		{
			name:  "the first record is an empty list",
			graph: modeltest.New().Input("x", model.Float32, "N", "L").Output("y", model.Float32, "M", "K").Node("Neg", list("x"), list("y")),
			in: `{"x":[]}
				{"x":[1]}
				{"x":[2]}`,
			want: `"y":[]
				"y":[-1]
				"y":[-2]`,
		},
		{
			name:  "a record that the model refuses stands first",
			graph: modeltest.New().Input("x", model.Int64, "N").Output("y", model.Float32, "M").Floats("t", []int64{3}, []float32{10, 20, 30}).Node("Gather", list("t x"), list("y")),
			in: `{"x":7}
				{"x":1}
				{"x":-1}`,
			want: `! model_error: Error running network: Non-zero status code returned while running Gather node. Name:'' Status Message: indices element out of data bounds, idx=7 must be within the inclusive range [-3,2]
				"y":20
				"y":30`,
		},
		{
			name:  "whole tensors of rank 5",
			graph: identity(model.Int16, 1, 2, 1, 2, 1),
			in:    `{"x":[[[[[1],[2]]],[[[3],[4]]]]]}`,
			want:  `"y":[[[[[1],[2]]],[[[3],[4]]]]]`,
		},
		{
			name:  "symbols that differ between inputs",
			graph: modeltest.New().Input("a", model.Float32, "A", 1).Input("b", model.Float32, "B", 1).Output("y", model.Float32, "Y", 1).Node("Add", list("a b"), list("y")),
			in: `{"a":[1],"b":[2]}
				{"a":[3],"b":[4]}`,
			want: `"y":[3]
				"y":[7]`,
		},
		{
			name:  "half numbers fixed at four",
			graph: identity(model.Float16, 4, 2),
			in: `{"x":[1,2]}
				{"x":[3,4]}
				{"x":[5,6]}
				{"x":[7,8]}
				{"x":[9,0.1]}`,
			want: `"y":[1,2]
				"y":[3,4]
				"y":[5,6]
				"y":[7,8]
				"y":[9,0.1]`,
		},
		{
			name:  "strings fixed at two",
			graph: identity(model.String, 2, 1),
			in: `{"x":["a"]}
				{"x":["b"]}
				{"x":"c"}`,
			want: `"y":["a"]
				"y":["b"]
				"y":["c"]`,
		},
		{
			name: "fixed at four beside a scalar",
			graph: modeltest.New().Input("x", model.Float32, 4, 2).Input("s", model.Float32).Output("y", model.Float32, 4, 2).Output("t", model.Float32).
				Node("Mul", list("x s"), list("y")).Node("Neg", list("s"), list("t")),
			in: `{"x":[1,2],"s":3}
				{"x":[3,4],"s":0.5}`,
			want: `"y":[3,6],"t":-3
				"y":[1.5,2],"t":-0.5`,
		},
		{
			name:  "fixed at two beside a table of the record's own",
			graph: modeltest.New().Input("x", model.Float32, 2, 2).Input("w", model.Float32, 2, 1).Output("y", model.Float32, 2, 1).Node("MatMul", list("x w"), list("y")),
			in: `{"x":[1,2],"w":[[1],[10]]}
				{"x":[3,4],"w":[[10],[1]]}`,
			want: `"y":[21]
				"y":[34]`,
		},
	})
}
