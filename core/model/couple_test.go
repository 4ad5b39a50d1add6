package model_test

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	mt "github.com/crossbatch/crossbatch/core/model/modeltest"
)

// coupled names the operators that Parse finds coupled, in order.
func coupled(t *testing.T, g *mt.Graph) string {
	t.Helper()
	var ops []string
	for _, c := range parse(t, g).Coupled {
		if c.Node == "" || c.Reason == "" {
			t.Errorf("incomplete: %+v", c)
		}
		ops = append(ops, c.Op)
	}
	return strings.Join(ops, " ")
}

// rank builds a model of one input x of a rank, whose batch axis is the first.
func rank(n int, opset int64) *mt.Graph {
	dims := []any{"N", 4, 5, 6}[:n]
	return mt.New().Opset("", opset).Opset("ai.onnx.ml", 3).Opset("com.microsoft", 1).
		Input("x", model.Float32, dims...).OutputUnranked("y", model.Float32)
}

func opt(o ...mt.Option) []mt.Option { return o }

// TestSingleOperators tries one operator each, on x of the given rank, and on constants.
func TestSingleOperators(t *testing.T) {
	ml, ms := mt.Domain("ai.onnx.ml"), mt.Domain("com.microsoft")
	for _, c := range []struct {
		op      string
		rank    int
		opset   int64
		consts  [][]int64 // further inputs
		options []mt.Option
		coupled bool
	}{
		{"Relu", 2, 17, nil, nil, false},
		{"Nonsense", 2, 17, nil, nil, false},

		{"ReduceMean", 2, 17, nil, opt(mt.Ints("axes", 1)), false},
		{"ReduceMean", 2, 17, nil, opt(mt.Ints("axes", -1)), false},
		{"ReduceL2", 2, 17, nil, opt(mt.Ints("axes", 1)), false},
		{"ReduceMean", 4, 17, nil, opt(mt.Ints("axes", 2, 3)), false},
		{"ReduceMean", 2, 17, nil, opt(mt.Ints("axes", 0)), true},
		{"ReduceMax", 2, 17, nil, opt(mt.Ints("axes", -2)), true},
		{"ReduceProd", 3, 17, nil, opt(mt.Ints("axes", 1, 0)), true},
		{"ReduceMean", 2, 17, nil, nil, true},
		{"ReduceSum", 2, 13, [][]int64{{1}}, nil, false},
		{"ReduceSum", 2, 13, [][]int64{{0}}, nil, true},
		{"ReduceSum", 2, 13, [][]int64{{}}, nil, true},
		{"ReduceSum", 2, 13, [][]int64{{}}, opt(mt.Int("noop_with_empty_axes", 1)), false},
		{"ReduceLogSumExp", 2, 18, [][]int64{{-2}}, nil, true},

		{"ArgMax", 2, 17, nil, nil, true},
		{"ArgMax", 2, 17, nil, opt(mt.Int("axis", 1)), false},
		{"ArgMin", 2, 17, nil, opt(mt.Int("axis", -2)), true},
		{"Softmax", 2, 13, nil, nil, false},
		{"Softmax", 1, 13, nil, nil, true},
		{"Softmax", 3, 13, nil, opt(mt.Int("axis", 0)), true},
		{"Softmax", 3, 12, nil, nil, false},
		{"Softmax", 3, 12, nil, opt(mt.Int("axis", 0)), true},
		{"LogSoftmax", 2, 11, nil, opt(mt.Int("axis", -1)), false},
		{"Hardmax", 2, 17, nil, opt(mt.Int("axis", -2)), true},
		{"LayerNormalization", 3, 17, nil, nil, false},
		{"LayerNormalization", 2, 17, nil, opt(mt.Int("axis", 0)), true},
		{"CumSum", 2, 17, [][]int64{{1}}, nil, false},
		{"CumSum", 2, 17, [][]int64{{0}}, nil, true},
		{"TopK", 2, 17, [][]int64{{3}}, nil, false},
		{"TopK", 2, 17, [][]int64{{3}}, opt(mt.Int("axis", 1)), false},
		{"TopK", 2, 17, [][]int64{{3}}, opt(mt.Int("axis", 0)), true},
		{"LpNormalization", 2, 17, nil, nil, false},
		{"LpNormalization", 2, 17, nil, opt(mt.Int("axis", 0)), true},
		{"DFT", 3, 17, nil, nil, false},
		{"DFT", 3, 17, nil, opt(mt.Int("axis", 0)), true},
		{"DFT", 3, 20, [][]int64{{1}, {0}}, nil, true},
		{"DFT", 3, 20, nil, nil, false},
		{"MeanVarianceNormalization", 4, 13, nil, nil, true},
		{"MeanVarianceNormalization", 4, 13, nil, opt(mt.Ints("axes", 2, 3)), false},
		{"NonZero", 2, 17, nil, nil, true},
		{"Unique", 2, 17, nil, opt(mt.Int("axis", 1)), true},
		{"Compress", 2, 17, [][]int64{{1}}, nil, true},
		{"Compress", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 0)), true},
		{"Compress", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 1)), false},
		{"NonMaxSuppression", 3, 17, nil, nil, true},
		{"SoftmaxCrossEntropyLoss", 2, 17, [][]int64{{1}}, nil, true},
		{"SoftmaxCrossEntropyLoss", 2, 17, [][]int64{{1}}, opt(mt.String("reduction", "none")), false},
		{"ReverseSequence", 2, 17, [][]int64{{1}}, nil, true},
		{"ReverseSequence", 2, 17, [][]int64{{1}}, opt(mt.Int("time_axis", 1), mt.Int("batch_axis", 0)), false},
		{"StringNormalizer", 1, 17, nil, opt(mt.Strings("stopwords", "a")), true},
		{"StringNormalizer", 1, 17, nil, nil, false},
		{"TfIdfVectorizer", 2, 17, nil, nil, false},

		{"DynamicQuantizeLinear", 2, 17, nil, nil, true},
		{"DynamicQuantizeMatMul", 2, 17, nil, opt(ms), true},
		{"DynamicQuantizeLSTM", 3, 17, nil, opt(ms), true},
		{"MatMulIntegerToFloat", 2, 17, [][]int64{{1}}, opt(ms), false},
		{"BatchNormalization", 4, 14, nil, nil, false},
		{"BatchNormalization", 4, 14, nil, opt(mt.Int("training_mode", 1)), true},
		{"Dropout", 2, 17, nil, nil, false},
		{"Dropout", 2, 17, [][]int64{{1}, {0}}, nil, false},
		{"Dropout", 2, 17, [][]int64{{1}, {1}}, nil, true},
		{"RandomNormalLike", 2, 17, nil, nil, true},
		{"Multinomial", 2, 17, nil, nil, true},
		{"Bernoulli", 2, 17, nil, nil, true},

		{"Gather", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 1)), false},
		{"Gather", 2, 17, [][]int64{{1}}, nil, true},
		{"Gather", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", -2)), true},
		{"GatherElements", 2, 17, [][]int64{{1}}, nil, true},
		{"GatherElements", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 1)), false},
		{"ScatterElements", 2, 17, [][]int64{{1}}, nil, true},
		{"GatherND", 2, 17, [][]int64{{1}}, nil, true},
		{"GatherND", 2, 17, [][]int64{{1}}, opt(mt.Int("batch_dims", 1)), false},
		{"ScatterND", 2, 17, [][]int64{{1}}, nil, true},
		{"Slice", 2, 17, [][]int64{{0}, {2}, {0}}, nil, true},
		{"Slice", 2, 17, [][]int64{{0}, {2}, {1}}, nil, false},
		{"Slice", 2, 17, [][]int64{{0}, {2}}, nil, true},
		{"Slice", 2, 17, [][]int64{{0}, {1 << 62}, {0}}, nil, false},
		{"Slice", 2, 17, [][]int64{{0}, {1 << 62}, {0}, {2}}, nil, true},
		{"Slice", 2, 17, [][]int64{{-1}, {-1 << 62}, {0}, {-1}}, nil, true},
		{"Slice", 2, 9, nil, opt(mt.Ints("starts", 0), mt.Ints("ends", 1)), true},
		{"Slice", 2, 9, nil, opt(mt.Ints("starts", 0), mt.Ints("ends", 1), mt.Ints("axes", 1)), false},
		{"Slice", 2, 17, nil, nil, true},
		{"Split", 2, 17, nil, nil, true},
		{"Split", 2, 17, nil, opt(mt.Int("axis", 1)), false},
		{"SplitToSequence", 2, 17, nil, opt(mt.Int("axis", 1), mt.Int("keepdims", 0)), false},
		{"Concat", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 0)), true},
		{"Concat", 2, 17, [][]int64{{1}}, opt(mt.Int("axis", 1)), false},
		{"Concat", 2, 17, nil, opt(mt.Int("axis", 0)), false},
		{"Pad", 2, 17, [][]int64{{0, 1, 0, 1}}, nil, false},
		{"Pad", 2, 17, [][]int64{{1, 0, 0, 0}}, nil, true},
		{"Pad", 2, 18, [][]int64{{1, 1}, {0}, {1}}, nil, false},
		{"Pad", 2, 18, [][]int64{{1, 1}, {0}, {-2}}, nil, true},
		{"Pad", 2, 9, nil, opt(mt.Ints("pads", 0, 0, 1, 0)), true},
		{"Tile", 2, 17, [][]int64{{1, 3}}, nil, false},
		{"Tile", 2, 17, [][]int64{{2, 1}}, nil, true},
		{"Trilu", 2, 17, nil, nil, true},
		{"Trilu", 3, 17, nil, nil, false},
		{"Squeeze", 3, 17, [][]int64{{1}}, nil, false},
		{"Squeeze", 3, 17, [][]int64{{0}}, nil, true},
		{"Squeeze", 3, 11, nil, opt(mt.Ints("axes", 2)), false},
		{"Squeeze", 3, 17, nil, nil, false},
		{"Transpose", 3, 17, nil, opt(mt.Ints("perm", 1, 0, 2)), false},
		{"OneHot", 1, 17, [][]int64{{5}, {0, 1}}, nil, false},

		{"Conv", 4, 17, [][]int64{{1}}, nil, false},
		{"LSTM", 3, 17, nil, nil, true},
		{"GRU", 3, 17, nil, opt(mt.Int("layout", 1)), false},
		{"MatMul", 1, 17, [][]int64{{1, 2}}, nil, true},

		{"TreeEnsembleClassifier", 2, 17, nil, opt(ml), false},
		{"TreeEnsembleRegressor", 1, 17, nil, opt(ml), true},
		{"Normalizer", 2, 17, nil, opt(ml), false},
		{"Scaler", 1, 17, nil, opt(ml), false},
		{"OneHotEncoder", 2, 17, nil, opt(ml), false},
		{"ArrayFeatureExtractor", 2, 17, [][]int64{{0}}, opt(ml), false},
		{"ArrayFeatureExtractor", 1, 17, [][]int64{{0}}, opt(ml), true},
		{"Tokenizer", 1, 17, nil, opt(ms), false},
		{"FastGelu", 2, 17, nil, opt(ms), false},
	} {
		build := func(first string) *mt.Graph {
			g := rank(c.rank, c.opset)
			g.Floats("k", []int64{3, 4, 5, 6}[:c.rank], nil)
			names := in(first)
			for i, v := range c.consts {
				name := string(rune('a' + i))
				names = append(names, name)
				g.Int64s(name, []int64{int64(len(v))}, v)
			}
			return g.Node(c.op, names, out("y"), c.options...)
		}
		if got := coupled(t, build("x")); (got != "") != c.coupled {
			t.Errorf("%s rank %d opset %d %v: coupled %q", c.op, c.rank, c.opset, c.consts, got)
		}
		random := strings.HasPrefix(c.op, "Random") || c.op == "Multinomial" || c.op == "Bernoulli"
		if got := coupled(t, build("k")); (got != "") != random {
			t.Errorf("%s on a constant: coupled %q", c.op, got)
		}
	}
}

// TestPairs tries operators on x [N,4] and on z, which is of the batch too.
func TestPairs(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(*mt.Graph)
		want string
	}{
		{"add", func(g *mt.Graph) { g.Node("Add", in("x", "z"), out("y")) }, ""},
		{"add a table", func(g *mt.Graph) { g.Node("Add", in("x", "w"), out("y")) }, ""},
		{"add across", func(g *mt.Graph) {
			g.Node("Transpose", in("z"), out("t")).Node("Sub", in("x", "t"), out("y"))
		}, "Sub"},
		{"vector against matrix", func(g *mt.Graph) { g.Node("Add", in("x", "v"), out("y")) }, "Add"},
		{"column against matrix", func(g *mt.Graph) {
			g.Int64s("one", []int64{1}, []int64{1}).Node("Unsqueeze", in("v", "one"), out("c")).Node("Mul", in("c", "x"), out("y"))
		}, ""},
		{"old broadcast", func(g *mt.Graph) {
			g.Opset("", 6).Node("Add", in("x", "v"), out("y"), mt.Int("broadcast", 1), mt.Int("axis", 0))
		}, ""},
		{"similarity", func(g *mt.Graph) {
			g.Node("Transpose", in("z"), out("t")).Node("MatMul", in("x", "t"), out("y"))
		}, "MatMul"},
		{"covariance", func(g *mt.Graph) {
			g.Node("Transpose", in("x"), out("t")).Node("MatMul", in("t", "z"), out("y"))
		}, "MatMul"},
		{"weights in front", func(g *mt.Graph) {
			g.Node("Transpose", in("x"), out("t")).Node("MatMul", in("w", "t"), out("u")).Node("ReduceSum", in("u", "zero"), out("y"))
		}, ""},
		{"weights in front, summed", func(g *mt.Graph) {
			g.Node("Transpose", in("x"), out("t")).Node("MatMul", in("w", "t"), out("u")).Node("Softmax", in("u"), out("y"))
		}, "Softmax"},
		{"gemm", func(g *mt.Graph) { g.Node("Gemm", in("x", "w"), out("y"), mt.Int("transB", 1)) }, ""},
		{"gemm transA", func(g *mt.Graph) { g.Node("Gemm", in("x", "w"), out("y"), mt.Int("transA", 1)) }, "Gemm"},
		{"gemm of both", func(g *mt.Graph) { g.Node("Gemm", in("x", "z"), out("y"), mt.Int("transB", 1)) }, "Gemm"},
		{"gemm bias", func(g *mt.Graph) { g.Node("Gemm", in("x", "w", "z"), out("y")) }, ""},
		{"concat features", func(g *mt.Graph) { g.Node("Concat", in("x", "z"), out("y"), mt.Int("axis", -1)) }, ""},
		{"concat batch", func(g *mt.Graph) { g.Node("Concat", in("x", "z"), out("y"), mt.Int("axis", -2)) }, "Concat"},
		{"embedding", func(g *mt.Graph) { g.Node("Gather", in("w", "i"), out("y")) }, ""},
		{"embedding, summed over words", func(g *mt.Graph) {
			g.Node("Gather", in("w", "i"), out("e")).Node("ReduceMean", in("e"), out("y"), mt.Ints("axes", 1))
		}, ""},
		{"embedding, summed over records", func(g *mt.Graph) {
			g.Node("Gather", in("w", "i"), out("e")).Node("ReduceMean", in("e"), out("y"), mt.Ints("axes", -3))
		}, "ReduceMean"},
		{"gather by the batch", func(g *mt.Graph) { g.Node("Gather", in("x", "i"), out("y"), mt.Int("axis", 1)) }, "Gather"},
		{"lookup of classes", func(g *mt.Graph) {
			g.Node("ArgMax", in("x"), out("a"), mt.Int("axis", 1)).
				Node("ArrayFeatureExtractor", in("w", "a"), out("b"), mt.Domain("ai.onnx.ml")).
				Int64s("flat", []int64{1}, []int64{-1}).Node("Reshape", in("b", "flat"), out("y"))
		}, ""},
		{"einsum", func(g *mt.Graph) { g.Node("Einsum", in("x", "w"), out("y"), mt.String("equation", "nd,ed->ne")) }, ""},
		{"einsum stacked", func(g *mt.Graph) { g.Node("Einsum", in("x", "z"), out("y"), mt.String("equation", "nd, nd -> n")) }, ""},
		{"einsum implied", func(g *mt.Graph) { g.Node("Einsum", in("x", "w"), out("y"), mt.String("equation", "nd,de")) }, ""},
		{"einsum ellipsis", func(g *mt.Graph) {
			g.Node("Einsum", in("x", "w"), out("e"), mt.String("equation", "...d,ed->...e")).Node("Softmax", in("e"), out("y"))
		}, ""},
		{"einsum ellipsis, summed", func(g *mt.Graph) {
			g.Node("Einsum", in("x", "w"), out("e"), mt.String("equation", "...d,ed->e...")).Node("Softmax", in("e"), out("y"))
		}, "Softmax"},
		{"einsum contracted", func(g *mt.Graph) { g.Node("Einsum", in("x", "w"), out("y"), mt.String("equation", "nd,ed->e")) }, "Einsum"},
		{"einsum across", func(g *mt.Graph) { g.Node("Einsum", in("x", "z"), out("y"), mt.String("equation", "id,jd->ij")) }, "Einsum"},
		{"random without input", func(g *mt.Graph) { g.Node("RandomNormal", nil, out("y"), mt.Ints("shape", 2)) }, "RandomNormal"},
		{"training before opset 14", func(g *mt.Graph) {
			g.Opset("", 9).Node("BatchNormalization", in("x", "w", "w", "w", "w"), out("y", "m", "n"))
		}, "BatchNormalization"},
		{"inference before opset 14", func(g *mt.Graph) {
			g.Opset("", 9).Node("BatchNormalization", in("x", "w", "w", "w", "w"), out("y", "", ""))
		}, ""},
		{"computed axes", func(g *mt.Graph) { g.Node("ReduceSum", in("x", "i"), out("y")) }, "ReduceSum"},
		{"computed axis of CumSum", func(g *mt.Graph) { g.Node("CumSum", in("x", "i"), out("y")) }, "CumSum"},
		{"weights of the batch", func(g *mt.Graph) { g.Node("Conv", in("x", "z"), out("y")) }, "Conv"},
		{"channels of the batch", func(g *mt.Graph) {
			g.Node("Transpose", in("x"), out("t")).Node("Conv", in("t", "w"), out("y"))
		}, "Conv"},
		{"condition of the batch", func(g *mt.Graph) {
			g.Node("Compress", in("w", "v"), out("y"), mt.Int("axis", 0))
		}, "Compress"},
		{"Range of the batch", func(g *mt.Graph) { g.Node("Range", in("w", "x", "w"), out("y")) }, "Range"},
		{"sequences", func(g *mt.Graph) {
			g.Node("SequenceConstruct", in("x", "z"), out("s")).Node("SequenceAt", in("s", "w"), out("a")).
				Node("ReduceSum", in("a", "zero"), out("b")).Node("ConcatFromSequence", in("s"), out("y"), mt.Int("axis", 1))
		}, "ReduceSum"},
		{"sequence of records", func(g *mt.Graph) {
			g.Node("SequenceEmpty", nil, out("e")).Node("SequenceInsert", in("e", "x"), out("s")).
				Node("ConcatFromSequence", in("s"), out("y"), mt.Int("axis", 0))
		}, "ConcatFromSequence"},
		{"stacked sequence", func(g *mt.Graph) {
			g.Node("SequenceConstruct", in("x", "z"), out("s")).
				Node("ConcatFromSequence", in("s"), out("c"), mt.Int("axis", 0), mt.Int("new_axis", 1)).
				Node("ReduceMean", in("c"), out("d"), mt.Ints("axes", 0)).Node("ReduceMean", in("c"), out("y"), mt.Ints("axes", 1))
		}, "ReduceMean"},
	} {
		g := mt.New().Opset("ai.onnx.ml", 3).Input("x", model.Float32, "N", 4).Input("z", model.Float32, "N", 4).
			Input("v", model.Float32, "N").Input("i", model.Int64, "N", 7).OutputUnranked("y", model.Float32).
			Floats("w", []int64{3, 4}, nil).Int64s("zero", []int64{1}, []int64{0})
		c.add(g)
		if got := coupled(t, g); got != c.want {
			t.Errorf("%s: coupled %q, want %q", c.name, got, c.want)
		}
	}
}

// TestUnknownAxis: where the axis is lost, what reduces may mix records, and the file may give it back.
func TestUnknownAxis(t *testing.T) {
	lost := func() *mt.Graph {
		return mt.New().Opset("mine", 1).Input("x", model.Float32, "N", 4, 5).OutputUnranked("y", model.Float32).
			Node("Mystery", in("x"), out("u"), mt.Domain("mine"))
	}
	reduce := mt.Ints("axes", -1)
	for name, c := range map[string]struct {
		g    *mt.Graph
		want string
	}{
		"nothing reduces":     {lost().Node("Relu", in("u"), out("y")), ""},
		"reduces":             {lost().Node("ReduceSum", in("u"), out("y"), reduce), "ReduceSum"},
		"softmax":             {lost().Node("Softmax", in("u"), out("y")), "Softmax"},
		"named by the file":   {lost().Info("u", model.Float32, "N", 7).Node("Softmax", in("u"), out("y")), ""},
		"named, and reduced":  {lost().Info("u", model.Float32, 7, "N").Node("Softmax", in("u"), out("y")), "Softmax"},
		"named twice":         {lost().Info("u", model.Float32, "N", "N").Node("Softmax", in("u"), out("y")), "Softmax"},
		"found by a residual": {lost().Node("Add", in("u", "x"), out("r")).Node("Softmax", in("r"), out("y")), ""},
		"bias":                {lost().Floats("b", []int64{5}, nil).Node("Add", in("u", "b"), out("r")).Node("Flatten", in("r"), out("y")), ""},
		"views of other kinds": {lost().Node("Shape", in("u"), out("s")).Node("Unsqueeze", in("u", "s"), out("q")).
			Node("Transpose", in("u"), out("t")).Node("Squeeze", in("t"), out("p")).Node("Slice", in("p", "s", "s"), out("y")), ""},
		"unranked softmax": {mt.New().InputUnranked("x", model.Float32).OutputUnranked("y", model.Float32).
			Node("Softmax", in("x"), out("s")).Node("ReduceMean", in("s"), out("r"), reduce).Node("LayerNormalization", in("r"), out("y")), ""},
		"unranked sum": {mt.New().InputUnranked("x", model.Float32).OutputUnranked("y", model.Float32).
			Node("Unsqueeze", in("x", "zero"), out("u")).Int64s("zero", []int64{1}, []int64{0}).Node("Softmax", in("u"), out("y")), "Softmax"},
		"map input": {mt.New().Opset("ai.onnx.ml", 3).InputValue(model.Value{Name: "x", Kind: model.Map, Key: model.String, Elem: model.Float32, Of: maps.Of}).
			OutputUnranked("y", model.Float32).Node("DictVectorizer", in("x"), out("y"), mt.Domain("ai.onnx.ml")), ""},
	} {
		if got := coupled(t, c.g); got != c.want {
			t.Errorf("%s: coupled %q, want %q", name, got, c.want)
		}
	}
}

// TestStackedInputs: which inputs hold records.
func TestStackedInputs(t *testing.T) {
	sum := func(g *mt.Graph) *mt.Graph {
		return g.OutputUnranked("y", model.Float32).Node("ReduceSum", in("k"), out("y"))
	}
	for name, c := range map[string]struct {
		g    *mt.Graph
		want string
	}{
		"scalar":                {sum(mt.New().Input("x", model.Float32, "N").Input("k", model.Float32)), ""},
		"fixed beside symbolic": {sum(mt.New().Input("x", model.Float32, "N").Input("k", model.Float32, 5)), ""},
		"fixed":                 {sum(mt.New().Input("k", model.Float32, 5)), "ReduceSum"},
		"symbolic":              {sum(mt.New().Input("k", model.Float32, mt.Unknown)), "ReduceSum"},
		"unranked":              {sum(mt.New().InputUnranked("k", model.Float32)), "ReduceSum"},
		"given by initializer":  {sum(mt.New().Input("k", model.Float32, "N").Floats("k", []int64{1}, []float32{1})), ""},
		"made after it is used": {sum(mt.New().Input("x", model.Float32, "N")).Node("Relu", in("x"), out("k")), "ReduceSum"},
		"an undeclared name":    {sum(mt.New()), "ReduceSum"},
		"another name of ai.onnx": {mt.New().Opset("", 0).Opset("ai.onnx", 11).Input("x", model.Float32, "N", 2, 3).OutputUnranked("y", model.Float32).
			Node("Softmax", in("x"), out("y"), mt.Domain("ai.onnx"), mt.Int("axis", 0)), "Softmax"},
	} {
		if got := coupled(t, c.g); got != c.want {
			t.Errorf("%s: coupled %q, want %q", name, got, c.want)
		}
	}
}
