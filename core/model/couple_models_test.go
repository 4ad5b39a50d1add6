package model_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	mt "github.com/crossbatch/crossbatch/core/model/modeltest"
)

// scalar adds an int64 scalar constant by a Constant node, as PyTorch writes it.
func scalar(g *mt.Graph, name string, v int64) {
	g.Node("Constant", nil, out(name), mt.Int64Tensor("value", nil, v))
}

func vector(g *mt.Graph, name string, v ...int64) {
	g.Node("Constant", nil, out(name), mt.Int64Tensor("value", []int64{int64(len(v))}, v...))
}

// sizeOf reads a dimension of a tensor into a vector of one element.
func sizeOf(g *mt.Graph, tensor string, axis int64, name string) {
	scalar(g, name+"_i", axis)
	g.Node("Shape", in(tensor), out(name+"_s")).Node("Gather", in(name+"_s", name+"_i"), out(name+"_g"), mt.Int("axis", 0))
	vector(g, name+"_0", 0)
	g.Node("Unsqueeze", in(name+"_g", name+"_0"), out(name))
}

// transformer is a layer as PyTorch exports it, batch first, with dynamic batch and length.
func transformer(seqAxis string) *mt.Graph {
	g := mt.New().Input("ids", model.Int64, "N", seqAxis).Input("mask", model.Float32, "N", seqAxis).
		Output("logits", model.Float32, "N", 2).
		Floats("table", []int64{100, 64}, nil).Floats("w", []int64{64, 64}, nil).Floats("b", []int64{64}, nil).Floats("pos", []int64{1, 512, 64}, nil)
	g.Node("Gather", in("table", "ids"), out("e"))
	sizeOf(g, "ids", 1, "len")
	vector(g, "zero", 0)
	vector(g, "one", 1)
	g.Node("Slice", in("pos", "zero", "len", "one"), out("p")).Node("Add", in("e", "p"), out("x")).
		Node("LayerNormalization", in("x", "b", "b"), out("h"))
	sizeOf(g, "h", 0, "n")
	sizeOf(g, "h", 1, "l")
	vector(g, "heads", 8)
	vector(g, "width", 8)
	vector(g, "all", 64)
	g.Node("Concat", in("n", "l", "heads", "width"), out("split"), mt.Int("axis", 0)).
		Node("Concat", in("n", "l", "all"), out("joined"), mt.Int("axis", 0))
	for _, q := range []string{"q", "k", "v"} {
		perm := mt.Ints("perm", 0, 2, 1, 3)
		if q == "k" {
			perm = mt.Ints("perm", 0, 2, 3, 1)
		}
		g.Node("MatMul", in("h", "w"), out(q+"m")).Node("Add", in("b", q+"m"), out(q+"a")).
			Node("Reshape", in(q+"a", "split"), out(q+"r")).Node("Transpose", in(q+"r"), out(q), perm)
	}
	vector(g, "axes12", 1, 2)
	g.Node("Unsqueeze", in("mask", "axes12"), out("m4")).
		Node("MatMul", in("q", "k"), out("scores")).Node("Add", in("scores", "m4"), out("masked")).
		Node("Softmax", in("masked"), out("att"), mt.Int("axis", -1)).Node("MatMul", in("att", "v"), out("ctx")).
		Node("Transpose", in("ctx"), out("ctxt"), mt.Ints("perm", 0, 2, 1, 3)).Node("Reshape", in("ctxt", "joined"), out("o")).
		Node("Add", in("o", "h"), out("res")).
		Node("ReduceMean", in("res"), out("mu"), mt.Ints("axes", -1)).Node("Sub", in("res", "mu"), out("cen")).
		Node("Mul", in("cen", "cen"), out("sq")).Node("ReduceMean", in("sq"), out("var"), mt.Ints("axes", -1)).
		Node("Sqrt", in("var"), out("sd")).Node("Div", in("cen", "sd"), out("norm"))
	scalar(g, "first", 0)
	g.Node("Gather", in("norm", "first"), out("cls"), mt.Int("axis", 1)).Node("Gemm", in("cls", "w", "b"), out("g")).
		Node("Tanh", in("g"), out("t")).Node("ReduceL2", in("t"), out("l2"), mt.Ints("axes", 1)).Node("Div", in("t", "l2"), out("logits"))
	return g
}

// attention is PyTorch's nn.MultiheadAttention, which works on [length, batch, features] inside.
func attention(finalAxis int64) *mt.Graph {
	g := mt.New().Input("x", model.Float32, "N", "L", 64).OutputUnranked("y", model.Float32).
		Floats("w", []int64{64, 64}, nil).Floats("b", []int64{64}, nil)
	g.Node("Transpose", in("x"), out("h"), mt.Ints("perm", 1, 0, 2))
	sizeOf(g, "h", 0, "l")
	sizeOf(g, "h", 1, "n")
	vector(g, "heads", 8)
	vector(g, "width", 8)
	vector(g, "all", 64)
	g.Node("Mul", in("n", "heads"), out("nh")).Node("Concat", in("l", "nh", "width"), out("split"), mt.Int("axis", 0)).
		Node("Mul", in("l", "n"), out("ln")).Node("Concat", in("ln", "all"), out("flat"), mt.Int("axis", 0)).
		Node("Concat", in("l", "n", "all"), out("joined"), mt.Int("axis", 0))
	for _, q := range []string{"q", "k", "v"} {
		g.Node("MatMul", in("h", "w"), out(q+"m")).Node("Reshape", in(q+"m", "split"), out(q+"r")).
			Node("Transpose", in(q+"r"), out(q), mt.Ints("perm", 1, 0, 2))
	}
	g.Node("Transpose", in("k"), out("kt"), mt.Ints("perm", 0, 2, 1)).Node("MatMul", in("q", "kt"), out("scores")).
		Node("Softmax", in("scores"), out("att")).Node("MatMul", in("att", "v"), out("ctx")).
		Node("Transpose", in("ctx"), out("ctxt"), mt.Ints("perm", 1, 0, 2)).Node("Reshape", in("ctxt", "flat"), out("f")).
		Node("Gemm", in("f", "w", "b"), out("gm")).Node("Reshape", in("gm", "joined"), out("o")).
		Node("Transpose", in("o"), out("back"), mt.Ints("perm", 1, 0, 2)).Node("Add", in("back", "x"), out("res")).
		Node("Softmax", in("o"), out("s"), mt.Int("axis", finalAxis)).
		Node("LayerNormalization", in("res", "b", "b"), out("y"))
	return g
}

func TestOrdinaryModels(t *testing.T) {
	for name, g := range map[string]*mt.Graph{
		"mlp": mt.New().Input("x", model.Float32, "N", 30).Output("y", model.Float32, "N", 2).
			Floats("w", []int64{2, 30}, nil).Floats("b", []int64{2}, nil).
			Node("Gemm", in("x", "w", "b"), out("g"), mt.Int("transB", 1)).Node("Relu", in("g"), out("r")).
			Node("BatchNormalization", in("r", "b", "b", "b", "b"), out("n")).Node("Dropout", in("n"), out("d")).
			Node("Softmax", in("d"), out("y"), mt.Int("axis", 1)),
		"cnn": mt.New().Input("x", model.Float32, "N", 3, 32, 32).Output("y", model.Float32, "N", 10).
			Floats("k", []int64{8, 3, 3, 3}, nil).Floats("w", []int64{8, 10}, nil).Int64s("s", []int64{2}, []int64{-1, 8}).
			Node("Conv", in("x", "k"), out("c")).Node("MaxPool", in("c"), out("m")).Node("GlobalAveragePool", in("m"), out("p")).
			Node("Flatten", in("p"), out("f")).Node("Reshape", in("p", "s"), out("r")).Node("Add", in("f", "r"), out("a")).
			Node("MatMul", in("a", "w"), out("l")).Node("ArgMax", in("l"), out("i"), mt.Int("axis", 1)).Node("LogSoftmax", in("l"), out("y")),
		"transformer":                   transformer("L"),
		"transformer of a fixed length": transformer("128"),
		"attention":                     attention(-1),
		"lstm": mt.New().Input("x", model.Float32, "N", "L", 8).OutputUnranked("y", model.Float32).
			Node("Transpose", in("x"), out("t"), mt.Ints("perm", 1, 0, 2)).
			Node("LSTM", in("t", "w", "w"), out("s", "h", "c"), mt.Int("hidden_size", 4)).Floats("w", []int64{1, 16, 8}, nil).
			Int64s("one", []int64{1}, []int64{1}).Int64s("last", nil, []int64{-1}).
			Node("Squeeze", in("s", "one"), out("q")).Node("Gather", in("q", "last"), out("g"), mt.Int("axis", 0)).
			Node("Softmax", in("g"), out("o")).
			Node("Transpose", in("h"), out("ht"), mt.Ints("perm", 1, 0, 2)).Node("Flatten", in("ht"), out("f")).Node("Add", in("f", "o"), out("y")),
		"trees": mt.New().Opset("ai.onnx.ml", 3).Input("x", model.Float32, mt.Unknown, 4).Output("label", model.Int64, mt.Unknown).
			OutputValue(model.Value{Name: "m", Kind: model.Sequence, Of: &maps}).
			Node("Scaler", in("x"), out("s"), mt.Domain("ai.onnx.ml")).
			Node("TreeEnsembleClassifier", in("s"), out("label", "p"), mt.Domain("ai.onnx.ml")).
			Node("Normalizer", in("p"), out("q"), mt.Domain("ai.onnx.ml")).
			Node("ZipMap", in("q"), out("m"), mt.Domain("ai.onnx.ml"), mt.Ints("classlabels_int64s", 0, 1)),
		"text": mt.New().Opset("ai.onnx.ml", 3).Opset("com.microsoft", 1).Input("x", model.String, "N", 1).OutputUnranked("y", model.Float32).
			Int64s("flat", []int64{1}, []int64{-1}).Node("Reshape", in("x", "flat"), out("f")).
			Node("StringNormalizer", in("f"), out("n")).Node("Tokenizer", in("n"), out("t"), mt.Domain("com.microsoft")).
			Node("TfIdfVectorizer", in("t"), out("v")).Node("ReduceSum", in("v", "one"), out("s")).Int64s("one", []int64{1}, []int64{1}).
			Node("Div", in("v", "s"), out("y")),
		"windows": windows(),
		"expand":  expand(),
	} {
		if got := parse(t, g).Coupled; len(got) > 0 {
			t.Errorf("%s: coupled %+v", name, got)
		}
	}
	if got := coupled(t, attention(1)); got != "Softmax" {
		t.Errorf("attention with a softmax over the batch: coupled %q", got)
	}
	if got := coupled(t, attention(-2)); got != "Softmax" {
		t.Errorf("attention with a softmax over the batch: coupled %q", got)
	}
}

// windows is Swin's window attention: the batch is multiplied by the windows, and divided again.
func windows() *mt.Graph {
	g := mt.New().Input("x", model.Float32, "N", 8, 8, 16).OutputUnranked("y", model.Float32)
	sizeOf(g, "x", 0, "n")
	vector(g, "two", 2)
	vector(g, "four", 4)
	vector(g, "c", 16)
	vector(g, "merged", -1, 16, 16)
	g.Node("Concat", in("n", "two", "four", "two", "four", "c"), out("cut"), mt.Int("axis", 0)).
		Node("Reshape", in("x", "cut"), out("r")).Node("Transpose", in("r"), out("t"), mt.Ints("perm", 0, 1, 3, 2, 4, 5)).
		Node("Reshape", in("t", "merged"), out("w")).Node("Softmax", in("w"), out("a"))
	sizeOf(g, "a", 0, "nw")
	g.Node("Cast", in("nw"), out("nwf"), mt.Int("to", 1)).Node("Div", in("nwf", "four"), out("m")).
		Node("Cast", in("m"), out("mi"), mt.Int("to", 7)).
		Node("Concat", in("mi", "two", "two", "four", "four", "c"), out("back"), mt.Int("axis", 0)).
		Node("Reshape", in("a", "back"), out("b")).Node("LayerNormalization", in("b"), out("y"))
	return g
}

// expand is how PyTorch writes a token that is put before every sequence, as ViT does.
func expand() *mt.Graph {
	g := mt.New().Input("x", model.Float32, "N", 16, 8).OutputUnranked("y", model.Float32).Floats("cls", []int64{1, 1, 8}, nil)
	sizeOf(g, "x", 0, "n")
	vector(g, "keep", -1)
	vector(g, "three", 3)
	vector(g, "minus", -1)
	g.Node("Concat", in("n", "keep", "keep"), out("want"), mt.Int("axis", 0)).
		Node("ConstantOfShape", in("three"), out("ones"), mt.Int64Tensor("value", []int64{1}, 1)).
		Node("Mul", in("ones", "minus"), out("m")).Node("Equal", in("want", "m"), out("e")).
		Node("Where", in("e", "ones", "want"), out("shape")).Node("Expand", in("cls", "shape"), out("tokens")).
		Node("Concat", in("tokens", "x"), out("seq"), mt.Int("axis", 1)).Node("Softmax", in("seq"), out("s")).
		Node("Expand", in("s", "shape"), out("big")).Node("ReduceMax", in("big"), out("y"), mt.Ints("axes", -1))
	return g
}
