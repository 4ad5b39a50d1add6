package engine

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// BenchmarkExecute is a whole run, file to file, of records of thirty numbers and
// a model that costs little.
func BenchmarkExecute(b *testing.B) {
	rt, err := loaded()
	if err != nil {
		b.Fatalf("run `make runtime` first: %v", err)
	}
	const n = 100_000
	fields := make([]string, 30)
	for i := range fields {
		fields[i] = fmt.Sprintf("f%d", i)
	}
	for _, c := range []struct {
		name   string
		digits int
		csv    bool
	}{{"jsonl6", 6, false}, {"jsonl17", 17, false}, {"csv6", 6, true}} {
		dir := b.TempDir()
		j := sumJob(b, dir)
		j.Model.Artifact = modeltest.New().Input("x", model.Float32, "N", 30).Output("y", model.Float32, "N", 1).
			Floats("w", []int64{30, 1}, make([]float32, 30)).Node("MatMul", []string{"x", "w"}, []string{"y"}).Save(b, dir, "m.onnx")
		j.Input.Key = []string{"id"}
		path := filepath.Join(dir, "in.jsonl")
		if c.csv {
			path = filepath.Join(dir, "in.csv")
			j.Input.Tensors = []job.Tensor{{Input: "x", Fields: fields, Null: job.Null{Policy: job.NullFail}}}
		}
		j.Input.Source = []string{path}
		write(b, path, numbers(n, c.digits, fields, c.csv))
		k := task(b, j)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(k.Shards[0].Size)
			for b.Loop() {
				folder := filepath.Join(dir, "work")
				r, err := Prepare(b.Context(), k, Options{Runtime: rt, Device: onnx.CPU(), Version: "test", Now: time.Now})
				if err != nil {
					b.Fatal(err)
				}
				if result, err := r.Execute(b.Context(), folder); err != nil || result.Counts.OK != n {
					b.Fatalf("%+v, %v", result, err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
				if err := os.RemoveAll(folder); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// numbers are n records of an id and thirty numbers.
func numbers(n, digits int, fields []string, csv bool) string {
	r := rand.New(rand.NewSource(1))
	var out strings.Builder
	if csv {
		out.WriteString("id," + strings.Join(fields, ",") + "\n")
	}
	var row []byte
	for i := range n {
		row = row[:0]
		for k := range fields {
			if k > 0 {
				row = append(row, ',')
			}
			row = strconv.AppendFloat(row, r.NormFloat64()*20, 'g', digits, 64)
		}
		if csv {
			fmt.Fprintf(&out, "%d,%s\n", i, row)
		} else {
			fmt.Fprintf(&out, "{\"id\":%d,\"x\":[%s]}\n", i, row)
		}
	}
	return out.String()
}
