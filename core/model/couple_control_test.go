package model_test

import (
	"reflect"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	mt "github.com/crossbatch/crossbatch/core/model/modeltest"
)

// body makes a loop's body with one carried tensor.
func body(op string, options ...mt.Option) *mt.Graph {
	return mt.New().Input("i", model.Int64).Input("c", model.Bool).InputUnranked("v", model.Float32).
		Output("c", model.Bool).OutputUnranked("w", model.Float32).OutputUnranked("w2", model.Float32).
		Node(op, in("v", "i"), out("w"), options...).Node("Identity", in("w"), out("w2"))
}

func TestControlFlow(t *testing.T) {
	start := func() *mt.Graph {
		return mt.New().Opset("local", 1).Input("x", model.Float32, "N", 4, 5).OutputUnranked("y", model.Float32).
			Int64s("k", nil, []int64{3})
	}
	side := func(op string, options ...mt.Option) *mt.Graph {
		return mt.New().OutputUnranked("o", model.Float32).Node(op, in("x"), out("o"), options...)
	}
	scanBody := mt.New().InputUnranked("s", model.Float32).InputUnranked("e", model.Float32).
		OutputUnranked("s2", model.Float32).OutputUnranked("e2", model.Float32).
		Node("Identity", in("s"), out("s2")).Node("Relu", in("e"), out("e2"))
	fn := mt.New().Opset("", 13).Node("Softmax", in("a"), out("b"), mt.Ref("axis", "dim", mt.RefInt))
	for name, c := range map[string]struct {
		g    *mt.Graph
		want []string // nodes
	}{
		"if": {start().Node("If", in("k"), out("y"), mt.GraphAttr("then_branch", side("Relu")), mt.GraphAttr("else_branch", side("Softmax"))), nil},
		"if, coupled in a branch": {start().Node("If", in("k"), out("y"), mt.Name("cond"), mt.GraphAttr("then_branch", side("Relu")),
			mt.GraphAttr("else_branch", side("Softmax", mt.Int("axis", 0)))), []string{"cond/else_branch/#0"}},
		"if squeezes or not": {start().Node("If", in("k"), out("z"), mt.GraphAttr("then_branch", side("Identity")), mt.GraphAttr("else_branch", side("Flatten"))).
			Node("Softmax", in("z"), out("y")), nil},
		"if by a record": {start().Node("If", in("x"), out("y"), mt.GraphAttr("then_branch", side("Relu"))), []string{"#0"}},
		"if moves the axis on one side": {start().Node("If", in("k"), out("z"), mt.GraphAttr("then_branch", side("Identity")),
			mt.GraphAttr("else_branch", side("Transpose", mt.Ints("perm", 1, 0, 2)))).Node("Softmax", in("z"), out("y")), []string{"#1"}},
		"loop":                {start().Node("Loop", in("k", "", "x"), out("y"), mt.GraphAttr("body", body("Relu"))), nil},
		"loop over records":   {start().Node("Loop", in("k", "", "x"), out("z", "y"), mt.GraphAttr("body", body("Gather"))), []string{"#0/#0"}},
		"loop over features":  {start().Node("Loop", in("k", "", "x"), out("z", "y"), mt.GraphAttr("body", body("Gather", mt.Int("axis", 1)))), nil},
		"loop until a record": {start().Node("Loop", in("k", "x", "x"), out("y"), mt.GraphAttr("body", body("Relu"))), []string{"#0"}},
		"loop that turns":     {start().Node("Loop", in("k", "", "x"), out("z"), mt.GraphAttr("body", body("Transpose", mt.Ints("perm", 1, 0, 2)))).Node("Softmax", in("z"), out("y")), []string{"#1"}},
		"loop's stack":        {start().Node("Loop", in("k", "", "x"), out("z", "u"), mt.GraphAttr("body", body("Relu"))).Node("ReduceMax", in("u"), out("y"), mt.Ints("axes", 0)), nil},
		"loop's stack over records": {start().Node("Loop", in("k", "", "x"), out("z", "u"), mt.GraphAttr("body", body("Relu"))).
			Node("ReduceMax", in("u"), out("y"), mt.Ints("axes", 1)), []string{"#1"}},
		"scan over records": {start().Node("Scan", in("k", "x"), out("z", "y"), mt.GraphAttr("body", scanBody), mt.Int("num_scan_inputs", 1)), []string{"#0"}},
		"scan over words": {start().Node("Scan", in("k", "x"), out("z", "u"), mt.GraphAttr("body", scanBody), mt.Int("num_scan_inputs", 1),
			mt.Ints("scan_input_axes", 1), mt.Ints("scan_output_axes", 1)).Node("Softmax", in("u"), out("y")), nil},
		"scan of opset 8": {start().Opset("", 8).Node("Scan", in("", "k", "x"), out("z", "y"), mt.GraphAttr("body", scanBody), mt.Int("num_scan_inputs", 1)), nil},
		"function": {start().Function("local", "F", in("a"), out("b"), fn).
			Node("F", in("x"), out("y"), mt.Domain("local"), mt.Int("dim", -1)), nil},
		"function, coupled by an attribute": {start().Function("local", "F", in("a"), out("b"), fn).
			Node("F", in("x"), out("y"), mt.Domain("local"), mt.Int("dim", 0), mt.Name("f")), []string{"f/#0"}},
		"function that calls itself": {start().Function("local", "F", in("a"), out("b"), mt.New().Node("F", in("a"), out("b"), mt.Domain("local"))).
			Node("F", in("x"), out("y"), mt.Domain("local")), []string{nestedName(33)}},
	} {
		var got []string
		for _, k := range parse(t, c.g).Coupled {
			got = append(got, k.Node)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: coupled %q, want %q", name, got, c.want)
		}
	}
}

func nestedName(depth int) string {
	s := "#0"
	for range depth - 1 {
		s = "#0/" + s
	}
	return s
}

// A small file cannot ask for unbounded work: each function calls the next one twice.
func TestBoundedWork(t *testing.T) {
	g := mt.New().Opset("local", 1).Input("x", model.Float32, "N").OutputUnranked("y", model.Float32)
	for i := range 31 {
		next := mt.Domain("local")
		f := mt.New().Node(string(rune('B'+i)), in("a"), out("b"), next).Node(string(rune('B'+i)), in("b"), out("c"), next)
		g.Function("local", string(rune('A'+i)), in("a"), out("c"), f)
	}
	g.Node("A", in("x"), out("y"), mt.Domain("local"))
	if got := parse(t, g).Coupled; len(got) != 1 || got[0].Op != "graph" {
		t.Errorf("coupled %+v", got)
	}
}

// Findings come in file order, one a node and operator, and say why.
func TestCouplingReport(t *testing.T) {
	g := rank(2, 17).Node("DynamicQuantizeLinear", in("x"), out("q", "s", "z"), mt.Name("quant")).
		Node("MatMulInteger", in("q", "w"), out("m")).Raw("w", model.Int8, []int64{4, 3}, make([]byte, 12)).
		Node("Cast", in("m"), out("f"), mt.Int("to", 1)).Node("Mul", in("f", "s"), out("r")).
		Node("ReduceMean", in("r"), out("y"), mt.Ints("axes", 0)).Node("Normalizer", in("v"), out("u"), mt.Domain("ai.onnx.ml")).Input("v", model.Float32, "N")
	want := []model.Coupling{
		{Node: "quant", Op: "DynamicQuantizeLinear", Reason: "quantises by the range of the whole batch"},
		{Node: "#4", Op: "ReduceMean", Reason: "reduces over the batch axis"},
		{Node: "#5", Op: "ai.onnx.ml.Normalizer", Reason: "takes a one-dimensional tensor as one record"},
	}
	if got := parse(t, g).Coupled; !reflect.DeepEqual(got, want) {
		t.Errorf("coupled %+v", got)
	}
}
