package parquet_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	pq "github.com/parquet-go/parquet-go"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// encoded is the file of these chunks of lines, each by an encoder of its own.
func encoded(t testing.TB, cols record.Columns, compression string, chunks ...[]string) []byte {
	t.Helper()
	bodies, metas := make([][]byte, len(chunks)), make([][]byte, len(chunks))
	var wg sync.WaitGroup
	for i, lines := range chunks {
		wg.Go(func() {
			e, err := parquet.NewEncoder(cols, compression)
			if err != nil {
				t.Error(err)
				return
			}
			for _, l := range lines {
				if err := e.Append([]byte(l + "\n")); err != nil {
					t.Error(err)
				}
			}
			if e.Rows() != len(lines) {
				t.Errorf("%d rows of %d lines", e.Rows(), len(lines))
			}
			if bodies[i], metas[i], err = e.Flush(nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	e, err := parquet.NewEncoder(cols, compression)
	if err != nil {
		t.Fatal(err)
	}
	file := parquet.Head()
	var kept [][]byte
	for i, b := range bodies {
		file = append(file, b...)
		if metas[i] != nil {
			kept = append(kept, metas[i])
		}
	}
	tail, err := e.Tail(kept)
	if err != nil {
		t.Fatal(err)
	}
	return append(file, tail...)
}

var everyType = record.Columns{
	Keys: 2, KeyTypes: []string{"int64", ""},
	Keep: []string{"k.text", "ki", "ku", "kf", "kd", "kb"}, KeepTypes: []string{"", "int64", "uint64", "float", "double", "bool"},
	Outputs: []record.Output{
		{Name: "f32", Type: "float32"}, {Name: "f64", Type: "float64"}, {Name: "f16", Type: "float16"}, {Name: "bf", Type: "bfloat16"},
		{Name: "float", Type: "float"}, {Name: "double", Type: "double"},
		{Name: "i8", Type: "int8"}, {Name: "i16", Type: "int16"}, {Name: "i32", Type: "int32"}, {Name: "i64", Type: "int64"},
		{Name: "u8", Type: "uint8"}, {Name: "u16", Type: "uint16"}, {Name: "u32", Type: "uint32"}, {Name: "u64", Type: "uint64"},
		{Name: "b", Type: "bool"}, {Name: "s \"é\".", Type: "string"}, {Name: "any", Depth: -1},
		{Name: "l", Type: "float32", Depth: 1, Width: 2}, {Name: "ll", Type: "int64", Depth: 2}, {Name: "ls", Type: "string", Depth: 1},
		{Name: "m", Type: "float32", Map: true, Depth: 3},
	},
}

var everyLine = []string{
	`{"key":[-1,"a"],"k.text":"t\"x","ki":-9,"ku":18446744073709551615,"kf":0.1,"kd":1e300,"kb":true,"prediction":{"f32":0.1,"f64":0.1,"f16":0.5,"bf":"NaN","float":1,"double":"-Infinity",` +
		`"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"u8":255,"u16":65535,"u32":4294967295,"u64":18446744073709551615,` +
		`"b":true,"s \"é\".":"x\ny","any":{"a":[1,null]},"l":[0.5,"Infinity"],"ll":[[1,2],[],[3]],"ls":["p","q"],"m":{"cat":0.25,"d\"og":0.75}}}`,
	`{"key":[2,7],"k.text":null,"ki":null,"ku":null,"kf":null,"kd":null,"kb":null,"prediction":{"f32":"NaN","f64":-0,"f16":1,"bf":2,"float":3,"double":4,` +
		`"i8":1,"i16":1,"i32":1,"i64":1,"u8":1,"u16":1,"u32":1,"u64":1,"b":false,"s \"é\".":"","any":null,"l":[],"ll":[],"ls":[],"m":{}}}`,
}

func TestEncoderTypes(t *testing.T) {
	want := [][]string{
		{"int -1", `string "a"`, `string "t\"x"`, "int -9", "uint 18446744073709551615", "f32 0.1", "f64 1e+300", "bool true",
			"f32 0.1", "f64 0.1", "f32 0.5", `f32 "NaN"`, "f32 1", `f64 "-Infinity"`,
			"int -128", "int -32768", "int -2147483648", "int -9223372036854775808", "uint 255", "uint 65535", "uint 4294967295", "uint 18446744073709551615",
			"bool true", `string "x\ny"`, `string "{\"a\":[1,null]}"`, `packed [0.5,"Infinity"]`, "array [[1,2],[],[3]]", `array ["p","q"]`, `object {"cat":0.25,"d\"og":0.75}`},
		{"int 2", `string "7"`, "null", "null", "null", "null", "null", "null",
			`f32 "NaN"`, "f64 -0", "f32 1", "f32 2", "f32 3", "f64 4",
			"int 1", "int 1", "int 1", "int 1", "uint 1", "uint 1", "uint 1", "uint 1",
			"bool false", `string ""`, "null", "packed []", "array []", "array []", "object {}"},
	}
	fields := []string{"key_0", "key_1"}
	fields = append(fields, everyType.Keep...)
	for _, o := range everyType.Outputs {
		fields = append(fields, "prediction."+o.Name)
	}
	// A dot in an output's name makes no path; such a name is read with its group.
	dotted := -1
	for i, f := range fields {
		if strings.HasSuffix(f, ".") {
			dotted = i
		}
	}
	for _, compression := range []string{"", "zstd", "snappy", "gzip", "none"} {
		file := encoded(t, everyType, compression, everyLine[:1], nil, everyLine[1:])
		f := open(t, file)
		got := mustRows(t, f, append(fields, "prediction"), 0, 10)
		for i := range got {
			if !strings.Contains(got[i][len(fields)], `"s \"é\".":`+strings.TrimPrefix(want[i][dotted], "string ")) {
				t.Errorf("row %d has no dotted output: %s", i, got[i][len(fields)])
			}
			got[i][dotted] = want[i][dotted]
			got[i] = got[i][:len(fields)]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", compression, d)
		}
		// The library's own reader agrees on what it is.
		lib, err := pq.OpenFile(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		if lib.NumRows() != 2 || len(lib.RowGroups()) != 2 {
			t.Errorf("%d rows in %d row groups", lib.NumRows(), len(lib.RowGroups()))
		}
		rows := make([]pq.Row, 2)
		if n, err := pq.NewReader(bytes.NewReader(file)).ReadRows(rows); n != 2 {
			t.Errorf("the library reads %d rows: %v", n, err)
		}
	}
}

func manyLines(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"key":"0:%d","note":%s,"prediction":{"p":%g,"v":[%d,%d],"w":[%s]}}`,
			i, []string{"null", `"even"`, "12"}[i%3], float32(i)/3, i, -i, strings.Repeat("1,", i%9)+"2")
	}
	return lines
}

var manyColumns = record.Columns{Keep: []string{"note"}, Outputs: []record.Output{
	{Name: "p", Type: "float32"}, {Name: "v", Type: "int64", Depth: 1, Width: 2}, {Name: "w", Type: "uint8", Depth: 1}}}

// However the lines are cut into chunks, they come back; and the same chunks
// give the same bytes, whichever encoder made them.
func TestEncoderChunks(t *testing.T) {
	lines := manyLines(2000)
	var first [][]string
	for _, size := range []int{1, 7, 999, 2000} {
		var chunks [][]string
		for i := 0; i < len(lines); i += size {
			chunks = append(chunks, lines[i:min(i+size, len(lines))])
		}
		if size == 1 {
			chunks = chunks[:50]
		}
		file := encoded(t, manyColumns, "", chunks...)
		got := mustRows(t, open(t, file), []string{"key", "note", "prediction.p", "prediction.v", "prediction.w"}, 0, 300)
		if size > 1 && len(got) != len(lines) {
			t.Fatalf("%d rows", len(got))
		}
		if first == nil {
			first = got
		}
		if d := cmp.Diff(first, got[:len(first)]); d != "" {
			t.Error(d)
		}
		if !bytes.Equal(file, encoded(t, manyColumns, "", chunks...)) {
			t.Errorf("chunks of %d: the bytes differ", size)
		}
		// One encoder that made other chunks before gives the same bytes, too.
		e, err := parquet.NewEncoder(manyColumns, "zstd")
		if err != nil {
			t.Fatal(err)
		}
		again, metas := parquet.Head(), [][]byte{}
		for _, c := range chunks {
			for _, l := range c {
				if err := e.Append([]byte(l)); err != nil {
					t.Fatal(err)
				}
			}
			var meta []byte
			if again, meta, err = e.Flush(again); err != nil {
				t.Fatal(err)
			}
			metas = append(metas, meta)
		}
		tail, err := e.Tail(metas)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(file, append(again, tail...)) {
			t.Errorf("chunks of %d: another encoder gives other bytes", size)
		}
	}
	if want := []string{`string "0:1"`, `string "even"`, "f32 0.33333334", "packed [1,-1]", "packed [1,2]"}; !cmp.Equal(first[1], want) {
		t.Errorf("row 1: %v", first[1])
	}
}

// Pages end within a chunk, between rows.
func TestEncoderPages(t *testing.T) {
	lines := manyLines(150_000)
	file := encoded(t, manyColumns, "none", lines)
	f := open(t, file)
	for _, from := range []int64{0, 131_071, 131_072, 149_999} {
		rows := mustRows(t, f, []string{"key", "prediction.w"}, from, 40_000)
		if int64(len(rows)) != 150_000-from || rows[0][0] != fmt.Sprintf(`string "0:%d"`, from) {
			t.Errorf("from %d: %d rows, the first %v", from, len(rows), rows[0])
		}
	}
}

func TestEncoderEmpty(t *testing.T) {
	for _, cols := range []record.Columns{everyType, {}} {
		file := encoded(t, cols, "")
		f := open(t, file)
		if got := mustRows(t, f, f.Fields(), 0, 5); len(got) != 0 {
			t.Errorf("rows %v", got)
		}
		if lib, err := pq.OpenFile(bytes.NewReader(file), int64(len(file))); err != nil || lib.NumRows() != 0 {
			t.Errorf("the library: %v", err)
		}
	}
	e, _ := parquet.NewEncoder(everyType, "")
	if body, meta, err := e.Flush([]byte("x")); string(body) != "x" || meta != nil || err != nil {
		t.Errorf("nothing gives %q, %q, %v", body, meta, err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	out := func(o record.Output) record.Columns { return record.Columns{Outputs: []record.Output{o}} }
	for _, c := range []struct {
		cols record.Columns
		line string
		want string
	}{
		{out(record.Output{Name: "p", Type: "float32"}), `{"key":"1","prediction":{}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "float32"}), `{"key":"1","prediction":{"p":null}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "float32"}), `{"key":"1","prediction":{"p":"high"}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "float32"}), `{"key":"1","prediction":{"p":1e300}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "int8"}), `{"key":"1","prediction":{"p":128}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "uint8"}), `{"key":"1","prediction":{"p":-1}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "bool"}), `{"key":"1","prediction":{"p":1}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "string"}), `{"key":"1","prediction":{"p":1}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "int8", Depth: 1}), `{"key":"1","prediction":{"p":[[1]]}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "int8", Depth: 2}), `{"key":"1","prediction":{"p":[1]}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "int8", Map: true}), `{"key":"1","prediction":{"p":[1]}}`, `"prediction.p"`},
		{out(record.Output{Name: "p", Type: "int8", Map: true}), `{"key":"1","prediction":{"p":{"a":"b"}}}`, `"prediction.p"`},
		{record.Columns{Keys: 2}, `{"key":[1],"prediction":{}}`, `"key_0"`},
		{record.Columns{Keys: 1, KeyTypes: []string{"int64"}}, `{"key":null,"prediction":{}}`, `"key"`},
		{record.Columns{Keep: []string{"k"}}, `{"key":"1","prediction":{}}`, `"k"`},
		{record.Columns{}, `{"key":`, `malformed`},
	} {
		e, err := parquet.NewEncoder(c.cols, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Append([]byte(c.line)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", c.line, err)
		}
		if _, _, err := e.Flush(nil); err == nil {
			t.Errorf("%s: a row group with half a row is written", c.line)
		}
	}
	if _, err := parquet.NewEncoder(record.Columns{}, "lzo"); err == nil {
		t.Error("an unknown compression is taken")
	}
	if _, err := parquet.NewEncoder(record.Columns{Keep: []string{"key"}}, ""); err == nil {
		t.Error("two columns have one name")
	}
	e, _ := parquet.NewEncoder(everyType, "")
	if _, err := e.Tail([][]byte{{1, 2, 3}}); err == nil {
		t.Error("a tail of nonsense is made")
	}
}
