package scorer

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

func TestPlanErrors(t *testing.T) {
	x := func(n job.Null) []job.Tensor { return []job.Tensor{fieldOf("x", "f", n)} }
	padded := func(max int, pad *job.Literal) []job.Tensor {
		return []job.Tensor{{Input: "x", Field: "x", Max: max, Pad: pad}}
	}
	zero := &job.Literal{Kind: job.NumberLiteral, Text: "0"}
	sel := func(paths ...string) (list []job.Selection) {
		for _, p := range paths {
			list = append(list, job.Selection{Name: "s", Path: p})
		}
		return list
	}
	float, ints := pass(model.Float32, "N", 2), pass(model.Int64, "N", 2)
	maps := zipMap(modeltest.Ints("classlabels_int64s", 0, 1), model.Int64, "N")
	half := model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: model.Float16}}
	for _, test := range []struct {
		c    scoring
		want string
	}{
		{scoring{graph: float, tensors: []job.Tensor{fieldOf("z", "f", failNull)}}, `the model has no input "z"; its inputs are "x" (float32 [N,2])`},
		{scoring{graph: pass(model.Complex64, "N")}, `model input "x" is complex64 [N], which records cannot feed yet`},
		{scoring{graph: modeltest.New().Floats("c", []int64{1}, []float32{1}).Output("y", model.Float32, 1).Node("Identity", []string{"c"}, []string{"y"})},
			`the model has no inputs, so no record can feed it`},
		{scoring{graph: ints, tensors: x(nanNull)}, `tensor "x", null of field "f": nan does not fit int64`},
		{scoring{graph: float, tensors: x(valueNull(job.StringLiteral, "a"))}, `tensor "x", null of field "f": "a" does not fit float32`},
		{scoring{graph: ints, tensors: x(valueNull(job.NumberLiteral, "0.5"))}, `tensor "x", null of field "f": 0.5 does not fit int64: not a whole number`},
		{scoring{graph: pass(model.String, "N"), tensors: x(valueNull(job.NumberLiteral, "1"))}, `tensor "x", null of field "f": 1 is no string`},
		{scoring{graph: float, tensors: x(job.Null{Fields: map[string]job.Null{"g": failNull}})}, `tensor "x" has a null for field "g", which it does not read`},
		{scoring{graph: pass(model.Float32, "N", "T"), tensors: padded(3, nil)}, `tensor "x": max needs pad`},
		{scoring{graph: float, tensors: padded(3, zero)}, `tensor "x": pad needs an open axis behind the batch axis; the model input is float32 [N,2]`},
		{scoring{graph: pass(model.Float32, "N", "T", "U"), tensors: padded(3, zero)}, `tensor "x": pad fills one open axis; the model input is float32 [N,T,U]`},
		{scoring{graph: pass(model.Float32, "N", "T", "U"), tensors: []job.Tensor{{Input: "x", Fields: []string{"a"}}}},
			`model input "x" is float32 [N,T,U]: flattened fields leave more than one axis open; use field with a nested list`},
		{scoring{graph: float, sel: sel("z")}, `select "z": the model has no such output; its outputs are "y" (float32 [N,2])`},
		{scoring{graph: float, sel: sel("y[a]")}, `select "y[a]": [a] is neither an index nor a "key"`},
		{scoring{graph: float, sel: sel(`y["a]`)}, `select "y[\"a]": the key at "[\"a]" is no string`},
		{scoring{graph: float, sel: sel(`y["a"`)}, `select "y[\"a\"": expected ] behind the key at "[\"a\""`},
		{scoring{graph: float, sel: sel(`y[0]z`)}, `select "y[0]z": expected [index] or ["key"] at "z"`},
		{scoring{graph: float, sel: sel("y[2]")}, `select "s": [2] is past the end; model output "y" is float32 [N,2]`},
		{scoring{graph: float, sel: sel("y[0][0]")}, `select "s": a record's part has 1 axes; model output "y" is float32 [N,2]`},
		{scoring{graph: float, sel: sel(`y["a"]`)}, `select "s": a tensor takes [index], not ["a"]; model output "y" is float32 [N,2]`},
		{scoring{graph: maps, sel: sel(`y[0][1]`)}, `select "s": a map takes one [key]; model output "y" is sequence of map(int64 -> float32)`},
		{scoring{graph: float, sel: sel("y", "y[0]")}, `two columns of the result would be named "prediction.s"; rename them with keep or select`},
		{scoring{graph: float, sel: []job.Selection{{Name: "s", Path: "y"}, {Name: "s_1", Path: "y[0]"}}}, `two columns of the result would be named "prediction.s_1"; rename them with keep or select`},
		{scoring{graph: float, keep: []job.Rename{{Name: "key", Field: "k"}}}, `two columns of the result would be named "key"; rename them with keep or select`},
		{scoring{graph: modeltest.New().Input("x", model.Float16, "N").OutputValue(half).Node("SplitToSequence", []string{"x"}, []string{"y"})},
			`model output "y" is sequence of float16 (rank unknown), which ONNX Runtime's Go binding cannot read; select the other outputs`},
		{scoring{graph: modeltest.New().Input("a", model.Float32, 2).Input("b", model.Float32, 3).Output("y", model.Float32, 2).Output("z", model.Float32, 3).
			Node("Identity", []string{"a"}, []string{"y"}).Node("Identity", []string{"b"}, []string{"z"})},
			`the model's inputs fix different numbers of records: "a" (float32 [2]), "b" (float32 [3])`},
		{scoring{graph: pass(model.Float32, 0)}, `the model's inputs take no record at all: "x" (float32 [0])`},
	} {
		t.Run(test.want, func(t *testing.T) {
			test.c.refuse(t, `{"x":1,"f":[1,2],"a":1,"b":2}`, "the job does not fit the model: "+test.want)
		})
	}
}

func TestModelThatDoesNotLoad(t *testing.T) {
	g := modeltest.New().Input("x", model.Float32, "N").Output("y", model.Float32, "N").Node("NoSuchOperator", []string{"x"}, []string{"y"})
	_, err := scoring{graph: g}.scorer(t)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "m.onnx: ONNX Runtime does not load the model on cpu: ") ||
		!strings.Contains(err.Error(), "NoSuchOperator") {
		t.Error(err)
	}
}

func TestColumns(t *testing.T) {
	c := scoring{graph: pass(model.Float32, "N", 2), key: []string{"a", "b"}, keep: []job.Rename{{Name: "r", Field: "s"}}}
	s, err := c.settled(t, `{"x":[1,2]}`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	cols := s.Columns()
	for _, col := range cols.Table() {
		names = append(names, col.Name)
	}
	if got := strings.Join(names, " "); got != "key_0 key_1 r prediction.y_0 prediction.y_1" {
		t.Error(got)
	}
	if got := strings.Join(s.Fields(), " "); got != "a b s x" {
		t.Error(got)
	}
}

func TestNoRecords(t *testing.T) {
	for _, dims := range [][]any{{"N"}, {1}, {3, 2}, {}} {
		if _, err := (scoring{graph: pass(model.Float32, dims...)}).settled(t, ""); err != nil {
			t.Errorf("%v: %v", dims, err)
		}
	}
}
