package parquet_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

func ptr[T any](v T) *T { return &v }

// node values of one column, each a row; nil is null.
func leafFile(t *testing.T, n pq.Node, values []any, options ...pq.WriterOption) []byte {
	var rows []pq.Row
	for _, v := range values {
		def := 0
		if n.Optional() && v != nil {
			def = 1
		}
		rows = append(rows, pq.Row{pq.ValueOf(v).Level(0, def, 0)})
	}
	return rawFile(t, pq.Group{"v": n}, rows, options...)
}

func TestScalars(t *testing.T) {
	for _, c := range []struct {
		name   string
		node   pq.Node
		values []any
		typ    string
		want   []string
	}{
		{"bool", pq.Leaf(pq.BooleanType), []any{true, false}, "bool", []string{"bool true", "bool false"}},
		{"int8", pq.Int(8), []any{int32(-5)}, "int64", []string{"int -5"}},
		{"int32", pq.Int(32), []any{int32(math.MinInt32)}, "int64", []string{"int -2147483648"}},
		{"int64", pq.Int(64), []any{int64(math.MinInt64)}, "int64", []string{"int -9223372036854775808"}},
		{"uint16", pq.Uint(16), []any{uint32(65535)}, "uint64", []string{"uint 65535"}},
		{"uint32", pq.Uint(32), []any{uint32(math.MaxUint32)}, "uint64", []string{"uint 4294967295"}},
		{"uint64", pq.Uint(64), []any{uint64(math.MaxUint64)}, "uint64", []string{"uint 18446744073709551615"}},
		{"float", pq.Leaf(pq.FloatType), []any{float32(0.1), float32(math.Inf(-1))}, "float", []string{"f32 0.1", `f32 "-Infinity"`}},
		{"double", pq.Leaf(pq.DoubleType), []any{0.1, math.NaN()}, "double", []string{"f64 0.1", `f64 "NaN"`}},
		{"null", pq.Optional(pq.Leaf(pq.DoubleType)), []any{nil, 1.5, nil}, "double", []string{"null", "f64 1.5", "null"}},
		{"float16", pq.Leaf(pq.FixedLenByteArrayType(2)), nil, "", nil},
		{"decimal32", pq.Decimal(2, 9, pq.Int32Type), []any{int32(5), int32(-12345), int32(0)}, "", []string{"number 0.05", "number -123.45", "number 0.00"}},
		{"decimal64", pq.Decimal(0, 18, pq.Int64Type), []any{int64(-7)}, "", []string{"number -7"}},
		{"decimal fixed", pq.Decimal(3, 20, pq.FixedLenByteArrayType(9)), []any{[9]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}, [9]byte{1}},
			"", []string{"number -0.002", "number 18446744073709551.616"}},
		{"decimal bytes", pq.Decimal(1, 20, pq.ByteArrayType), []any{[]byte{0xFF}, []byte{0x01, 0x00}}, "", []string{"number -0.1", "number 25.6"}},
		{"date", pq.Date(), []any{int32(19753), int32(-1), int32(-719528)}, "", []string{`string "2024-01-31"`, `string "1969-12-31"`, `string "0000-01-01"`}},
		{"time ms", pq.Time(pq.Millisecond), []any{int32(49500123), int32(0)}, "", []string{`string "13:45:00.123"`, `string "00:00:00"`}},
		{"time us", pq.Time(pq.Microsecond), []any{int64(1), int64(1000)}, "", []string{`string "00:00:00.000001"`, `string "00:00:00.001"`}},
		{"time ns", pq.Time(pq.Nanosecond), []any{int64(86399999999999), int64(-1)}, "", []string{`string "23:59:59.999999999"`, "failure out_of_range"}},
		{"stamp ms", pq.Timestamp(pq.Millisecond), []any{int64(1706708700123), int64(-1)}, "", []string{`string "2024-01-31T13:45:00.123Z"`, `string "1969-12-31T23:59:59.999Z"`}},
		{"stamp us", pq.Timestamp(pq.Microsecond), []any{int64(1706708700123456)}, "", []string{`string "2024-01-31T13:45:00.123456Z"`}},
		{"stamp local", pq.TimestampAdjusted(pq.Nanosecond, false), []any{int64(1706708700000000001), int64(1706708700000000000)}, "",
			[]string{`string "2024-01-31T13:45:00.000000001"`, `string "2024-01-31T13:45:00"`}},
		{"int96", pq.Leaf(pq.Int96Type), []any{deprecated.Int96{0: 1, 2: 2440588}}, "", []string{`string "1970-01-01T00:00:00.000000001"`}},
		{"string", pq.String(), []any{"a\"\n", "é", ""}, "", []string{`string "a\"\n"`, `string "é"`, `string ""`}},
		{"enum", pq.Enum(), []any{[]byte("A")}, "", []string{`string "A"`}},
		{"json", pq.JSON(), []any{[]byte(`{"a":1}`)}, "", []string{`string "{\"a\":1}"`}},
		{"bytes", pq.Leaf(pq.ByteArrayType), []any{[]byte("ok"), []byte{0xFF}, []byte("x")}, "", []string{`string "ok"`, "failure invalid_utf8", `string "x"`}},
		{"fixed", pq.Leaf(pq.FixedLenByteArrayType(2)), []any{[2]byte{'a', 'b'}}, "", []string{`string "ab"`}},
		{"uuid", pq.UUID(), []any{[16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}, "", []string{`string "00010203-0405-0607-0809-0a0b0c0d0e0f"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			nodes := map[string]pq.Node{"plain": c.node, "dictionary": pq.Encoded(c.node, &pq.RLEDictionary)}
			if c.name == "bool" || len(c.values) == 0 {
				delete(nodes, "dictionary")
			}
			for name, n := range nodes {
				file := leafFile(t, n, c.values)
				if got := open(t, file).Type("v"); got != c.typ && len(c.values) > 0 {
					t.Errorf("%s: type %q, want %q", name, got, c.typ)
				}
				if d := cmp.Diff(c.want, column(t, file, "v")); d != "" {
					t.Errorf("%s: %s", name, d)
				}
			}
		})
	}
}

// Every encoding, page format and codec gives the same values.
func TestEncodingsAndCodecs(t *testing.T) {
	type row struct {
		I int64    `parquet:"i"`
		J int32    `parquet:"j"`
		F float32  `parquet:"f"`
		D *float64 `parquet:"d,optional"`
		S string   `parquet:"s"`
		B bool     `parquet:"b"`
		U [16]byte `parquet:"u,uuid"`
	}
	const n = 3000
	var rows []row
	var want [][]string
	for i := range n {
		r := row{I: int64(i*i) - 1000, J: int32(i * 77777777), F: float32(i) / 8, S: fmt.Sprintf("text-%d", i%37), B: i%3 == 0, U: [16]byte{byte(i)}}
		d := "null"
		if i%5 > 0 {
			r.D = ptr(float64(i) / 4)
			d = fmt.Sprintf("f64 %g", *r.D)
		}
		rows = append(rows, r)
		want = append(want, []string{fmt.Sprint("int ", r.I), fmt.Sprint("int ", r.J), fmt.Sprintf("f32 %g", r.F), d,
			fmt.Sprintf("string %q", r.S), fmt.Sprint("bool ", r.B), fmt.Sprintf(`string "%02x000000-0000-0000-0000-000000000000"`, byte(i))})
	}
	fields := []string{"i", "j", "f", "d", "s", "b", "u"}
	check := func(name string, options ...pq.WriterOption) {
		t.Run(name, func(t *testing.T) {
			f := open(t, written(t, rows, options...))
			for _, from := range []int64{0, 1, 1499, n - 1, n} {
				if d := cmp.Diff(want[from:], mustRows(t, f, fields, from, 700)); from < n && d != "" {
					t.Fatalf("from %d: %s", from, d)
				}
			}
		})
	}
	for name, codec := range map[string]pq.WriterOption{
		"none": pq.Compression(&pq.Uncompressed), "snappy": pq.Compression(&pq.Snappy), "gzip": pq.Compression(&pq.Gzip),
		"zstd": pq.Compression(&pq.Zstd), "lz4": pq.Compression(&pq.Lz4Raw), "brotli": pq.Compression(&pq.Brotli),
	} {
		for v := 1; v <= 2; v++ {
			check(fmt.Sprint(name, " v", v), codec, pq.DataPageVersion(v), pq.PageBufferSize(2000), pq.MaxRowsPerRowGroup(1100))
		}
	}
	encode := func(enc encoding.Encoding, kinds ...pq.Kind) pq.WriterOption {
		g := pq.Group{}
		for _, f := range pq.SchemaOf(row{}).Fields() {
			g[f.Name()] = f
			for _, k := range kinds {
				if f.Type().Kind() == k {
					g[f.Name()] = pq.Encoded(f, enc)
				}
			}
		}
		return pq.NewSchema("row", ordered{g, pq.SchemaOf(row{}).Fields()})
	}
	check("delta", encode(&pq.DeltaBinaryPacked, pq.Int32, pq.Int64))
	check("delta lengths", encode(&pq.DeltaLengthByteArray, pq.ByteArray))
	check("delta bytes", encode(&pq.DeltaByteArray, pq.ByteArray, pq.FixedLenByteArray))
	check("split", encode(&pq.ByteStreamSplit, pq.Int32, pq.Int64, pq.Float, pq.Double))
	check("dictionary", encode(&pq.RLEDictionary, pq.Int32, pq.Int64, pq.Float, pq.Double, pq.ByteArray, pq.FixedLenByteArray))
	check("runs", encode(&pq.RLE, pq.Boolean))
}

// ordered is a group whose fields keep their order and Go types.
type ordered struct {
	pq.Group
	fields []pq.Field
}

func (o ordered) Fields() []pq.Field {
	var fs []pq.Field
	for _, f := range o.fields {
		fs = append(fs, renoded{f, o.Group[f.Name()]})
	}
	return fs
}

type renoded struct {
	pq.Field
	n pq.Node
}

func (r renoded) Encoding() encoding.Encoding { return r.n.Encoding() }

// A wanted column that cannot be read is named; others of its file can be read.
func TestUnreadable(t *testing.T) {
	file := rawFile(t, pq.Group{"a": pq.BSON(), "b": pq.Int(64)}, []pq.Row{{pq.ValueOf([]byte{1}).Level(0, 0, 0), pq.ValueOf(int64(4)).Level(0, 0, 1)}})
	f := open(t, file)
	if _, err := f.NewReader([]string{"b", "a"}, 0); err == nil || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), "BSON") {
		t.Errorf("error %v", err)
	}
	if d := cmp.Diff([]string{"int 4"}, column(t, file, "b")); d != "" {
		t.Error(d)
	}
}

func TestFileFacts(t *testing.T) {
	type inner struct {
		X int32  `parquet:"x"`
		Y string `parquet:"y"`
	}
	type row struct {
		A  inner   `parquet:"a"`
		L  []int64 `parquet:"l,list"`
		AX float64 `parquet:"a.x"`
	}
	f := open(t, written(t, []row{{A: inner{X: 1, Y: "y"}, AX: 2}}))
	if d := cmp.Diff([]string{"a", "l", "a.x"}, f.Fields()); d != "" {
		t.Error(d)
	}
	for field, want := range map[string]bool{"a": true, "a.x": true, "a.y": true, "a.z": false, "l": true, "l.list": false, "l.list.element": false, "": false, "x": false} {
		if f.Has(field) != want {
			t.Errorf("Has(%q) is %v", field, !want)
		}
	}
	for field, want := range map[string]string{"a.x": "double", "a": "", "l": "", "a.y": "", "no": ""} {
		if got := f.Type(field); got != want {
			t.Errorf("Type(%q) is %q", field, got)
		}
	}
	if d := cmp.Diff([][]string{{"f64 2", `string "y"`, `object {"x":1,"y":"y"}`, "nothing", `string "y"`}},
		mustRows(t, f, []string{"a.x", "a.y", "a", "no", "a.y"}, 0, 10)); d != "" {
		t.Error(d)
	}
	if f.Records() != 1 || !strings.Contains(f.Schema(), `required INT32 INT(32,true) "x"`) {
		t.Errorf("%d records, schema:\n%s", f.Records(), f.Schema())
	}
	if _, err := f.NewReader(nil, 2); err == nil {
		t.Error("a row behind the end is taken")
	}
}

// Batches are independent of the reader and of each other.
func TestRowsConcurrently(t *testing.T) {
	type row struct {
		I int64    `parquet:"i"`
		S string   `parquet:"s,dict"`
		L []string `parquet:"l,list,dict"`
	}
	rows := make([]row, 400)
	for i := range rows {
		rows[i] = row{I: int64(i), S: fmt.Sprint(i % 7), L: []string{fmt.Sprint(i % 5)}}
	}
	f := open(t, written(t, rows, pq.PageBufferSize(100)))
	r, err := f.NewReader([]string{"i", "s", "l"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	batches := make([]parquet.Rows, 4)
	for i := range batches {
		if err := r.Next(&batches[i], 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for k := range batches {
		wg.Go(func() {
			b, values := &batches[k], make([]record.Value, 3)
			for i := range b.Len() {
				n := k*100 + i
				want := fmt.Sprintf("int %d string \"%d\" array [\"%d\"]", n, n%7, n%5)
				if fail := b.Values(i, values); fail != nil || show(values[0])+" "+show(values[1])+" "+show(values[2]) != want {
					t.Errorf("row %d: %v %v", n, fail, values)
				}
			}
		})
	}
	wg.Wait()
}
