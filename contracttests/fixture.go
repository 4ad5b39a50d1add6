package contracttests

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// weights is the suite's model: y = x @ weights. Small whole numbers have one
// product on every machine.
var weights = [3][2]float32{{1, 4}, {2, -5}, {3, 6}}

func modelBytes() []byte {
	var flat []float32
	for _, row := range weights {
		flat = append(flat, row[:]...)
	}
	return modeltest.New().
		Input("x", model.Float32, "N", 3).
		Output("y", model.Float32, "N", 2).
		Floats("w", []int64{3, 2}, flat).
		Node("MatMul", []string{"x", "w"}, []string{"y"}).
		Bytes()
}

// sheet is an input object.
type sheet struct{ name, body string }

// scenario is a job of the suite and its input.
type scenario struct {
	name    string
	dir     string // of its input and destination; empty: name
	in, out job.Format
	files   []sheet
	tune    func(j *job.Job) // last
}

func (s scenario) folder() string {
	if s.dir != "" {
		return s.dir
	}
	return s.name
}

// job is the scenario's job, without places.
func (s scenario) job() job.Job {
	return job.Job{
		Project: "contract",
		Address: "job." + s.name,
		Input: job.Input{
			Format: s.in, Key: []string{"id"}, Empty: job.EmptyError, Staging: job.StagingAuto,
			CSV:     job.Dialect{Header: true, Delimiter: ","},
			Tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b", "c"}, Null: job.Null{Policy: job.NullFail}}},
		},
		Output: job.Output{
			Format: s.out, Compression: job.CompressionNone, Keep: []job.Rename{{Name: "name", Field: "name"}},
			Existing: job.ExistingReplace,
		},
		Compute:   job.Compute{Instances: 1},
		Limits:    job.Limits{Retries: job.DefaultRetries},
		Placement: job.Placement{Strategy: job.StrategyFirst},
	}
}

// fields are those of the suite's records, in the order of CSV columns.
var fields = []string{"id", "name", "a", "b", "c"}

// scoring is what checking a job of the suite beforehand tells.
func scoring(j job.Job, format job.Format) ledger.Scoring {
	out := ledger.Scoring{Fields: mapping.Of(j, "", format).Fields()}
	if format == job.CSV {
		out.Columns = slices.Clone(fields)
	}
	cols := record.Columns{Keys: len(j.Input.Key)}
	for _, k := range j.Output.Keep {
		cols.Keep = append(cols.Keep, k.Name)
	}
	picks := j.Output.Select
	if len(picks) == 0 {
		picks = []job.Selection{{Name: "y", Path: "y"}}
	}
	for _, s := range picks {
		o := record.Output{Name: s.Name, Type: "float32"}
		if s.Path == "y" {
			o.Width, o.Depth = len(weights[0]), 1
		}
		cols.Outputs = append(cols.Outputs, o)
	}
	out.Made = provider.Made{Engine: record.Engine{Crossbatch: "contracttests", Batch: 1}, Columns: cols.Table(), Outputs: cols.Outputs}
	return out
}

// row is one record of a plain input.
type row struct {
	key, name string
	a, b, c   int
}

// line is the row as JSONL input.
func (r row) line() string {
	return fmt.Sprintf(`{"id":%s,"name":%s,"a":%d,"b":%d,"c":%d}`+"\n", quote(r.key), quote(r.name), r.a, r.b, r.c)
}

// want is the row as JSONL output.
func (r row) want() string {
	y := [2]int{}
	for k := range y {
		y[k] = r.a*int(weights[0][k]) + r.b*int(weights[1][k]) + r.c*int(weights[2][k])
	}
	return fmt.Sprintf(`{"key":%s,"name":%s,"prediction":{"y":[%d,%d]}}`+"\n", quote(r.key), quote(r.name), y[0], y[1])
}

func quote(s string) string { return string(record.AppendString(nil, s)) }

// rows makes n plain rows whose values depend on seed.
func rows(seed, n int) []row {
	out := make([]row, n)
	for i := range out {
		k := seed*1000 + i
		out[i] = row{key: "k" + strconv.Itoa(k), name: "n" + strconv.Itoa(k%7), a: k % 11, b: k%5 - 2, c: k % 3}
	}
	return out
}

// plain is a scenario of JSONL shards of so many plain rows, and what is
// published of each.
func plain(name string, seed int, sizes ...int) (scenario, []string) {
	s := scenario{name: name, in: job.JSONL, out: job.JSONL}
	var want []string
	for i, n := range sizes {
		var in, out strings.Builder
		for _, r := range rows(seed+i, n) {
			in.WriteString(r.line())
			out.WriteString(r.want())
		}
		s.files = append(s.files, sheet{name: fmt.Sprintf("data-%02d.jsonl", i), body: in.String()})
		want = append(want, out.String())
	}
	return s, want
}
