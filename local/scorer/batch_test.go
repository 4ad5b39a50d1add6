package scorer

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/record"
)

// counted answers x and the number of records of the call, once per record.
func counted(dims ...any) *modeltest.Graph {
	return modeltest.New().Int64s("first", []int64{1}, []int64{0}).
		Input("x", model.Float32, dims...).Output("y", model.Float32, dims...).Output("n", model.Int64, dims[0]).
		Node("Identity", []string{"x"}, []string{"y"}).
		Node("Shape", []string{"x"}, []string{"s"}).Node("Gather", []string{"s", "first"}, []string{"size"}).
		Node("Expand", []string{"size", "size"}, []string{"n"})
}

const threeScalars = `
	{"x":1}
	{"x":2}
	{"x":3}`

func TestSymbolicBatch(t *testing.T) {
	want := `
		{"key":"0:0","prediction":{"y":1,"n":%d}}
		{"key":"0:1","prediction":{"y":2,"n":%d}}
		{"key":"0:2","prediction":{"y":3,"n":%d}}`
	scoring{graph: counted("N"), records: 256}.expect(t, threeScalars, fmt.Sprintf(want, 3, 3, 3))
	scoring{graph: counted("N"), records: 2}.expect(t, threeScalars, fmt.Sprintf(want, 2, 2, 1))
	scoring{graph: counted("N"), records: 1}.expect(t, threeScalars, fmt.Sprintf(want, 1, 1, 1))
	scoring{graph: counted(modeltest.Unknown), records: 256}.expect(t, threeScalars, fmt.Sprintf(want, 3, 3, 3))
}

func TestFixedBatch(t *testing.T) {
	want := `
		{"key":"0:0","prediction":{"y":1,"n":%d}}
		{"key":"0:1","prediction":{"y":2,"n":%d}}
		{"key":"0:2","prediction":{"y":3,"n":%d}}`
	for _, n := range []int{1, 2, 4} { // with a last batch that is full, or padded and dropped
		scoring{graph: counted(n), records: 256}.expect(t, threeScalars, fmt.Sprintf(want, n, n, n))
	}
	scoring{graph: counted(4), records: 1}.expect(t, threeScalars, fmt.Sprintf(want, 4, 4, 4))
	strs := scoring{graph: pass(model.String, 2, 1)}
	strs.expect(t, `
		{"x":"a"}
		{"x":"b"}
		{"x":"c"}`, `
		{"key":"0:0","prediction":{"y":["a"]}}
		{"key":"0:1","prediction":{"y":["b"]}}
		{"key":"0:2","prediction":{"y":["c"]}}`)
	s, err := strs.settled(t, `{"x":"a"}`)
	if err != nil || s.Batch() != 2 || s.BlockRecords() != 256 {
		t.Errorf("batch %d, block %d, %v", s.Batch(), s.BlockRecords(), err)
	}
}

// summed answers x and the sum over all records of the call.
func summed(n any) *modeltest.Graph {
	return modeltest.New().Opset("", 17).Int64s("axis", []int64{1}, []int64{0}).
		Input("x", model.Float32, n).Output("y", model.Float32, n).
		Node("ReduceSum", []string{"x", "axis"}, []string{"s"}, modeltest.Int("keepdims", 1)).
		Node("Add", []string{"x", "s"}, []string{"y"})
}

func TestCoupledModels(t *testing.T) {
	c := scoring{graph: summed("N")}
	alone := `
		{"key":"0:0","prediction":{"y":2}}
		{"key":"0:1","prediction":{"y":4}}
		{"key":"0:2","prediction":{"y":6}}`
	c.expect(t, threeScalars, alone)
	s, err := c.settled(t, trimmed(threeScalars))
	if err != nil || s.Batch() != 1 || len(s.Coupled()) == 0 {
		t.Errorf("batch %d, coupled %v, %v", s.Batch(), s.Coupled(), err)
	}
	c.records = 3
	c.expect(t, threeScalars, `
		{"key":"0:0","prediction":{"y":7}}
		{"key":"0:1","prediction":{"y":8}}
		{"key":"0:2","prediction":{"y":9}}`)
	if s, err := c.settled(t, trimmed(threeScalars)); err != nil || s.Coupled() != nil {
		t.Errorf("asked for: %v, %v", s.Coupled(), err)
	}
	// A call of two holds one record twice, not two records that meet.
	scoring{graph: summed(2)}.expect(t, threeScalars, `
		{"key":"0:0","prediction":{"y":3}}
		{"key":"0:1","prediction":{"y":6}}
		{"key":"0:2","prediction":{"y":9}}`)
}

func TestWholeTensor(t *testing.T) {
	scoring{graph: pass(model.Float32, 2, 2)}.expect(t, `
		{"x":[[1,2],[3,4]]}
		{"x":[[5,6],[7,8]]}
		{"x":[1,2]}`, `
		{"key":"0:0","prediction":{"y":[[1,2],[3,4]]}}
		{"key":"0:1","prediction":{"y":[[5,6],[7,8]]}}
		{"key":"0:2","error":{"code":"wrong_shape","message":"model input \"x\" takes float32 [2,2]; field \"x\" has [2]"}}`)
	fields := []job.Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: failNull}}
	scoring{graph: pass(model.Float32, 2), tensors: fields}.expect(t, `{"a":1,"b":2}`, `{"key":"0:0","prediction":{"y":[1,2]}}`)
	scoring{graph: pass(model.Float32, 1, 2), tensors: fields}.expect(t, `{"a":1,"b":2}`, `{"key":"0:0","prediction":{"y":[1,2]}}`)
}

func TestScalarInputBesideOthers(t *testing.T) {
	g := modeltest.New().Input("x", model.Float32, "N", 2).Input("k", model.Float32).Output("y", model.Float32, "N", 2).
		Output("k2", model.Float32).
		Node("Mul", []string{"x", "k"}, []string{"y"}).Node("Add", []string{"k", "k"}, []string{"k2"})
	scoring{graph: g}.expect(t, `
		{"x":[1,2],"k":10}
		{"x":[3,4],"k":100}`, `
		{"key":"0:0","prediction":{"y":[10,20],"k2":20}}
		{"key":"0:1","prediction":{"y":[300,400],"k2":200}}`)
}

func TestScalarFeedsColumn(t *testing.T) {
	for _, dims := range [][]any{{"N"}, {"N", 1}, {1, 1}} {
		got := scoring{graph: pass(model.Float32, dims...)}.score(t, `{"x":5}`)
		want := `{"key":"0:0","prediction":{"y":5}}`
		if len(dims) == 2 {
			want = `{"key":"0:0","prediction":{"y":[5]}}`
		}
		if got != want+"\n" {
			t.Errorf("%v: %s", dims, got)
		}
	}
}

func TestRecordsOfOneShapeShareBatch(t *testing.T) {
	c := scoring{graph: counted("N", "T"), records: 256}
	records := `
		{"x":[1]}
		{"x":[2,2]}
		{"x":[3]}
		{"x":[]}
		{"x":[4,4]}
		{"x":"no"}
		{"x":[5]}`
	want := `
		{"key":"0:0","prediction":{"y":[1],"n":3}}
		{"key":"0:1","prediction":{"y":[2,2],"n":2}}
		{"key":"0:2","prediction":{"y":[3],"n":3}}
		{"key":"0:3","prediction":{"y":[],"n":1}}
		{"key":"0:4","prediction":{"y":[4,4],"n":2}}
		{"key":"0:5","error":{"code":"wrong_type","message":"field \"x\": \"no\" is a string, model input \"x\" takes float32"}}
		{"key":"0:6","prediction":{"y":[5],"n":3}}`
	c.expect(t, records, want)
	c.tensors = []job.Tensor{{Input: "x", Fields: []string{"x"}, Null: failNull}}
	c.expect(t, records, want)
}

func TestPad(t *testing.T) {
	for _, ten := range []job.Tensor{{Input: "x", Field: "x"}, {Input: "x", Fields: []string{"x"}}} {
		ten.Null, ten.Max, ten.Pad = failNull, 3, &job.Literal{Kind: job.NumberLiteral, Text: "-1"}
		scoring{graph: counted("N", "T"), tensors: []job.Tensor{ten}, records: 256}.expect(t, `
			{"x":[1]}
			{"x":[1,2,3]}
			{"x":[]}
			{"x":[1,2,3,4]}`, `
			{"key":"0:0","prediction":{"y":[1,-1,-1],"n":3}}
			{"key":"0:1","prediction":{"y":[1,2,3],"n":3}}
			{"key":"0:2","prediction":{"y":[-1,-1,-1],"n":3}}
			{"key":"0:3","error":{"code":"wrong_shape","message":"model input \"x\": 4 elements, max is 3"}}`)
	}
}

// An output that does not grow with the records is found by asking the model,
// whatever its file says of the axis.
func TestOutputWithoutBatchAxis(t *testing.T) {
	mean := func(axis any) *modeltest.Graph {
		return modeltest.New().Input("x", model.Float32, "N", 2).Output("y", model.Float32, axis, 2).
			Node("ReduceMean", []string{"x"}, []string{"y"}, modeltest.Ints("axes", 0), modeltest.Int("keepdims", 1))
	}
	records := "{}\n{\"x\":[1,2]}\n{\"x\":[3,4]}\n"
	for axis, typ := range map[any]string{1: "float32 [1,2]", modeltest.Unknown: "float32 [?,2]", "M": "float32 [M,2]"} {
		c := scoring{graph: mean(axis), records: 2}
		c.refuse(t, records, `the job does not fit the model: model output "y" is `+typ+`, without the axis that counts records; set batching { records = 1 }, or --batch 1, to run one record at a time`)
		c.records = 1
		c.expect(t, records, `
			{"key":"0:0","error":{"code":"missing_field","message":"field \"x\" is missing"}}
			{"key":"0:1","prediction":{"y":[[1,2]]}}
			{"key":"0:2","prediction":{"y":[[3,4]]}}`)
	}
	// The same symbols under another name do count records.
	c := scoring{graph: modeltest.New().Input("x", model.Float32, "N").Output("y", model.Float32, modeltest.Unknown).OutputUnranked("z", model.Float32).
		Node("Identity", []string{"x"}, []string{"y"}).Node("Neg", []string{"x"}, []string{"z"})}
	c.expect(t, threeScalars, `
		{"key":"0:0","prediction":{"y":1,"z":-1}}
		{"key":"0:1","prediction":{"y":2,"z":-2}}
		{"key":"0:2","prediction":{"y":3,"z":-3}}`)
}

// gather answers table[x]; an index out of range fails the whole call.
func gather() *modeltest.Graph {
	return modeltest.New().Floats("table", []int64{3}, []float32{10, 20, 30}).
		Input("x", model.Int64, "N").Output("y", model.Float32, "N").Node("Gather", []string{"table", "x"}, []string{"y"})
}

func TestOnlyBadRecordsFail(t *testing.T) {
	var records strings.Builder
	for i := range 100 {
		x := i % 3
		if i == 17 || i == 18 || i == 99 {
			x = 7
		}
		fmt.Fprintf(&records, "{\"id\":%d,\"x\":%d}\n", i, x)
	}
	c := scoring{graph: gather(), key: []string{"id"}}
	lines := strings.Split(strings.TrimSpace(c.score(t, records.String())), "\n")
	if len(lines) != 100 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		want := fmt.Sprintf(`{"key":%d,"prediction":{"y":%d}}`, i, i%3*10+10)
		if i == 17 || i == 18 || i == 99 {
			want = fmt.Sprintf(`{"key":%d,"error":{"code":"model_error","message":"`, i)
			if !strings.Contains(line, "indices element out of data bounds, idx=7") {
				t.Error(line)
			}
			line = line[:len(want)]
		}
		if line != want {
			t.Errorf("%s, expected %s", line, want)
		}
	}
}

// Where a model takes each record by itself, the cut into blocks and batches,
// and what a worker did before, change no byte.
func TestAnyPartitionGivesTheSameLines(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	var records strings.Builder
	for i := range 300 {
		x := make([]string, r.Intn(4))
		for k := range x {
			x[k] = fmt.Sprint(r.Float64())
		}
		if r.Intn(20) == 0 {
			x = append(x, `"bad"`)
		}
		fmt.Fprintf(&records, "{\"id\":\"r%d\",\"x\":[%s]}\n", i, strings.Join(x, ","))
	}
	g := modeltest.New().Input("x", model.Float32, "N", "T").Output("y", model.Float32, "N", "T").Node("Exp", []string{"x"}, []string{"y"})
	c := scoring{graph: g, key: []string{"id"}, keep: []job.Rename{{Name: "was", Field: "x"}}}
	want := c.score(t, records.String())
	for _, n := range []int{1, 2, 7, 256} {
		c.records = n
		s, err := c.settled(t, records.String())
		if err != nil {
			t.Fatal(err)
		}
		w := s.NewWorker()
		for _, block := range []int{1, 3, 64, 256} {
			c.block = block
			got := c.lines(t, s, w, records.String())
			if got != want {
				t.Errorf("batches of %d, blocks of %d: %s", n, block, cmp.Diff(want, got))
			}
		}
	}
}

func TestWorkerReuse(t *testing.T) {
	c := scoring{graph: gather()}
	s, err := c.settled(t, `{"x":0}`)
	if err != nil {
		t.Fatal(err)
	}
	w := s.NewWorker()
	for range 3 {
		for text, want := range map[string]string{
			"{\"x\":0}\n{\"x\":1}\n": "{\"key\":\"0:0\",\"prediction\":{\"y\":10}}\n{\"key\":\"0:1\",\"prediction\":{\"y\":20}}\n",
			"{\"x\":2}\n":            "{\"key\":\"0:0\",\"prediction\":{\"y\":30}}\n",
			"{}\n":                   errorLine(`"0:0"`, record.MissingField, `field "x" is missing`),
		} {
			if got := c.lines(t, s, w, text); got != want {
				t.Errorf("%s", got)
			}
		}
	}
}

func TestCancelledScore(t *testing.T) {
	c := scoring{graph: gather()}
	s, err := c.settled(t, `{"x":0}`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	split, d := c.open(t, s, `{"x":0}`, record.DefaultLimits())
	var b record.Block
	if err := split.Next(&b); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.NewWorker().Score(ctx, nil, record.Text{Block: &b, Decoder: d}, 0, b.First); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
