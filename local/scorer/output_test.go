package scorer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/local/onnx"
)

func TestOutputsOfAnyRank(t *testing.T) {
	g := modeltest.New().Int64s("one", []int64{1}, []int64{1}).Int64s("flat", []int64{1}, []int64{-1}).
		Input("x", model.Float32, "N", 2).
		Output("matrix", model.Float32, "N", 2).Output("cube", model.Float32, "N", 1, 2).Output("big", model.Int64, "N").
		Node("Identity", []string{"x"}, []string{"matrix"}).Node("Unsqueeze", []string{"x", "one"}, []string{"cube"}).
		Int64s("digits", []int64{2}, []int64{9007199254740993, -9223372036854775808}).
		Node("ArgMax", []string{"x"}, []string{"at"}, modeltest.Int("axis", 1), modeltest.Int("keepdims", 0)).
		Node("Gather", []string{"digits", "at"}, []string{"big"})
	records := `
		{"x":[1,0.1]}
		{"x":["NaN","-Infinity"]}
		{"x":["-Infinity","Infinity"]}`
	scoring{graph: g}.expect(t, records, `
		{"key":"0:0","prediction":{"matrix":[1,0.1],"cube":[[1,0.1]],"big":9007199254740993}}
		{"key":"0:1","prediction":{"matrix":["NaN","-Infinity"],"cube":[["NaN","-Infinity"]],"big":9007199254740993}}
		{"key":"0:2","prediction":{"matrix":["-Infinity","Infinity"],"cube":[["-Infinity","Infinity"]],"big":-9223372036854775808}}`)
	scoring{graph: g, sel: []job.Selection{{Name: "b", Path: "matrix[1]"}, {Name: "c", Path: "cube[0][1]"}, {Name: "row", Path: "cube[0]"}, {Name: "big", Path: "big"}}}.expect(t, records, `
		{"key":"0:0","prediction":{"b":0.1,"c":0.1,"row":[1,0.1],"big":9007199254740993}}
		{"key":"0:1","prediction":{"b":"-Infinity","c":"-Infinity","row":["NaN","-Infinity"],"big":9007199254740993}}
		{"key":"0:2","prediction":{"b":"Infinity","c":"Infinity","row":["-Infinity","Infinity"],"big":-9223372036854775808}}`)
}

func TestScalarOutput(t *testing.T) {
	g := modeltest.New().Input("x", model.Float32, "N").Output("s", model.Float32).Output("h", model.Float16).
		Node("ReduceSum", []string{"x"}, []string{"s"}, modeltest.Int("keepdims", 0)).
		Node("Cast", []string{"s"}, []string{"h"}, modeltest.Int("to", int64(model.Float16)))
	scoring{graph: g, records: 1}.expect(t, `{"x":0.1}`, `{"key":"0:0","prediction":{"s":0.1,"h":0.1}}`)
}

func TestPickPastTheEndOfARecord(t *testing.T) {
	c := scoring{graph: pass(model.Float32, "N", "T"), sel: []job.Selection{{Name: "v", Path: "y[1]"}}}
	c.expect(t, `
		{"x":[1,2]}
		{"x":[1]}`, `
		{"key":"0:0","prediction":{"v":2}}
		{"key":"0:1","error":{"code":"model_error","message":"model output \"y\" of shape [1,1] has no element [1]"}}`)
}

// zipMap is a classifier's answer, as scikit-learn's converter writes it.
func zipMap(label modeltest.Option, key model.ElemType, n any) *modeltest.Graph {
	of := model.Value{Kind: model.Map, Key: key, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32, Ranked: true}}
	return modeltest.New().Opset("ai.onnx.ml", 1).Input("x", model.Float32, n, 2).
		OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &of}).
		Node("ZipMap", []string{"x"}, []string{"y"}, label, modeltest.Domain("ai.onnx.ml"))
}

// expectMaps expects the same lines of the model as it stands, whose answer is a
// sequence of maps, and as adapted.
func (c scoring) expectMaps(t *testing.T, records, want string) {
	t.Helper()
	c.expect(t, records, want)
	s, err := c.settled(t, trimmed(records))
	if err != nil {
		t.Fatal(err)
	}
	if s.outs[0].labels == nil {
		t.Fatal("the model was not adapted")
	}
	s.outs[0].labels = nil
	rt, err := findRuntime()
	if err != nil {
		t.Fatal(err)
	}
	adapted := s.session
	t.Cleanup(func() { _ = adapted.Close() })
	if s.session, err = rt.NewSession(onnx.Model{Path: s.pkg.Path}, []string{"x"}, []onnx.Output{{Name: "y"}}, onnx.Options{Device: onnx.CPU()}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trimmed(want), c.lines(t, s, s.NewWorker(), trimmed(records))); diff != "" {
		t.Errorf("not adapted: %s", diff)
	}
}

func TestZipMap(t *testing.T) {
	records := `
		{"x":[0.25,0.75]}
		{"x":["NaN",1e-7]}`
	for _, test := range []struct {
		label   modeltest.Option
		key     model.ElemType
		no, yes string
		pick    string
	}{
		{modeltest.Ints("classlabels_int64s", 10, 9), model.Int64, `10`, `9`, `[9]`},
		{modeltest.Strings("classlabels_strings", `n"o`, "ja"), model.String, `n\"o`, `ja`, `["ja"]`},
	} {
		first := `{"` + test.yes + `":0.75,"` + test.no + `":0.25}` // maps are sorted
		second := `{"` + test.yes + `":1e-7,"` + test.no + `":"NaN"}`
		want := `{"key":"0:0","prediction":{"y":` + first + `}}
			{"key":"0:1","prediction":{"y":` + second + `}}`
		c := scoring{graph: zipMap(test.label, test.key, "N")}
		c.expectMaps(t, records, want)
		want = `{"key":"0:0","prediction":{"p":0.75}}
			{"key":"0:1","prediction":{"p":1e-7}}`
		c.sel = []job.Selection{{Name: "p", Path: "y" + test.pick}}
		c.expectMaps(t, records, want)
		c.sel = []job.Selection{{Name: "p", Path: `y["none"]`}}
		c.expectMaps(t, `{"x":[0,1]}`,
			`{"key":"0:0","error":{"code":"model_error","message":"model output \"y\" has no key \"none\""}}`)
		// A record that is the whole tensor gets the whole list of maps.
		want = `{"key":"0:0","prediction":{"y":[` + first + `,` + first + `]}}`
		scoring{graph: zipMap(test.label, test.key, 2)}.expectMaps(t, `{"x":[[0.25,0.75],[0.25,0.75]]}`, want)
	}
}

func TestSequenceOutput(t *testing.T) {
	g := modeltest.New().Input("x", model.Float32, "N", 2).
		OutputValue(model.Value{Name: "y", Kind: model.Sequence, Of: &model.Value{Kind: model.Tensor, Elem: model.Float32}}).
		Node("SplitToSequence", []string{"x"}, []string{"y"}, modeltest.Int("axis", 1), modeltest.Int("keepdims", 0))
	scoring{graph: g, records: 1}.expect(t, `{"x":[1,2]}`, `{"key":"0:0","prediction":{"y":[[1],[2]]}}`)
}

func TestKeysAndKeptFields(t *testing.T) {
	c := scoring{graph: pass(model.Float32, "N"), key: []string{"id", "m.id"}, keep: []job.Rename{{Name: "r", Field: "region"}, {Name: "l", Field: "list"}}}
	c.expect(t, `
		{"id":1.50,"m":{"id":"a"},"x":1,"region":"é","list":[ 1, {"a" : 2} ]}
		{"id":12345678901234567890,"m.id":true,"m":{"id":"b"},"x":"bad"}
		{"id":1,"x":1}
		{"id":[1],"m.id":1,"x":1}
		{"id":2,"m.id":3,"x":
		{"id":2,
		[1]`, `
		{"key":[1.50,"a"],"r":"é","l":[1,{"a":2}],"prediction":{"y":1}}
		{"key":[12345678901234567890,true],"error":{"code":"wrong_type","message":"field \"x\": \"bad\" is a string, model input \"x\" takes float32"}}
		{"key":null,"error":{"code":"missing_key","message":"the key is missing or null"}}
		{"key":null,"error":{"code":"wrong_type","message":"the key is a list, not a scalar"}}
		{"key":[2,3],"error":{"code":"malformed","message":"invalid JSON at byte 21: unexpected end"}}
		{"key":null,"error":{"code":"malformed","message":"invalid JSON at byte 8: expected a field name"}}
		{"key":null,"error":{"code":"malformed","message":"a record must be a JSON object"}}`)
	scoring{graph: pass(model.Float32, "N"), key: []string{"id"}, keep: []job.Rename{{Name: "z", Field: "zip"}}, csv: true}.expect(t, `
		id,zip,x
		007,0123,1
		8,,x
		9,1
		,1,1`, `
		{"key":"007","z":"0123","prediction":{"y":1}}
		{"key":"8","error":{"code":"wrong_type","message":"field \"x\": x is text, model input \"x\" takes float32"}}
		{"key":"9","error":{"code":"field_count","message":"the row has 2 cells, the header 3"}}
		{"key":null,"error":{"code":"missing_key","message":"the key is missing or null"}}`)
}

func TestOtherFailures(t *testing.T) {
	c := scoring{graph: pass(model.Float32, "N", 2, 2)}
	ragged := errorLine(`"0:0"`, "wrong_shape", `field "x": the lists inside differ in length or depth`)
	for _, x := range []string{`[[1,2],[3]]`, `[[1,2],3]`, `[1,[2,3]]`, `[[],[1]]`, `[[[1]],[[1],[2]]]`, `[[1,2],[3,[4]]]`} {
		if got := c.score(t, `{"x":`+x+`}`); got != ragged {
			t.Errorf("%s: %s", x, got)
		}
	}
	for text, want := range map[string]string{
		"{\"x\":\"\xff\"}": errorLine(`"0:0"`, "invalid_utf8", "the record is not UTF-8"),
		`{"x":[[1,2]]}`:    errorLine(`"0:0"`, "wrong_shape", `model input "x" takes float32 [2,2]; field "x" has [1,2]`),
		`{"x":"` + strings.Repeat("é", 50) + `"}`: errorLine(`"0:0"`, "wrong_type",
			`field "x": "`+strings.Repeat("é", 19)+`… is a string, model input "x" takes float32`),
	} {
		if got := c.score(t, text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	c.tensors = []job.Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: failNull}}
	if got := c.score(t, `{"a":[1,2],"b":3}`); got != errorLine(`"0:0"`, "wrong_shape", `model input "x" takes float32 [2,2]; the fields hold 3 elements`) {
		t.Error(got)
	}
}
