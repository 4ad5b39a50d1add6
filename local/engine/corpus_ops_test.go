package engine

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

const mlDomain = "ai.onnx.ml"

// ml starts a model of classical operators on float32 records [N,2].
func ml() *modeltest.Graph { return xy().Opset(mlDomain, 3) }

func TestCorpusClassical(t *testing.T) {
	two := `{"x":[1,2]}
		{"x":[3,-4]}`
	runCorpus(t, []specimen{
		{
			name:  "Scaler",
			graph: ml().Output("y", model.Float32, "N", 2).Node("Scaler", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Floats("offset", 1, 2), modeltest.Floats("scale", 2, 0.5)),
			in:    two,
			want: `"y":[0,0]
				"y":[4,-3]`,
		},
		{
			name:  "Normalizer",
			graph: ml().Output("y", model.Float32, "N", 2).Node("Normalizer", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.String("norm", "L1")),
			in:    `{"x":[1,3]}`,
			want:  `"y":[0.25,0.75]`,
		},
		{
			name: "Imputer",
			graph: ml().Output("y", model.Float32, "N", 2).
				Node("Imputer", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Floats("imputed_value_floats", 7, 8), modeltest.Float("replaced_value_float", -4)),
			in: two,
			want: `"y":[1,2]
				"y":[3,8]`,
		},
		{
			name:  "Binarizer",
			graph: ml().Output("y", model.Float32, "N", 2).Node("Binarizer", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Float("threshold", 1)),
			in:    two,
			want: `"y":[0,1]
				"y":[1,0]`,
		},
		{
			name: "OneHotEncoder of words",
			graph: modeltest.New().Opset(mlDomain, 3).Input("x", model.String, "N", 1).Output("y", model.Float32, "N", 1, 2).
				Node("OneHotEncoder", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Strings("cats_strings", "a", "b"), modeltest.Int("zeros", 1)),
			in: `{"x":["b"]}
				{"x":["?"]}
				{"x":"a"}`,
			want: `"y":[[0,1]]
				"y":[[0,0]]
				"y":[[1,0]]`,
		},
		{
			name: "LabelEncoder, words to numbers",
			graph: modeltest.New().Opset(mlDomain, 3).Input("x", model.String, "N", 1).Output("y", model.Int64, "N", 1).
				Node("LabelEncoder", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Strings("keys_strings", "a", "b"), modeltest.Ints("values_int64s", 10, 20), modeltest.Int("default_int64", -1)),
			in: `{"x":["b"]}
				{"x":["?"]}`,
			want: `"y":[20]
				"y":[-1]`,
		},
		{
			name: "LabelEncoder, numbers to words",
			graph: modeltest.New().Opset(mlDomain, 3).Input("x", model.Int64, "N").Output("y", model.String, "N").
				Node("LabelEncoder", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Ints("keys_int64s", 1, 2), modeltest.Strings("values_strings", "one", "zwei €"), modeltest.String("default_string", "")),
			in: `{"x":2}
				{"x":9}`,
			want: `"y":"zwei €"
				"y":""`,
		},
		{
			name: "FeatureVectorizer",
			graph: ml().Input("z", model.Float32, "N", 1).Output("y", model.Float32, "N", 3).
				Node("FeatureVectorizer", list("x z"), list("y"), modeltest.Domain(mlDomain), modeltest.Ints("inputdimensions", 2, 1)),
			in: `{"x":[1,2],"z":3}
				{"x":[4,5],"z":6}`,
			want: `"y":[1,2,3]
				"y":[4,5,6]`,
		},
		{
			name: "LinearClassifier with words and their scores",
			graph: ml().Output("label", model.String, "N").
				OutputValue(model.Value{Name: "scores", Kind: model.Sequence, Of: &model.Value{Kind: model.Map, Key: model.String, Elem: model.Float32}}).
				Node("LinearClassifier", list("x"), list("label p"), modeltest.Domain(mlDomain), modeltest.Strings("classlabels_strings", "no", "yes"),
					modeltest.Floats("coefficients", -1, 0, 1, 0), modeltest.Floats("intercepts", 0, 0), modeltest.Int("multi_class", 0), modeltest.String("post_transform", "NONE")).
				Node("ZipMap", list("p"), list("scores"), modeltest.Domain(mlDomain), modeltest.Strings("classlabels_strings", "no", "yes")),
			in: `{"x":[2,0]}
				{"x":[-3,0]}`,
			want: `"label":"yes","scores":{"no":-2,"yes":2}
				"label":"no","scores":{"no":3,"yes":-3}`,
		},
		{
			name: "LinearRegressor of one column",
			graph: ml().Output("y", model.Float32, "N", 1).
				Node("LinearRegressor", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Floats("coefficients", 1, 10), modeltest.Floats("intercepts", 0.5)),
			in: two,
			want: `"y":[21.5]
				"y":[-36.5]`,
		},
		{
			name: "SVMRegressor",
			graph: ml().Output("y", model.Float32, "N", 1).
				Node("SVMRegressor", list("x"), list("y"), modeltest.Domain(mlDomain), modeltest.Floats("coefficients", 2), modeltest.Floats("support_vectors", 1, 1),
					modeltest.Floats("rho", 0.5), modeltest.Int("n_supports", 1), modeltest.String("kernel_type", "LINEAR"), modeltest.Floats("kernel_params", 0, 0, 0)),
			in: two,
			want: `"y":[6.5]
				"y":[-1.5]`,
		},
		{
			name: "TreeEnsembleRegressor",
			graph: ml().Output("y", model.Float32, "N", 1).Node("TreeEnsembleRegressor", list("x"), list("y"), modeltest.Domain(mlDomain),
				modeltest.Ints("nodes_treeids", 0, 0, 0), modeltest.Ints("nodes_nodeids", 0, 1, 2), modeltest.Ints("nodes_featureids", 1, 0, 0), modeltest.Floats("nodes_values", 0, 0, 0),
				modeltest.Strings("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF"), modeltest.Ints("nodes_truenodeids", 1, 0, 0), modeltest.Ints("nodes_falsenodeids", 2, 0, 0),
				modeltest.Ints("target_treeids", 0, 0), modeltest.Ints("target_nodeids", 1, 2), modeltest.Ints("target_ids", 0, 0), modeltest.Floats("target_weights", -1, 5), modeltest.Int("n_targets", 1)),
			in: two,
			want: `"y":[5]
				"y":[-1]`,
		},
		{
			name: "TreeEnsembleClassifier with words",
			graph: ml().Output("label", model.String, "N").Output("p", model.Float32, "N", 3).Node("TreeEnsembleClassifier", list("x"), list("label p"), modeltest.Domain(mlDomain),
				modeltest.Ints("nodes_treeids", 0, 0, 0), modeltest.Ints("nodes_nodeids", 0, 1, 2), modeltest.Ints("nodes_featureids", 1, 0, 0), modeltest.Floats("nodes_values", 0, 0, 0),
				modeltest.Strings("nodes_modes", "BRANCH_LEQ", "LEAF", "LEAF"), modeltest.Ints("nodes_truenodeids", 1, 0, 0), modeltest.Ints("nodes_falsenodeids", 2, 0, 0),
				modeltest.Ints("class_treeids", 0, 0, 0), modeltest.Ints("class_nodeids", 1, 2, 2), modeltest.Ints("class_ids", 0, 1, 2), modeltest.Floats("class_weights", 1, 0.25, 0.75),
				modeltest.Strings("classlabels_strings", "a", "b", "c")),
			in: two,
			want: `"label":"c","p":[0,0.25,0.75]
				"label":"a","p":[1,0,0]`,
		},
		{
			name: "ArrayFeatureExtractor",
			graph: ml().Output("y", model.Float32, "N", 1).Int64s("i", []int64{1}, []int64{1}).
				Node("ArrayFeatureExtractor", list("x i"), list("y"), modeltest.Domain(mlDomain)),
			in: two,
			want: `"y":[2]
				"y":[-4]`,
		},
	})
}

func TestCorpusControlFlow(t *testing.T) {
	two := `{"x":[1,2]}
		{"x":[3,-4]}`
	neg := modeltest.New().Output("a", model.Float32, "N", 2).Node("Neg", list("x"), list("a"))
	abs := modeltest.New().Output("b", model.Float32, "N", 2).Node("Abs", list("x"), list("b"))
	body := modeltest.New().Input("i", model.Int64).Input("go", model.Bool).Input("v", model.Float32, "N", 2).
		Output("on", model.Bool).Output("w", model.Float32, "N", 2).
		Node("Identity", list("go"), list("on")).Node("Add", list("v v"), list("w"))
	runCorpus(t, []specimen{
		{
			name:  "If by a flag of the record",
			graph: xy().Input("flag", model.Bool).Output("y", model.Float32, "N", 2).Node("If", list("flag"), list("y"), modeltest.GraphAttr("then_branch", neg), modeltest.GraphAttr("else_branch", abs)),
			in: `{"x":[1,-2],"flag":true}
				{"x":[3,-4],"flag":false}`,
			want: `"y":[-1,2]
				"y":[3,4]`,
		},
		{
			name: "If by a flag of shape [1]",
			graph: xy().Input("flag", model.Bool, 1).Output("y", model.Float32, "N", 2).
				Node("If", list("flag"), list("y"), modeltest.GraphAttr("then_branch", neg), modeltest.GraphAttr("else_branch", abs)),
			in: `{"x":[1,-2],"flag":[true]}
				{"x":[3,-4],"flag":false}`,
			want: `"y":[-1,2]
				"y":[3,4]`,
		},
		{
			name: "Loop",
			graph: xy().Input("times", model.Int64).Output("y", model.Float32, "N", 2).
				Node("Loop", list("times - x"), list("y"), modeltest.GraphAttr("body", body)),
			in: `{"x":[1,2],"times":3}
				{"x":[3,-4],"times":0}`,
			want: `"y":[8,16]
				"y":[3,-4]`,
		},
		{
			name: "Scan over steps",
			graph: modeltest.New().Input("x", model.Float32, "T", 1).Output("y", model.Float32, "T", 1).Floats("zero", []int64{1}, []float32{0}).
				Node("Scan", list("zero x"), list("last y"), modeltest.Int("num_scan_inputs", 1), modeltest.GraphAttr("body",
					modeltest.New().Input("s", model.Float32, 1).Input("e", model.Float32, 1).Output("n", model.Float32, 1).Output("o", model.Float32, 1).
						Node("Add", list("s e"), list("n")).Node("Identity", list("n"), list("o")))),
			in: `{"x":[1]}
				{"x":[2]}`,
			want: `"y":[1]
				"y":[2]`,
		},
		{
			name: "a function of the model",
			graph: xy().Opset("mine", 1).Output("y", model.Float32, "N", 2).
				Function("mine", "Twice", list("a"), list("b"), modeltest.New().Node("Add", list("a a"), list("b"))).
				Node("Twice", list("x"), list("y"), modeltest.Domain("mine")),
			in: two,
			want: `"y":[2,4]
				"y":[6,-8]`,
		},
		{
			name: "string scalars through a subgraph",
			graph: modeltest.New().Input("flag", model.Bool).Input("s", model.String).Output("y", model.String).
				Node("If", list("flag"), list("y"),
					modeltest.GraphAttr("then_branch", modeltest.New().Output("t", model.String).Node("Identity", list("s"), list("t"))),
					modeltest.GraphAttr("else_branch", modeltest.New().Output("e", model.String).Strings("e", nil, []string{"no"}))),
			in: `{"flag":true,"s":"größe"}
				{"flag":false,"s":"x"}
				{"flag":true,"s":""}`,
			want: `"y":"größe"
				"y":"no"
				"y":""`,
		},
	})
}

func TestCorpusOperators(t *testing.T) {
	two := `{"x":[1,2]}
		{"x":[3,-4]}`
	zero8 := modeltest.RawTensor("value", model.Uint8, nil, []byte{128})
	runCorpus(t, []specimen{
		{
			name:  "TopK",
			graph: modeltest.New().Input("x", model.Float32, "N", 3).Output("v", model.Float32, "N", 2).Output("i", model.Int64, "N", 2).Int64s("k", []int64{1}, []int64{2}).Node("TopK", list("x k"), list("v i")),
			in: `{"x":[1,3,2]}
				{"x":[9,8,7]}`,
			want: `"v":[3,2],"i":[1,2]
				"v":[9,8],"i":[0,1]`,
		},
		{
			name:  "ArgMax and Softmax",
			graph: xy().Output("c", model.Int64, "N").Output("p", model.Float32, "N", 2).Node("ArgMax", list("x"), list("c"), modeltest.Int("axis", 1), modeltest.Int("keepdims", 0)).Node("Softmax", list("x"), list("p"), modeltest.Int("axis", -1)),
			in: `{"x":[0,0]}
				{"x":[0,1000]}`,
			want: `"c":0,"p":[0.5,0.5]
				"c":1,"p":[0,1]`,
		},
		{
			name: "Reshape with -1",
			graph: modeltest.New().Input("x", model.Float32, "N", 2, 2).Output("y", model.Float32, "M", 4).Int64s("s", []int64{2}, []int64{-1, 4}).
				Node("Reshape", list("x s"), list("y")),
			in: `{"x":[[1,2],[3,4]]}
				{"x":[[5,6],[7,8]]}`,
			want: `"y":[1,2,3,4]
				"y":[5,6,7,8]`,
		},
		{
			name: "Reshape that merges records",
			graph: modeltest.New().Input("x", model.Float32, "N", 2, 2).Output("y", model.Float32, "M", 2).Int64s("s", []int64{2}, []int64{-1, 2}).
				Node("Reshape", list("x s"), list("y")),
			in:      `{"x":[[1,2],[3,4]]}`,
			refused: `the job does not fit the model: model output "y" is float32 [M,2], without the axis that counts records; set batching { records = 1 }, or --batch 1, to run one record at a time`,
		},
		{
			name: "GatherND and Where",
			graph: modeltest.New().Input("x", model.Float32, "N", 3).Input("i", model.Int64, "N", 1).Output("y", model.Float32, "N").
				Floats("z", nil, []float32{0}).Node("GatherND", list("x i"), list("g"), modeltest.Int("batch_dims", 1)).
				Node("Less", list("g z"), list("c")).Node("Where", list("c z g"), list("y")),
			in: `{"x":[1,2,3],"i":[2]}
				{"x":[-1,2,3],"i":[0]}
				{"x":[1,2,3],"i":[3]}
				{"x":[1,2,3],"i":1}`,
			want: `"y":3
				"y":0
				! model_error: Error running network: Non-zero status code returned while running GatherND node. Name:'' Status Message: invalid index found, index = 3
				"y":2`,
		},
		{
			name: "words joined",
			graph: modeltest.New().Opset("", 20).Input("a", model.String, "N").Input("b", model.String, "N").Output("y", model.String, "N").
				Node("StringConcat", list("a b"), list("y")),
			in: `{"a":"x","b":"y"}
				{"a":"","b":""}
				{"a":"é","b":"\u0000"}`,
			want: `"y":"xy"
				"y":""
				! wrong_type: field "b" holds a NUL character, which ONNX Runtime's strings cannot`,
		},
		{
			name: "quantised and back",
			graph: xy().Output("q", model.Uint8, "N", 2).Output("y", model.Float32, "N", 2).Floats("s", nil, []float32{0.5}).
				Node("Constant", nil, list("z"), zero8).
				Node("QuantizeLinear", list("x s z"), list("q")).Node("DequantizeLinear", list("q s z"), list("y")),
			in: two,
			want: `"q":[130,132],"y":[1,2]
				"q":[134,120],"y":[3,-4]`,
		},
		{
			name: "quantised by the data of the call",
			graph: xy().Output("q", model.Uint8, "N", 2).Output("s", model.Float32).Output("z", model.Uint8).
				Node("DynamicQuantizeLinear", list("x"), list("q s z")),
			in: `{"x":[0,255]}
				{"x":[0,510]}`,
			want: `"q":[0,255],"s":1,"z":0
				"q":[0,255],"s":2,"z":0`,
		},
		{
			name: "GRU with a state",
			graph: modeltest.New().Input("x", model.Float32, "T", 1, 1).Input("h", model.Float32, 1, 1, 1).Output("y", model.Float32, "T", 1, 1, 1).Output("hn", model.Float32, 1, 1, 1).
				Floats("W", []int64{1, 3, 1}, []float32{0, 0, 0}).Floats("R", []int64{1, 3, 1}, []float32{0, 0, 0}).
				Node("GRU", list("x W R - - h"), list("y hn"), modeltest.Int("hidden_size", 1)),
			in:   `{"x":[[1]],"h":[[[4]]]}`,
			want: `"y":[[[2]]],"hn":[[[2]]]`,
		},
		{
			name:  "an operator of Microsoft's",
			graph: xy().Opset("com.microsoft", 1).Output("y", model.Float32, "N", 2).Node("QuickGelu", list("x"), list("y"), modeltest.Domain("com.microsoft"), modeltest.Float("alpha", 0)),
			in:    two,
			want: `"y":[0.5,1]
				"y":[1.5,-2]`,
		},
		{
			name:  "what is not finite goes through",
			graph: xy().Output("y", model.Float32, "N", 2).Output("e", model.Bool, "N", 2).Node("Identity", list("x"), list("y")).Node("IsInf", list("x"), list("e")),
			in: `{"x":["Infinity","-Infinity"]}
				{"x":["NaN",0]}`,
			want: `"y":["Infinity","-Infinity"],"e":[true,true]
				"y":["NaN",0],"e":[false,false]`,
		},
		{
			name:  "integers of 64 bits are added",
			graph: modeltest.New().Input("a", model.Int64, "N").Input("b", model.Int64, "N").Output("y", model.Int64, "N").Node("Add", list("a b"), list("y")),
			in: `{"a":9007199254740993,"b":2}
				{"a":9223372036854775807,"b":1}`,
			want: `"y":9007199254740995
				"y":-9223372036854775808`,
		},
		{
			name:  "a cast cuts",
			graph: modeltest.New().Input("x", model.Float32, "N").Output("y", model.Uint8, "N").Node("Cast", list("x"), list("y"), modeltest.Int("to", int64(model.Uint8))),
			in:    `{"x":3.9}`, want: `"y":3`,
		},
		{
			name:  "text to numbers",
			graph: modeltest.New().Input("x", model.String, "N").Output("y", model.Float32, "N").Node("Cast", list("x"), list("y"), modeltest.Int("to", int64(model.Float32))),
			in: `{"x":"1.5"}
				{"x":"oops"}
				{"x":"-3e2"}`,
			want: `"y":1.5
				! model_error: Error running network: Non-zero status code returned while running Cast node. Name:'' Status Message: stod
				"y":-300`,
		},
	})
}

// TestCorpusVersions passes records through models of every IR version and opset.
func TestCorpusVersions(t *testing.T) {
	for ir := int64(3); ir <= 11; ir++ {
		for opset := int64(7); opset <= 23; opset += 4 {
			c := specimen{
				graph: xy().IR(ir).Opset("", opset).Output("y", model.Float32, "N", 2).Output("h", model.Float16, "N", 2).OutputUnranked("u", model.Float32).
					Node("Neg", list("x"), list("y")).Node("Cast", list("y"), list("h"), modeltest.Int("to", int64(model.Float16))).Node("Abs", list("y"), list("u")),
				in: `{"x":[0.1,2]}`, want: `"y":[-0.1,-2],"h":[-0.1,-2],"u":[0.1,2]`,
			}
			t.Run("", func(t *testing.T) { c.check(t) })
		}
	}
}
