package scorer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

var findRuntime = sync.OnceValues(func() (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(context.Background())
	if err != nil {
		return nil, fmt.Errorf("run `make runtime` first: %w", err)
	}
	return onnx.Load(lib)
})

// scoring is a job on a model of the test's own.
type scoring struct {
	graph   *modeltest.Graph
	tensors []job.Tensor
	key     []string
	keep    []job.Rename
	sel     []job.Selection
	records int
	block   int  // records; 0: all in one
	csv     bool // the first line is the header
}

// scorer loads the model.
func (c scoring) scorer(t testing.TB) (*Scorer, error) {
	t.Helper()
	rt, err := findRuntime()
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := model.Open(t.Context(), c.graph.Save(t, t.TempDir(), "m.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	j := job.Job{}
	j.Input.Tensors, j.Input.Key = c.tensors, c.key
	j.Output.Keep, j.Output.Select = c.keep, c.sel
	j.Batching.Records = c.records
	s, err := New(rt, onnx.CPU(), pkg, j)
	if err == nil {
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return s, err
}

// settled loads the model and shows it the records, as the engine does.
func (c scoring) settled(t testing.TB, text string) (*Scorer, error) {
	t.Helper()
	s, err := c.scorer(t)
	if err != nil {
		return nil, err
	}
	split, d := c.open(t, s, text, record.DefaultLimits())
	for {
		var b record.Block
		if errors.Is(split.Next(&b), io.EOF) {
			_, err := s.Settle(nil)
			return s, err
		}
		values := make([]record.Value, len(s.Fields()))
		for _, r := range b.Records {
			if d.Decode(b.Data[r.Start:r.End], values) != nil {
				continue
			}
			if fail, err := s.Settle(values); fail == nil {
				return s, err
			}
		}
	}
}

func (c scoring) open(t testing.TB, s *Scorer, text string, lim record.Limits) (*record.Splitter, record.Decoder) {
	t.Helper()
	if !c.csv {
		return record.NewSplitter(strings.NewReader(text), record.JSONL, ',', lim), record.NewJSONDecoder(s.Fields())
	}
	split := record.NewSplitter(strings.NewReader(text), record.CSV, ',', lim)
	h, err := split.ReadHeader()
	if err != nil {
		t.Fatal(err)
	}
	d, err := record.NewCSVDecoder(h, ',', s.Fields())
	if err != nil {
		t.Fatal(err)
	}
	return split, d
}

// lines are what a worker of s answers to the records of text.
func (c scoring) lines(t testing.TB, s *Scorer, w *Worker, text string) string {
	t.Helper()
	lim := record.DefaultLimits()
	if c.block > 0 {
		lim.Records = c.block
	}
	split, d := c.open(t, s, text, lim)
	var out []byte
	var b record.Block
	for split.Next(&b) == nil {
		before := strings.Count(string(out), `"error":`)
		var failed int
		var err error
		if out, failed, err = w.Score(t.Context(), out, record.Text{Block: &b, Decoder: d}, 0, b.First); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(out), `"error":`) - before; got != failed {
			t.Errorf("%d error lines, %d were counted", got, failed)
		}
	}
	return string(out)
}

// score is settled and lines together.
func (c scoring) score(t testing.TB, text string) string {
	t.Helper()
	s, err := c.settled(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return c.lines(t, s, s.NewWorker(), text)
}

// expect compares the lines for records with wanted ones.
func (c scoring) expect(t *testing.T, records, want string) {
	t.Helper()
	if diff := cmp.Diff(trimmed(want), trimmed(c.score(t, trimmed(records)))); diff != "" {
		t.Error(diff)
	}
}

// trimmed takes the indentation off a text of lines.
func trimmed(s string) string {
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(s), "\n") {
		out = append(out, strings.TrimSpace(line))
	}
	return strings.Join(out, "\n") + "\n"
}

// refuse expects an error of planning.
func (c scoring) refuse(t *testing.T, records, want string) {
	t.Helper()
	_, err := c.settled(t, trimmed(records))
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// pass is y = Identity(x), of records of a shape.
func pass(elem model.ElemType, dims ...any) *modeltest.Graph {
	return modeltest.New().Input("x", elem, dims...).Output("y", elem, dims...).Node("Identity", []string{"x"}, []string{"y"})
}

func fieldOf(input, field string, null job.Null) job.Tensor {
	return job.Tensor{Input: input, Field: field, Null: null}
}

func valueNull(kind job.LiteralKind, text string) job.Null {
	return job.Null{Policy: job.NullValue, Value: &job.Literal{Kind: kind, Text: text}}
}

var failNull, nanNull = job.Null{Policy: job.NullFail}, job.Null{Policy: job.NullNaN}

// cutError reads "code: message".
func cutError(s string) (code record.Code, message string, ok bool) {
	c, message, ok := strings.Cut(s, ": ")
	return record.Code(c), message, ok && strings.Trim(c, "abcdefghijklmnopqrstuvwxyz_8") == ""
}

func errorLine(key string, code record.Code, message string) string {
	return string(record.AppendError(nil, []byte(key), &record.Failure{Code: code, Message: message}))
}
