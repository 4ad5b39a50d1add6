package model_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// seeds are models that use every message that is read.
func seeds() [][]byte {
	body := modeltest.New().Input("i", model.Int64).Input("c", model.Bool).Input("v", model.Float32, "N", 2).
		Output("c", model.Bool).Output("w", model.Float32, "N", 2).
		Node("ReduceMean", in("v"), out("w"), modeltest.Ints("axes", 1))
	fn := modeltest.New().Node("Softmax", in("a"), out("b"), modeltest.Ref("axis", "axis", modeltest.RefInt)).
		Node("F", in("b"), out("d"), modeltest.Domain("local"))
	return [][]byte{
		modeltest.New().Output("y", model.Float32).Bytes(),
		modeltest.New().Opset("ai.onnx.ml", 3).Opset("local", 1).
			Input("x", model.Float32, "N", 2).InputUnranked("u", model.Float16).
			Output("y", model.Float16, "N", 2).OutputUnranked("z", model.BFloat16).
			OutputValue(model.Value{Name: "m", Kind: model.Sequence, Of: &maps}).
			Info("r", model.Float32, "N", 2).
			Int64s("shape", []int64{3}, []int64{0, -1, 2}).Sparse("sp", []int64{4}, 0, 1).
			External("e", model.Float32, []int64{2}, "e.bin", 0, 8).
			Node("Reshape", in("x", "shape"), out("r")).Node("Loop", in("", "", "x"), out("l"), modeltest.GraphAttr("body", body)).
			Node("F", in("x"), out("f"), modeltest.Domain("local"), modeltest.Int("axis", 0)).
			Node("Einsum", in("x", "x"), out("g"), modeltest.String("equation", "...a,ba->b...")).
			Node("Slice", in("r", "shape", "shape"), out("s")).Node("Pad", in("x", "shape"), out("pd")).
			Node("Scan", in("x", "x"), out("sc"), modeltest.GraphAttr("body", body), modeltest.Int("num_scan_inputs", 1)).
			Node("ZipMap", in("x"), out("m"), modeltest.Domain("ai.onnx.ml"), modeltest.Ints("classlabels_int64s", 0, 1)).
			Function("local", "F", in("a"), out("d"), fn).Bytes(),
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := model.Parse(b)
		if err == nil && len(g.Outputs) == 0 {
			t.Error("a model without outputs")
		}
	})
}

func FuzzAdapt(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, reads, changed, err := model.Adapt(b)
		if err != nil {
			return
		}
		before, err := model.Parse(b)
		if err != nil {
			t.Fatal("Adapt takes what Parse does not:", err)
		}
		after, err := model.Parse(out)
		if err != nil {
			t.Fatal("the adapted model is none:", err)
		}
		if len(reads) != len(before.Outputs) {
			t.Fatalf("%d outputs, %d reads", len(before.Outputs), len(reads))
		}
		has := map[string]bool{}
		for _, v := range after.Outputs {
			has[v.Name] = true
		}
		for i, r := range reads {
			if r.Output != before.Outputs[i].Name || !has[r.From] || !has[r.Output] {
				t.Errorf("read %+v of %q, adapted %v", r, before.Outputs[i].Name, has)
			}
		}
		if !changed && len(out) != len(b) {
			t.Error("changed in silence")
		}
	})
}
