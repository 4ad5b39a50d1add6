package model_test

import (
	"testing"

	mt "github.com/crossbatch/crossbatch/core/model/modeltest"
)

// TestReshape follows the batch axis through views; what comes out is reduced
// over an axis, which is coupled where that is the batch's.
func TestReshape(t *testing.T) {
	for _, c := range []struct {
		name   string
		perm   []int64 // of [N, 4, 5, 6]
		target []int64
		axis   int64
		want   string
	}{
		{"zero keeps", nil, []int64{0, -1}, 1, ""},
		{"zero keeps", nil, []int64{0, -1}, 0, "ReduceMax"},
		{"minus one first", nil, []int64{-1, 120}, -1, ""},
		{"minus one first", nil, []int64{-1, 120}, 0, "ReduceMax"},
		{"a one in front", nil, []int64{1, -1, 120}, 1, "ReduceMax"},
		{"a one in front", nil, []int64{1, -1, 120}, 2, ""},
		{"cut to pieces", nil, []int64{7, -1}, 1, "ReduceMax"}, // cannot be followed
		{"inner, kept", []int64{1, 0, 2, 3}, []int64{0, 0, 30}, 2, ""},
		{"inner, kept", []int64{1, 0, 2, 3}, []int64{0, 0, 30}, 1, "ReduceMax"},
		{"inner, by minus one", []int64{1, 0, 2, 3}, []int64{4, -1, 30}, 0, ""},
		{"inner, by minus one", []int64{1, 0, 2, 3}, []int64{4, -1, 30}, 1, "ReduceMax"},
		{"inner, merged", []int64{1, 0, 2, 3}, []int64{-1, 30}, 1, ""},
		{"inner, merged", []int64{1, 0, 2, 3}, []int64{-1, 30}, 0, "ReduceMax"},
		{"inner, lost", []int64{1, 0, 2, 3}, []int64{5, 30}, 0, "ReduceMax"},
	} {
		g := rank(4, 17)
		x := "x"
		if c.perm != nil {
			g.Node("Transpose", in("x"), out("t"), mt.Ints("perm", c.perm...))
			x = "t"
		}
		vector(g, "target", c.target...)
		g.Node("Reshape", in(x, "target"), out("r")).Node("ReduceMax", in("r"), out("y"), mt.Ints("axes", c.axis))
		if got := coupled(t, g); got != c.want {
			t.Errorf("%s %v over %d: coupled %q, want %q", c.name, c.target, c.axis, got, c.want)
		}
	}
	// Merged behind another axis, and taken apart again.
	for axis, want := range map[int64]string{0: "", 1: "ReduceMax", 2: ""} {
		g := rank(3, 17)
		vector(g, "flat", -1, 5)
		vector(g, "same", 0, 5)
		vector(g, "apart", 4, -1, 5)
		g.Node("Transpose", in("x"), out("t"), mt.Ints("perm", 1, 0, 2)).Node("Reshape", in("t", "flat"), out("f")).
			Node("Reshape", in("f", "same"), out("s")).
			Node("Reshape", in("s", "apart"), out("a")).Node("ReduceMax", in("a"), out("y"), mt.Ints("axes", axis))
		if got := coupled(t, g); got != want {
			t.Errorf("merged and apart, over %d: coupled %q, want %q", axis, got, want)
		}
	}
	// [N, S, E] seen as [S, N, E] without a transposition cuts records to pieces.
	g := rank(3, 17)
	sizeOf(g, "x", 0, "n")
	vector(g, "s", 4)
	vector(g, "e", 5)
	g.Node("Concat", in("s", "n", "e"), out("target"), mt.Int("axis", 0)).Node("Reshape", in("x", "target"), out("r")).
		Node("Softmax", in("r"), out("y"))
	if got := coupled(t, g); got != "Reshape Softmax" {
		t.Errorf("cut to pieces: coupled %q", got)
	}
	// Records that only axes of size 1 precede may be seen in front: PyTorch's h_n.view(n, -1).
	for name, c := range map[string]struct {
		add  func(*mt.Graph)
		want string
	}{
		"hidden state":          {func(g *mt.Graph) { g.Node("GRU", in("t"), out("", "h")) }, ""},
		"hidden states of both": {func(g *mt.Graph) { g.Node("GRU", in("t"), out("", "h"), mt.String("direction", "bidirectional")) }, "Softmax"},
		"unsqueezed": {func(g *mt.Graph) {
			g.Int64s("z", []int64{1}, []int64{0}).Node("Unsqueeze", in("x", "z"), out("u")).
				Node("Concat", in("u", "u"), out("d"), mt.Int("axis", 2)).Node("Add", in("d", "five"), out("h"))
		}, ""},
		"unsqueezed and doubled": {func(g *mt.Graph) {
			g.Int64s("z", []int64{1}, []int64{0}).Node("Unsqueeze", in("x", "z"), out("u")).Node("Concat", in("u", "u"), out("h"), mt.Int("axis", 0))
		}, "Softmax"},
		"unsqueezed and broadcast": {func(g *mt.Graph) {
			g.Int64s("z", []int64{1}, []int64{0}).Node("Unsqueeze", in("x", "z"), out("u")).Floats("w", []int64{2, 1, 1, 1}, nil).
				Node("Mul", in("u", "w"), out("h"))
		}, "Softmax"},
	} {
		g := rank(3, 17).Floats("five", []int64{5}, nil)
		g.Node("Transpose", in("x"), out("t"), mt.Ints("perm", 1, 0, 2))
		sizeOf(g, "x", 0, "n")
		vector(g, "rest", -1)
		c.add(g)
		g.Node("Concat", in("n", "rest"), out("target"), mt.Int("axis", 0)).
			Node("Reshape", in("h", "target"), out("r")).Node("Softmax", in("r"), out("y"))
		if got := coupled(t, g); got != c.want {
			t.Errorf("%s: coupled %q, want %q", name, got, c.want)
		}
	}
	for _, axis := range []int64{-1, 0, 1, 2} {
		for perm := range int64(3) {
			g := rank(3, 17)
			g.Node("Transpose", in("x"), out("t"), mt.Ints("perm", [][]int64{{0, 1, 2}, {1, 0, 2}, {1, 2, 0}}[perm]...)).
				Node("Flatten", in("t"), out("f"), mt.Int("axis", axis)).Node("Softmax", in("f"), out("y"))
			first := axis >= 0 && perm < axis || axis == -1 && perm < 2 // the batch is in the first of the two
			if want := map[bool]string{true: "", false: "Softmax"}[first]; coupled(t, g) != want {
				t.Errorf("Flatten axis %d, batch axis %d: want %q", axis, perm, want)
			}
		}
	}
}
