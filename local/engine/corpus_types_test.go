package engine

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
)

// plain are the element types that records feed, with three values as they
// stand in a record and as they must come back.
var plain = []struct {
	elem    model.ElemType
	in, out [3]string
}{
	{model.Float32, [3]string{"1", "-2.5", "0.1"}, [3]string{"1", "-2.5", "0.1"}},
	{model.Float64, [3]string{"1", "-2.5", "0.1"}, [3]string{"1", "-2.5", "0.1"}},
	{model.Float16, [3]string{"1", "-2.5", "0.1"}, [3]string{"1", "-2.5", "0.1"}},
	{model.BFloat16, [3]string{"1", "-2.5", "0.1"}, [3]string{"1", "-2.5", "0.1"}},
	{model.Int8, [3]string{"-128", "0", "127"}, [3]string{"-128", "0", "127"}},
	{model.Int16, [3]string{"-32768", "1.0", "32767"}, [3]string{"-32768", "1", "32767"}},
	{model.Int32, [3]string{"-2147483648", "1e2", "2147483647"}, [3]string{"-2147483648", "100", "2147483647"}},
	{model.Int64, [3]string{"-9223372036854775808", "9007199254740993", "9223372036854775807"}, [3]string{"-9223372036854775808", "9007199254740993", "9223372036854775807"}},
	{model.Uint8, [3]string{"0", "1", "255"}, [3]string{"0", "1", "255"}},
	{model.Uint16, [3]string{"0", "1", "65535"}, [3]string{"0", "1", "65535"}},
	{model.Uint32, [3]string{"0", "1", "4294967295"}, [3]string{"0", "1", "4294967295"}},
	{model.Uint64, [3]string{"0", "9007199254740993", "18446744073709551615"}, [3]string{"0", "9007199254740993", "18446744073709551615"}},
	{model.Bool, [3]string{"true", "false", "1"}, [3]string{"true", "false", "true"}},
	{model.String, [3]string{`"a"`, `""`, `"\u00e9\n\"日本"`}, [3]string{`"a"`, `""`, `"é\n\"日本"`}},
}

// TestCorpusTypesAndRanks passes every element type through in every rank to 5.
func TestCorpusTypesAndRanks(t *testing.T) {
	for _, p := range plain {
		for _, shape := range []struct {
			name string
			dims []any
			list string // a record's part; a, b and c stand for the values
		}{
			{"N", []any{"N"}, ""},
			{"Nx1", []any{"N", 1}, "[a]"},
			{"Nx3", []any{"N", 3}, "[a,b,c]"},
			{"Nx1x3", []any{"N", 1, 3}, "[[a,b,c]]"},
			{"Nx3x1x1", []any{"N", 3, 1, 1}, "[[[a]],[[b]],[[c]]]"},
			{"Nx1x2x1x3", []any{"N", 1, 2, 1, 3}, "[[[[a,b,c]],[[c,b,a]]]]"},
			{"1", []any{1}, ""},
			{"1x3", []any{1, 3}, "[a,b,c]"},
			{"2x3", []any{2, 3}, "[a,b,c]"},
			{"whole3", []any{3}, "[a,b,c]"},
			{"whole2x3", []any{2, 3}, "[[a,b,c],[c,b,a]]"},
			{"unnamed", []any{modelUnknown, modelUnknown}, "[a,b,c]"},
		} {
			records := func(v [3]string, frame string) string {
				var b strings.Builder
				for i := range v {
					text := v[i]
					if shape.list != "" {
						text = strings.NewReplacer("a", v[i], "b", v[(i+1)%3], "c", v[(i+2)%3]).Replace(shape.list)
					}
					b.WriteString(strings.Replace(frame, "?", text, 1) + "\n")
				}
				return b.String()
			}
			c := specimen{
				name: p.elem.String() + " " + shape.name, graph: identity(p.elem, shape.dims...),
				in: records(p.in, `{"x":?}`), want: records(p.out, `"y":?`),
			}
			t.Run(c.name, func(t *testing.T) { c.check(t) })
		}
	}
}

const modelUnknown = modeltest.Unknown

// identity hands its input through.
func identity(elem model.ElemType, dims ...any) *modeltest.Graph {
	return modeltest.New().Input("x", elem, dims...).Output("y", elem, dims...).Node("Identity", list("x"), list("y"))
}

// TestCorpusCasts casts 1 from every type to every other.
func TestCorpusCasts(t *testing.T) {
	for _, from := range plain {
		for _, to := range plain {
			in, out := "1", "1"
			if from.elem == model.String {
				in = `"1"`
			}
			switch {
			case to.elem == model.Bool && from.elem == model.String:
				continue // ONNX Runtime has no such cast
			case to.elem == model.Bool:
				out = "true"
			case to.elem == model.String:
				out = `"1"`
			}
			c := specimen{
				name: from.elem.String() + " to " + to.elem.String(),
				graph: modeltest.New().Opset("", 19).Input("x", from.elem, "N", 1).Output("y", to.elem, "N", 1).
					Node("Cast", list("x"), list("y"), modeltest.Int("to", int64(to.elem))),
				in: `{"x":[` + in + `]}`, want: `"y":[` + out + `]`,
			}
			t.Run(c.name, func(t *testing.T) { c.check(t) })
		}
	}
}

// TestCorpusScalars feeds rank 0 of every type that has an API, beside records.
func TestCorpusScalars(t *testing.T) {
	for _, p := range plain {
		c := specimen{
			name: p.elem.String(),
			graph: modeltest.New().Input("x", p.elem).Input("f", model.Float32, "N", 2).
				Output("y", p.elem).Output("g", model.Float32, "N", 2).
				Node("Identity", list("x"), list("y")).Node("Identity", list("f"), list("g")),
			in: `{"x":` + p.in[0] + `,"f":[1,2]}
				{"x":` + p.in[2] + `,"f":[3,4]}`,
			want: `"y":` + p.out[0] + `,"g":[1,2]
				"y":` + p.out[2] + `,"g":[3,4]`,
		}
		t.Run(c.name, func(t *testing.T) { c.check(t) })
	}
}
