package model_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// A shape, an axis or a count that records give is one for the whole call: of
// records that differ in it, one would decide for the others.
func TestCoupledByParameters(t *testing.T) {
	for op, inputs := range map[string][]string{
		"Reshape":         in("x", "p"),
		"Expand":          in("x", "p"),
		"Tile":            in("x", "p"),
		"Split":           in("x", "p"),
		"SplitToSequence": in("x", "p"),
		"Unsqueeze":       in("x", "p"),
		"Squeeze":         in("x", "p"),
		"Pad":             in("x", "p"),
		"Slice":           in("x", "p", "p"),
		"TopK":            in("x", "p"),
		"ReduceSum":       in("x", "p"),
		"OneHot":          in("x", "p", "v"),
		"CumSum":          in("x", "p"),
		"Range":           in("p", "p", "p"),
		"ConstantOfShape": in("p"),
		"EyeLike":         in("x"),
	} {
		g := modeltest.New().Opset("", 18).Input("x", model.Float32, "N", 2).Input("p", model.Int64, "N").Output("y", model.Float32).
			Floats("v", []int64{2}, []float32{0, 1}).Node(op, inputs, out("y"))
		if c := parse(t, g).Coupled; len(c) == 0 {
			t.Errorf("%s is not coupled", op)
		}
	}
}
