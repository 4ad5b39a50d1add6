package engine

import (
	"math"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// TestCorpusNumbers covers values at the edges of their types.
func TestCorpusNumbers(t *testing.T) {
	div := func(elem model.ElemType) *modeltest.Graph {
		return modeltest.New().Input("a", elem, "N").Input("b", elem, "N").Output("y", elem, "N").Node("Div", list("a b"), list("y"))
	}
	special := `{"a":1,"b":0}
		{"a":-1,"b":0}
		{"a":0,"b":0}
		{"a":"NaN","b":1}
		{"a":"Infinity","b":1}
		{"a":0,"b":-1}`
	odd := `"y":"Infinity"
		"y":"-Infinity"
		"y":"NaN"
		"y":"NaN"
		"y":"Infinity"
		"y":-0`
	runCorpus(t, []specimen{
		{name: "not finite, float32", graph: div(model.Float32), in: special, want: odd},
		{name: "not finite, float64", graph: div(model.Float64), in: special, want: odd},
		{name: "not finite, float16", graph: div(model.Float16), in: special, want: odd},
		{
			name: "limits of float32", graph: identity(model.Float32, "N"),
			in: `{"x":3.4028235e38}
				{"x":3.4028236e38}
				{"x":1e39}
				{"x":1e-45}
				{"x":1.1754942e-38}
				{"x":-1e-60}
				{"x":16777217}
				{"x":-0.0}`,
			want: `"y":3.4028235e+38
				! out_of_range: field "x": 3.4028236e38 does not fit float32
				! out_of_range: field "x": 1e39 does not fit float32
				"y":1e-45
				"y":1.1754942e-38
				"y":-0
				"y":16777216
				"y":-0`,
		},
		{
			name: "limits of float64", graph: identity(model.Float64, "N"),
			in: `{"x":1.7976931348623157e308}
				{"x":1e309}
				{"x":5e-324}
				{"x":0.1234567890123456789}
				{"x":9007199254740993}`,
			want: `"y":1.7976931348623157e+308
				! out_of_range: field "x": 1e309 does not fit float64
				"y":5e-324
				"y":0.12345678901234568
				"y":9007199254740992`,
		},
		{
			name: "limits of float16", graph: identity(model.Float16, "N"),
			in: `{"x":65504}
				{"x":65519}
				{"x":65520}
				{"x":6e-8}
				{"x":6.1e-5}
				{"x":0.3333}
				{"x":2049}`,
			want: `"y":65500
				"y":65500
				! out_of_range: field "x": 65520 does not fit float16
				"y":6e-8
				"y":0.000061
				"y":0.3333
				"y":2048`,
		},
		{
			name: "limits of bfloat16", graph: identity(model.BFloat16, "N"),
			in: `{"x":3.3895313892515355e38}
				{"x":3.4e38}
				{"x":9.2e-41}
				{"x":3.14159}
				{"x":257}`,
			want: `"y":3.39e+38
				! out_of_range: field "x": 3.4e38 does not fit bfloat16
				"y":9e-41
				"y":3.14
				"y":256`,
		},
		{
			name:  "a product that leaves float16",
			graph: modeltest.New().Input("x", model.Float16, "N").Output("y", model.Float16, "N").Node("Mul", list("x x"), list("y")),
			in: `{"x":300}
				{"x":0.1}`,
			want: `"y":"Infinity"
				"y":0.009995`,
		},
		{
			name: "limits of integers", graph: identity(model.Int8, "N"),
			in: `{"x":127}
				{"x":128}
				{"x":-129}
				{"x":1.5}
				{"x":"1"}
				{"x":null}
				{"x":true}`,
			want: `"y":127
				! out_of_range: field "x": 128 does not fit int8
				! out_of_range: field "x": -129 does not fit int8
				! out_of_range: field "x": 1.5 is not a whole number, model input "x" takes int8
				! wrong_type: field "x": "1" is a string, model input "x" takes int8
				! missing_field: field "x" is null
				"y":1`,
		},
		{
			name: "limits of int64", graph: identity(model.Int64, "N"),
			in: `{"x":9223372036854775808}
				{"x":-9223372036854775808}
				{"x":9.223372036854775807e18}`,
			want: `! out_of_range: field "x": 9223372036854775808 does not fit int64
				"y":-9223372036854775808
				"y":9223372036854775807`,
		},
		{
			name: "limits of uint64", graph: identity(model.Uint64, "N"),
			in: `{"x":18446744073709551616}
				{"x":18446744073709551615}
				{"x":-1}
				{"x":-0}`,
			want: `! out_of_range: field "x": 18446744073709551616 does not fit uint64
				"y":18446744073709551615
				! out_of_range: field "x": -1 does not fit uint64
				"y":0`,
		},
		{
			name: "a very long answer",
			graph: modeltest.New().Input("x", model.Int64, "N", 1).Output("y", model.Int64, "N", 300000).
				Int64s("k", []int64{2}, []int64{1, 300000}).Node("Expand", list("x k"), list("y")),
			in: `{"x":[123456789]}
				{"x":[-1]}`,
			want: `"y":[` + strings.Repeat("123456789,", 299999) + `123456789]
				"y":[` + strings.Repeat("-1,", 299999) + `-1]`,
		},
		{
			name:  "a nan with a payload and a sign",
			graph: modeltest.New().Input("x", model.Float32, "N").Output("y", model.Float32, "N").Floats("k", []int64{1}, []float32{math.Float32frombits(0xffc00001)}).Node("Add", list("x k"), list("y")),
			in:    `{"x":1}`, want: `"y":"NaN"`,
		},
	})
}
