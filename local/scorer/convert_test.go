package scorer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
)

func TestConversion(t *testing.T) {
	for _, test := range []struct {
		elem       model.ElemType
		json, want string // want: the prediction, or the error's code and message
	}{
		{model.Float32, `0.1`, `0.1`},
		{model.Float32, `true`, `1`},
		{model.Float32, `"NaN"`, `"NaN"`},
		{model.Float32, `"-Infinity"`, `"-Infinity"`},
		{model.Float32, `"1"`, `wrong_type: field "x": "1" is a string, model input "x" takes float32`},
		{model.Float32, `"nan"`, `wrong_type: field "x": "nan" is a string, model input "x" takes float32`},
		{model.Float32, `1e39`, `out_of_range: field "x": 1e39 does not fit float32`},
		{model.Float32, `null`, `missing_field: field "x" is null`},
		{model.Float32, `{}`, `wrong_type: field "x": {} is an object, model input "x" takes float32`},
		{model.Float32, `[1]`, `wrong_shape: model input "x" takes one float32; field "x" has [1]`},
		{model.Float64, `0.30000000000000004`, `0.30000000000000004`},
		{model.Int64, `9007199254740993`, `9007199254740993`},
		{model.Int64, `3.0`, `3`},
		{model.Int64, `true`, `1`},
		{model.Int64, `3.5`, `out_of_range: field "x": 3.5 is not a whole number, model input "x" takes int64`},
		{model.Int64, `9223372036854775808`, `out_of_range: field "x": 9223372036854775808 does not fit int64`},
		{model.Int64, `"NaN"`, `wrong_type: field "x": "NaN" is a string, model input "x" takes int64`},
		{model.Uint64, `18446744073709551615`, `18446744073709551615`},
		{model.Int8, `-128`, `-128`},
		{model.Int16, `-300`, `-300`},
		{model.Int32, `-70000`, `-70000`},
		{model.Uint8, `255`, `255`},
		{model.Uint16, `65535`, `65535`},
		{model.Uint32, `4294967295`, `4294967295`},
		{model.Bool, `true`, `true`},
		{model.Bool, `0`, `false`},
		{model.Bool, `2`, `wrong_type: field "x": 2 is a number, model input "x" takes bool`},
		{model.Bool, `"true"`, `wrong_type: field "x": "true" is a string, model input "x" takes bool`},
		{model.Float16, `0.1`, `0.1`},
		{model.Float16, `65519`, `65500`},
		{model.Float16, `65520`, `out_of_range: field "x": 65520 does not fit float16`},
		{model.Float16, `"Infinity"`, `"Infinity"`},
		{model.BFloat16, `3.14159`, `3.14`},
		{model.String, `"größe\n"`, `"größe\n"`},
		{model.String, `""`, `""`},
		{model.String, `"\ud83d\ude00"`, `"😀"`},
		{model.String, `"\ud83d"`, `invalid_utf8: field "x" holds half of a surrogate pair`},
		{model.String, `"a\u0000"`, `wrong_type: field "x" holds a NUL character, which ONNX Runtime's strings cannot`},
		{model.String, `1`, `wrong_type: field "x": 1 is a number, model input "x" takes string`},
		{model.String, `null`, `missing_field: field "x" is null`},
	} {
		want := `{"key":"0:0","prediction":{"y":` + test.want + "}}\n"
		if code, message, ok := cutError(test.want); ok {
			want = errorLine(`"0:0"`, code, message)
		}
		got := scoring{graph: pass(test.elem, "N")}.score(t, `{"x":`+test.json+`}`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s from %s: %s", test.elem, test.json, diff)
		}
	}
}

func TestConversionOfCells(t *testing.T) {
	for _, test := range []struct {
		elem       model.ElemType
		cell, want string
	}{
		{model.Float32, ` 1.5 `, `1.5`},
		{model.Float32, `"1.5"`, `1.5`},
		{model.Float32, `nan`, `"NaN"`},
		{model.Float32, `1e39`, `out_of_range: field "x": 1e39 does not fit float32`},
		{model.Float32, `abc`, `wrong_type: field "x": abc is text, model input "x" takes float32`},
		{model.Float32, `""`, `wrong_type: field "x":  is text, model input "x" takes float32`},
		{model.Float32, `,`, `missing_field: field "x" is null`},
		{model.Int64, `007`, `7`},
		{model.Int64, `3.0`, `3`},
		{model.Bool, `True`, `true`},
		{model.Bool, `0`, `false`},
		{model.String, `007`, `"007"`},
		{model.String, `""`, `""`},
		{model.String, `[1`, `"[1"`},
		{model.String, `" a "`, `" a "`},
	} {
		want := `{"key":"0:0","prediction":{"y":` + test.want + "}}\n"
		if code, message, ok := cutError(test.want); ok {
			want = errorLine(`"0:0"`, code, message)
		}
		header := "x,z\n"
		row := test.cell + ",\n"
		if test.cell == "," {
			row = ",\n"
		}
		got := scoring{graph: pass(test.elem, "N"), csv: true}.score(t, header+row)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s from %s: %s", test.elem, test.cell, diff)
		}
	}
}

func TestListsInCells(t *testing.T) {
	c := scoring{graph: pass(model.Float32, "N", 2), csv: true}
	c.expect(t, `
		x
		"[1,2]"
		" [3, 4]"
		"[1"
		5
		"[1,2,3]"
		"[""NaN"",null]"`, `
		{"key":"0:0","prediction":{"y":[1,2]}}
		{"key":"0:1","prediction":{"y":[3,4]}}
		{"key":"0:2","error":{"code":"wrong_type","message":"field \"x\": not a JSON list: invalid JSON at byte 2: expected ',' or ']'"}}
		{"key":"0:3","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [2]; field \"x\" has one value"}}
		{"key":"0:4","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [2]; field \"x\" has [3]"}}
		{"key":"0:5","error":{"code":"missing_field","message":"field \"x\" is null"}}`)
	// A string in a column of [N,1] is a cell as it stands, brackets or not.
	scoring{graph: pass(model.String, "N", 1), csv: true}.expect(t, "x\n[a\n[1]\n", `
		{"key":"0:0","prediction":{"y":["[a"]}}
		{"key":"0:1","prediction":{"y":["[1]"]}}`)
}

func TestNullPolicies(t *testing.T) {
	nulls := job.Null{Policy: job.NullNaN, Fields: map[string]job.Null{
		"b": valueNull(job.NumberLiteral, "7"), "c": failNull, "d": valueNull(job.BoolLiteral, "true"),
	}}
	c := scoring{graph: pass(model.Float32, "N", 4), tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b", "c", "d"}, Null: nulls}}}
	records := trimmed(`
		{"a":1,"b":2,"c":3,"d":4}
		{"a":null,"c":3,"d":null}
		{"c":3}
		{"a":[null],"b":[[null]],"c":[3],"d":[]}
		{"a":[null,1],"b":null,"c":3,"d":[]}
		{"a":1,"b":2,"d":4}
		{"a":1,"b":2,"c":null,"d":4}`)
	s, err := c.settled(t, records)
	if err != nil {
		t.Fatal(err)
	}
	w := s.NewWorker()
	want := trimmed(`
		{"key":"0:0","prediction":{"y":[1,2,3,4]}}
		{"_cb_fills":{"a":1,"b":1,"d":1},"key":"0:1","prediction":{"y":["NaN",7,3,1]}}
		{"_cb_fills":{"a":1,"b":1,"d":1},"key":"0:2","prediction":{"y":["NaN",7,3,1]}}
		{"key":"0:3","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [4]; the fields hold 3 elements"}}
		{"_cb_fills":{"a":1,"b":1},"key":"0:4","prediction":{"y":["NaN",1,7,3]}}
		{"key":"0:5","error":{"code":"missing_field","message":"field \"c\" is missing"}}
		{"key":"0:6","error":{"code":"missing_field","message":"field \"c\" is null"}}`)
	if diff := cmp.Diff(want, c.lines(t, s, w, records)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"a": 3, "b": 3, "d": 2}, w.Fills()); diff != "" {
		t.Errorf("fills: %s", diff)
	}
	c.csv = true
	c.expect(t, "a,b,c,d\n,,3,\n\"\",1,1,1\n", `
		{"_cb_fills":{"a":1,"b":1,"d":1},"key":"0:0","prediction":{"y":["NaN",7,3,1]}}
		{"key":"0:1","error":{"code":"wrong_type","message":"field \"a\":  is text, model input \"x\" takes float32"}}`)
}

func TestNullOfWholeField(t *testing.T) {
	c := scoring{graph: pass(model.String, "N", 2), tensors: []job.Tensor{fieldOf("x", "x", valueNull(job.StringLiteral, "?"))}}
	c.expect(t, `
		{"x":["a","b"]}
		{"x":null}
		{"x":["a",null]}
		{}`, `
		{"key":"0:0","prediction":{"y":["a","b"]}}
		{"_cb_fills":{"x":1},"key":"0:1","prediction":{"y":["?","?"]}}
		{"_cb_fills":{"x":1},"key":"0:2","prediction":{"y":["a","?"]}}
		{"_cb_fills":{"x":1},"key":"0:3","prediction":{"y":["?","?"]}}`)
	// Nothing says how long the record would have been.
	c = scoring{graph: pass(model.Float32, "N", 2, "T"), tensors: []job.Tensor{fieldOf("x", "x", nanNull)}}
	c.expect(t, `
		{"x":[[1],[null]]}
		{"x":null}`, `
		{"_cb_fills":{"x":1},"key":"0:0","prediction":{"y":[[1],["NaN"]]}}
		{"key":"0:1","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [2,T]; field \"x\" has one value"}}`)
}
