package model_test

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	mt "github.com/crossbatch/crossbatch/core/model/modeltest"
)

// everyOp names the operators that have a rule, by domain.
var everyOp = map[string]string{
	"": `Relu Add Sub Mul Div Mod Equal Where Min Max Cast CastLike Identity Floor Dropout BatchNormalization Conv
		MaxPool LSTM GRU MatMul MatMulInteger QLinearMatMul Gemm Einsum DynamicQuantizeLinear QuantizeLinear Shape Size
		Constant Range EyeLike SequenceLength ConstantOfShape ReduceSum RandomNormal RandomNormalLike ArgMax Softmax
		LayerNormalization CumSum TopK DFT MeanVarianceNormalization NonZero Unique NegativeLogLikelihoodLoss
		ReverseSequence StringNormalizer TfIdfVectorizer Concat ConcatFromSequence SequenceConstruct SequenceInsert Split
		SplitToSequence Gather GatherElements ScatterElements GatherND ScatterND Compress Slice Pad Tile Trilu Det
		Transpose Reshape Flatten Squeeze Unsqueeze Expand OneHot If Loop Scan SequenceMap Attention STFT`,
	"ai.onnx.ml": `ArrayFeatureExtractor Scaler OneHotEncoder ZipMap TreeEnsembleClassifier FeatureVectorizer`,
	"com.microsoft": `FastGelu FusedConv FusedMatMul MatMulNBits FusedGemm QGemm DynamicQuantizeMatMul
		DynamicQuantizeLSTM Tokenizer QLinearSoftmax SimplifiedLayerNormalization QLinearReduceMean Unique Strange`,
}

// A node may be written by anybody: no number of inputs and outputs, and no
// attribute, makes reading fail.
func TestAnyNode(t *testing.T) {
	inputs := [][]string{
		nil, in(""), in("x"), in("k"), in("x", "v"), in("v", "x"), in("k", "k", "s", "s", "e"), in("x", "k", "", "k", "k"),
		in("u", "x", "v"), in("x", "x", "x", "x"), in("e", "e"), in("s", "s"), in("lost"), in("x", "e", "e", "e"), in("m", "s", "v"),
	}
	numbers := [][]int64{nil, {}, {0}, {-1, 1 << 62}, {-9, 3, 0, 0, 2}}
	names := strings.Fields("axis axes perm starts ends pads shape start end batch_dims time_axis keepdims layout new_axis " +
		"scan_input_axes num_scan_inputs value_ints transA transB noop_with_empty_axes allowzero")
	inside := mt.New().Input("a", model.Float32).Input("b", model.Float32).Output("x", model.Float32).Output("b", model.Float32)
	for domain, ops := range everyOp {
		for _, op := range strings.Fields(ops) {
			g := mt.New().Opset("ai.onnx.ml", 3).Input("x", model.Float32, "N", 4, 5).InputUnranked("u", model.Float32).
				Input("m", model.Float32, "N", 4).Int64s("k", []int64{2}, []int64{-1, 1}).Int64s("s", nil, []int64{-1 << 63}).
				Int64s("e", []int64{0}, nil).Output("y", model.Float32).Node("Shape", in("x"), out("v"))
			for _, values := range numbers {
				options := opt(mt.Domain(domain), mt.String("equation", "...a,b"), mt.GraphAttr("body", inside), mt.GraphAttr("then_branch", inside))
				for _, name := range names {
					if values != nil && strings.HasSuffix(name, "s") && name != "keepdims" && name != "batch_dims" {
						options = append(options, mt.Ints(name, values...))
					} else if len(values) > 0 {
						options = append(options, mt.Int(name, values[0]))
					}
				}
				for _, from := range inputs {
					g.Node(op, from, nil, options...).Node(op, from, out("y", "z", "w"), options...)
				}
			}
			parse(t, g)
		}
	}
}

// TestMicrosoft tries ONNX Runtime's own operators, as its optimiser writes them.
func TestMicrosoft(t *testing.T) {
	ms := mt.Domain("com.microsoft")
	for name, c := range map[string]struct {
		add  func(*mt.Graph)
		want string
	}{
		"fused matrices": {func(g *mt.Graph) {
			g.Node("FusedMatMul", in("x", "w"), out("a"), ms, mt.Int("transB", 1), mt.Float("alpha", 2)).Node("Softmax", in("a"), out("y"))
		}, ""},
		"fused matrices, transposed": {func(g *mt.Graph) {
			g.Node("FusedMatMul", in("x", "w"), out("y"), ms, mt.Int("transA", 1))
		}, "com.microsoft.FusedMatMul"},
		"stacked products": {func(g *mt.Graph) {
			g.Node("FusedMatMul", in("s", "s"), out("a"), ms, mt.Int("transB", 1)).Node("QLinearSoftmax", in("a"), out("y"), ms, mt.Int("axis", -1))
		}, ""},
		"packed weights": {func(g *mt.Graph) {
			g.Node("MatMulNBits", in("s", "w", "w"), out("a"), ms).Node("Softmax", in("a"), out("y"))
		}, ""},
		"attention": {func(g *mt.Graph) {
			g.Node("Attention", in("s", "w", "w"), out("a"), ms).Node("SkipLayerNormalization", in("a", "s", "w"), out("b"), ms).
				Node("FastGelu", in("b"), out("y"), ms)
		}, ""},
		"quantised gemm": {func(g *mt.Graph) {
			g.Node("QGemm", in("x", "w", "w", "w", "w", "w"), out("a"), ms).Node("Softmax", in("a"), out("y"))
		}, ""},
		"dynamic product": {func(g *mt.Graph) { g.Node("DynamicQuantizeMatMul", in("x", "w"), out("y"), ms) }, "com.microsoft.DynamicQuantizeMatMul"},
		"unknown":         {func(g *mt.Graph) { g.Node("Strange", in("x", "w"), out("y"), ms) }, ""},
		"mean":            {func(g *mt.Graph) { g.Node("QLinearReduceMean", in("x", "w"), out("y"), ms, mt.Ints("axes", 0)) }, "com.microsoft.QLinearReduceMean"},
		"unique":          {func(g *mt.Graph) { g.Node("Unique", in("x"), out("y"), ms) }, "com.microsoft.Unique"},
	} {
		g := mt.New().Opset("com.microsoft", 1).Input("x", model.Float32, "N", 4).Input("s", model.Float32, "N", 6, 4).
			OutputUnranked("y", model.Float32).Floats("w", []int64{4, 4}, nil)
		c.add(g)
		if got := coupled(t, g); got != c.want {
			t.Errorf("%s: coupled %q, want %q", name, got, c.want)
		}
	}
}

// TestConstants reads axes from every way to write a constant.
func TestConstants(t *testing.T) {
	for name, add := range map[string]func(*mt.Graph, int64){
		"initializer":     func(g *mt.Graph, v int64) { g.Int64s("a", []int64{1}, []int64{v}) },
		"int32":           func(g *mt.Graph, v int64) { g.Raw("a", model.Int32, []int64{1}, []byte{byte(v), 0, 0, 0}) },
		"Constant tensor": func(g *mt.Graph, v int64) { vector(g, "a", v) },
		"Constant ints":   func(g *mt.Graph, v int64) { g.Node("Constant", nil, out("a"), mt.Ints("value_ints", v)) },
		"Constant int":    func(g *mt.Graph, v int64) { g.Node("Constant", nil, out("a"), mt.Int("value_int", v)) },
		"ConstantOfShape": func(g *mt.Graph, v int64) {
			vector(g, "one", 1)
			g.Node("ConstantOfShape", in("one"), out("a"), mt.Int64Tensor("value", []int64{1}, v))
		},
		"Unsqueeze": func(g *mt.Graph, v int64) {
			scalar(g, "b", v)
			g.Int64s("z", []int64{1}, []int64{0}).Node("Unsqueeze", in("b", "z"), out("a"))
		},
		"Squeeze, Reshape": func(g *mt.Graph, v int64) {
			vector(g, "b", v)
			vector(g, "one", 1)
			g.Node("Squeeze", in("b"), out("c")).Node("Reshape", in("c", "one"), out("a"))
		},
		"Add": func(g *mt.Graph, v int64) {
			vector(g, "b", v-3)
			scalar(g, "c", 3)
			g.Node("Add", in("b", "c"), out("a"))
		},
		"Sub, Mul, Div": func(g *mt.Graph, v int64) {
			vector(g, "b", v+3)
			scalar(g, "c", 3)
			g.Node("Sub", in("b", "c"), out("d")).Node("Mul", in("d", "c"), out("e")).Node("Div", in("e", "c"), out("a"))
		},
		"Slice": func(g *mt.Graph, v int64) {
			vector(g, "b", 7, v, 8)
			vector(g, "from", 1)
			vector(g, "to", -1)
			g.Node("Slice", in("b", "from", "to"), out("a"))
		},
		"Where": func(g *mt.Graph, v int64) {
			vector(g, "b", v)
			g.Node("Equal", in("b", "b"), out("e")).Node("Where", in("e", "b", "e"), out("a"))
		},
		"size of the input": func(g *mt.Graph, v int64) { // rank 2: [N, 4]; the start of nothing
			g.Node("Shape", in("x"), out("s"), mt.Int("start", 1), mt.Int("end", 1)).Int64s("b", []int64{1}, []int64{v}).
				Node("Concat", in("s", "b"), out("a"), mt.Int("axis", 0))
		},
	} {
		for v, want := range map[int64]string{0: "ReduceSum", 1: ""} {
			g := rank(2, 17)
			add(g, v)
			g.Node("ReduceSum", in("x", "a"), out("y"))
			if got := parse(t, g).Coupled; (len(got) > 0) != (want != "") || len(got) > 0 && got[0].Reason != "reduces over the batch axis" {
				t.Errorf("%s of %d: %+v", name, v, got)
			}
		}
	}
	for _, c := range []mt.Option{mt.Float("value_float", 1), mt.Floats("value_floats", 1), mt.String("value_string", "a"), mt.Ref("value_int", "", mt.RefInt)} {
		g := rank(2, 17).Node("Constant", nil, out("c"), c).Strings("s", []int64{1}, []string{"a"}).
			Node("Add", in("x", "c"), out("d")).Node("Softmax", in("d"), out("y"))
		if got := coupled(t, g); got != "" {
			t.Errorf("%v: coupled %q", c, got)
		}
	}
}
