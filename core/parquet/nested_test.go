package parquet_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestLists(t *testing.T) {
	type row struct {
		F    []float32  `parquet:"f,list"`
		D    []float64  `parquet:"d"`
		I    []int32    `parquet:"i,list"`
		U    []uint64   `parquet:"u"`
		S    []string   `parquet:"s,list"`
		N    []*float64 `parquet:"n,list"`
		B    []bool     `parquet:"b"`
		Late []uint32   `parquet:"late,optional,list"`
	}
	rows := []row{
		{F: []float32{1, 0.5}, D: []float64{2}, I: []int32{-1, 2, 3}, U: []uint64{1}, S: []string{"a", "\""}, N: []*float64{ptr(1.0), nil}, B: []bool{true, false}, Late: []uint32{math.MaxUint32}},
		{},
		{F: []float32{float32(math.NaN())}, U: []uint64{math.MaxUint64, 2}, N: []*float64{ptr(0.25)}, Late: []uint32{1, 2}},
	}
	want := [][]string{
		{"packed [1,0.5]", "packed [2]", "packed [-1,2,3]", "packed [1]", `array ["a","\""]`, "array [1,null]", "array [true,false]", "packed [4294967295]"},
		{"packed []", "packed []", "packed []", "packed []", "array []", "packed []", "array []", "null"},
		{`packed ["NaN"]`, "packed []", "packed []", "array [18446744073709551615,2]", "array []", "packed [0.25]", "array []", "packed [1,2]"},
	}
	for v := 1; v <= 2; v++ {
		f := open(t, written(t, rows, pq.DataPageVersion(v)))
		got := mustRows(t, f, f.Fields(), 0, 2)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

func TestNested(t *testing.T) {
	type point struct {
		X int32   `parquet:"x"`
		Y *string `parquet:"y,optional"`
	}
	type row struct {
		P    *point             `parquet:"p,optional"`
		L    []point            `parquet:"l,list"`
		R    []point            `parquet:"r"`
		LL   [][]int64          `parquet:"ll,list" parquet-element:",list"`
		M    map[string]float64 `parquet:"m"`
		MI   map[int64]point    `parquet:"mi"`
		Deep struct {
			In struct {
				V []float32 `parquet:"v,list"`
			} `parquet:"in"`
		} `parquet:"deep"`
	}
	r := row{P: &point{X: 1}, L: []point{{X: 2, Y: ptr("q")}, {X: 3}}, R: []point{{X: 4}}, LL: [][]int64{{1, 2}, {}, {3}},
		M: map[string]float64{"k\n": 0.5}, MI: map[int64]point{7: {X: 5}}}
	r.Deep.In.V = []float32{1}
	f := open(t, written(t, []row{r, {}}))
	fields := []string{"p", "p.x", "p.y", "l", "r", "ll", "m", "mi", "deep", "deep.in.v"}
	want := [][]string{
		{`object {"x":1,"y":null}`, "int 1", "null", `array [{"x":2,"y":"q"},{"x":3,"y":null}]`, `array [{"x":4,"y":null}]`, "array [[1,2],[],[3]]",
			`object {"k\n":0.5}`, `object {"7":{"x":5,"y":null}}`, `object {"in":{"v":[1]}}`, "packed [1]"},
		{"null", "null", "null", "array []", "array []", "array []", "object {}", "object {}", `object {"in":{"v":[]}}`, "packed []"},
	}
	if d := cmp.Diff(want, mustRows(t, f, fields, 0, 5)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[1:], mustRows(t, f, fields, 1, 5)); d != "" {
		t.Error(d)
	}
}

// levelled is one value of a row: rep, def and what it is.
func levelled(col, rep, def int, v any) pq.Value { return pq.ValueOf(v).Level(rep, def, col) }

// asList annotates a group as a list, as old files had them.
func asList(name string) func(*format.FileMetaData) {
	return func(m *format.FileMetaData) {
		for i := range m.Schema {
			if m.Schema[i].Name == name {
				m.Schema[i].ConvertedType.Set(deprecated.List)
			}
		}
	}
}

func TestLegacyLists(t *testing.T) {
	num := pq.Leaf(pq.DoubleType)
	for name, c := range map[string]struct {
		node pq.Node
		row  pq.Row
		want string
	}{
		"repeated primitive": {pq.Group{"array": pq.Repeated(num)}, pq.Row{levelled(0, 0, 1, 1.0), levelled(0, 1, 1, 2.0)}, "packed [1,2]"},
		"null list":          {pq.Optional(pq.Group{"array": pq.Repeated(num)}), pq.Row{levelled(0, 0, 0, nil)}, "null"},
		"group named array":  {pq.Group{"array": pq.Repeated(pq.Group{"x": num})}, pq.Row{levelled(0, 0, 1, 1.0)}, `array [{"x":1}]`},
		"group named tuple":  {pq.Group{"l_tuple": pq.Repeated(pq.Group{"x": num})}, pq.Row{levelled(0, 0, 1, 1.0)}, `array [{"x":1}]`},
		"two members":        {pq.Group{"list": pq.Repeated(pq.Group{"x": num, "y": num})}, pq.Row{levelled(0, 0, 1, 1.0), levelled(1, 0, 1, 2.0)}, `array [{"x":1,"y":2}]`},
		"bag":                {pq.Group{"bag": pq.Repeated(pq.Group{"array_element": pq.Optional(num)})}, pq.Row{levelled(0, 0, 2, 1.0), levelled(0, 1, 1, nil)}, `array [1,null]`},
		"bag without nulls":  {pq.Group{"bag": pq.Repeated(pq.Group{"array_element": pq.Optional(num)})}, pq.Row{levelled(0, 0, 2, 1.0)}, `packed [1]`},
		"bare repeated":      {pq.Repeated(num), pq.Row{levelled(0, 0, 1, 1.0), levelled(0, 1, 1, 3.0)}, "packed [1,3]"},
	} {
		t.Run(name, func(t *testing.T) {
			change := asList("l")
			if c.node.Leaf() {
				change = func(*format.FileMetaData) {}
			}
			file := refooted(t, rawFile(t, pq.Group{"l": c.node}, []pq.Row{c.row, c.row}), change)
			if d := cmp.Diff([]string{c.want, c.want}, column(t, file, "l")); d != "" {
				t.Error(d)
			}
		})
	}
}

// Old annotations mean what the logical types do.
func TestConvertedTypes(t *testing.T) {
	for want, c := range map[string]struct {
		node pq.Node
		v    any
		was  deprecated.ConvertedType
	}{
		`string "1970-01-02"`:               {pq.Leaf(pq.Int32Type), int32(1), deprecated.Date},
		`string "00:00:00.001"`:             {pq.Leaf(pq.Int32Type), int32(1), deprecated.TimeMillis},
		`string "00:00:00.000001"`:          {pq.Leaf(pq.Int64Type), int64(1), deprecated.TimeMicros},
		`string "1970-01-01T00:00:01Z"`:     {pq.Leaf(pq.Int64Type), int64(1000), deprecated.TimestampMillis},
		`string "1970-01-01T00:00:00.001Z"`: {pq.Leaf(pq.Int64Type), int64(1000), deprecated.TimestampMicros},
		`uint 4294967295`:                   {pq.Leaf(pq.Int32Type), int32(-1), deprecated.Uint32},
		`int -2`:                            {pq.Leaf(pq.Int32Type), int32(-2), deprecated.Int8},
		`string "x"`:                        {pq.Leaf(pq.ByteArrayType), []byte("x"), deprecated.UTF8},
		`number 0.1`:                        {pq.Leaf(pq.Int32Type), int32(1), deprecated.Decimal},
	} {
		file := refooted(t, leafFile(t, c.node, []any{c.v}), func(m *format.FileMetaData) {
			m.Schema[1].LogicalType.Value = nil
			m.Schema[1].ConvertedType.Set(c.was)
			m.Schema[1].Scale.Set(1)
		})
		if got := column(t, file, "v"); got[0] != want {
			t.Errorf("%v: %s, want %s", c.was, got[0], want)
		}
	}
	interval := refooted(t, leafFile(t, pq.Leaf(pq.FixedLenByteArrayType(12)), []any{[12]byte{}}), func(m *format.FileMetaData) {
		m.Schema[1].ConvertedType.Set(deprecated.Interval)
	})
	if _, err := open(t, interval).NewReader([]string{"v"}, 0); err == nil {
		t.Error("an INTERVAL is read")
	}
	half := refooted(t, leafFile(t, pq.Leaf(pq.FixedLenByteArrayType(2)), []any{[2]byte{0, 0x3C}, [2]byte{1, 0}, [2]byte{0, 0xFC}, [2]byte{0xFF, 0x7B}, [2]byte{0, 0x80}}),
		func(m *format.FileMetaData) { m.Schema[1].LogicalType.Value = &format.Float16Type{} })
	if d := cmp.Diff([]string{"f32 1", "f32 5.9604645e-8", `f32 "-Infinity"`, "f32 65504", "f32 -0"}, column(t, half, "v")); d != "" {
		t.Error(d)
	}
}

// Reading may begin at every row, in batches and row groups of any size.
func TestResume(t *testing.T) {
	type row struct {
		I int64     `parquet:"i"`
		O *float32  `parquet:"o,optional"`
		L []float64 `parquet:"l,list"`
		S []string  `parquet:"s,list"`
	}
	var rows []row
	var want [][]string
	for i := range 60 {
		r, o, l, s := row{I: int64(i)}, "null", "", ""
		if i%3 > 0 {
			r.O = ptr(float32(i))
			o = fmt.Sprint("f32 ", i)
		}
		for k := range i % 7 {
			if k > 0 {
				l, s = l+",", s+","
			}
			r.L, r.S = append(r.L, float64(k)), append(r.S, fmt.Sprint(k))
			l, s = l+fmt.Sprint(k), s+fmt.Sprintf("%q", fmt.Sprint(k))
		}
		rows = append(rows, r)
		want = append(want, []string{fmt.Sprint("int ", i), o, "packed [" + l + "]", "array [" + s + "]"})
	}
	for _, groups := range []int64{1, 7, 60, 1000} {
		for v := 1; v <= 2; v++ {
			f := open(t, written(t, rows, pq.MaxRowsPerRowGroup(groups), pq.DataPageVersion(v), pq.PageBufferSize(40)))
			for from := range want {
				if d := cmp.Diff(want[from:], mustRows(t, f, f.Fields(), int64(from), 1+from%11)); d != "" {
					t.Fatalf("row groups of %d, from %d: %s", groups, from, d)
				}
			}
		}
	}
	f := open(t, written[row](t, nil))
	if got := mustRows(t, f, f.Fields(), 0, 5); len(got) != 0 || f.Records() != 0 {
		t.Errorf("an empty file has %v", got)
	}
}

// Rows with long lists come in shorter batches.
func TestLongLists(t *testing.T) {
	type vector struct {
		V []float32 `parquet:"v,list"`
	}
	rows := make([]vector, 20)
	for i := range rows {
		rows[i].V = make([]float32, 500_000)
		rows[i].V[1] = float32(i)
	}
	r, err := open(t, written(t, rows, pq.Compression(&pq.Snappy))).NewReader([]string{"v"}, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var b parquet.Rows
	values := make([]record.Value, 1)
	row := 3
	for err = r.Next(&b, 100); err == nil; err = r.Next(&b, 100) {
		if b.Len() > 16 {
			t.Errorf("%d rows at once", b.Len())
		}
		for i := range b.Len() {
			if fail := b.Values(i, values); fail != nil || values[0].Len() != 500_000 || values[0].At(1).Bits != uint64(math.Float32bits(float32(row))) {
				t.Fatalf("row %d: %v", row, fail)
			}
			row++
		}
	}
	if !errors.Is(err, io.EOF) || row != 20 {
		t.Errorf("ended at row %d: %v", row, err)
	}
}
