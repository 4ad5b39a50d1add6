package parquet_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/record"
)

// floatFile has rows of 30 columns of floats.
func floatFile(t testing.TB, rows int, optional bool, options ...pq.WriterOption) []byte {
	g := pq.Group{}
	for i := range 30 {
		n := pq.Compressed(pq.Encoded(pq.Leaf(pq.FloatType), &pq.Plain), &pq.Snappy)
		if optional {
			n = pq.Optional(n)
		}
		g[fmt.Sprintf("f%02d", i)] = n
	}
	def := 0
	if optional {
		def = 1
	}
	all := make([]pq.Row, rows)
	for k := range all {
		for i := range 30 {
			all[k] = append(all[k], pq.ValueOf(float32(k*31+i)/7).Level(0, def, i))
		}
	}
	return rawFile(t, g, all, options...)
}

func benchmarkRead(b *testing.B, file []byte) {
	f := open(b, file)
	values := make([]record.Value, len(f.Fields()))
	var rows parquet.Rows
	b.ReportAllocs()
	for b.Loop() {
		r, err := f.NewReader(f.Fields(), 0)
		if err != nil {
			b.Fatal(err)
		}
		for {
			err := r.Next(&rows, 1024)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			for i := range rows.Len() {
				if fail := rows.Values(i, values); fail != nil {
					b.Fatal(fail)
				}
			}
		}
		_ = r.Close()
	}
	b.ReportMetric(float64(f.Records())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkReadFloats(b *testing.B)         { benchmarkRead(b, floatFile(b, 100_000, false)) }
func BenchmarkReadOptionalFloats(b *testing.B) { benchmarkRead(b, floatFile(b, 100_000, true)) }

func BenchmarkReadVectors(b *testing.B) {
	type row struct {
		V []float32 `parquet:"v,list"`
	}
	rows := make([]row, 20_000)
	for i := range rows {
		rows[i].V = make([]float32, 128)
	}
	benchmarkRead(b, written(b, rows))
}

func BenchmarkReadStrings(b *testing.B) {
	type row struct {
		S string `parquet:"s"`
		D string `parquet:"d,dict"`
	}
	rows := make([]row, 100_000)
	for i := range rows {
		rows[i] = row{S: fmt.Sprint("name ", i), D: fmt.Sprint("city ", i%100)}
	}
	benchmarkRead(b, written(b, rows))
}

func benchmarkEncode(b *testing.B, cols record.Columns, compression, format string) {
	e, err := parquet.NewEncoder(cols, compression)
	if err != nil {
		b.Fatal(err)
	}
	const n = 20_000
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = fmt.Appendf(nil, format+"\n", i, float32(i%9973)/9973)
	}
	b.ReportAllocs()
	var body []byte
	for b.Loop() {
		for _, l := range lines {
			if err := e.Append(l); err != nil {
				b.Fatal(err)
			}
		}
		if body, _, err = e.Flush(body[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkEncode(b *testing.B) {
	cols := record.Columns{Outputs: []record.Output{{Name: "p", Type: "float32"}}}
	for _, c := range []string{"zstd", "snappy", "gzip", "none"} {
		b.Run(c, func(b *testing.B) { benchmarkEncode(b, cols, c, `{"key":"0:%d","prediction":{"p":%g}}`) })
	}
}
