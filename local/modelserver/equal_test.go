package modelserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// published is what the local engine makes of a file: predictions, then failures.
func published(t testing.TB, f fixture, j job.Job, name, text string) (string, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "equal-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	j.Model.Artifact, j.Input.Source = f.path, []string{path}
	j.Output.Format, j.Output.Compression = job.JSONL, job.CompressionNone
	in, err := storage.ListInput(context.Background(), storage.OpenLocal, j.Input)
	if err != nil {
		t.Fatal(err)
	}
	shards, err := in.Digest(context.Background(), nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	run, err := engine.Prepare(context.Background(), engine.Task{Job: j, Run: "0123456789abcdef0123", Shards: shards, Format: in.Format},
		engine.Options{Runtime: runtimeOf(t), Device: onnx.CPU(), Now: time.Now})
	if err != nil {
		return "", err
	}
	defer func() { _ = run.Close() }()
	folder := filepath.Join(dir, "out")
	if _, err := run.Execute(context.Background(), folder); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, pattern := range []string{"part-*", "failed-*"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	return all.String(), nil
}

// collected is what becomes of scorer lines: keys that the server could not know
// are filled in, and failures stand apart.
func collected(t testing.TB, lines string, keyless bool) string {
	t.Helper()
	var ok, failed []byte
	r, row := record.NewErrorReader(), int64(0)
	for line := range strings.Lines(lines) {
		if !strings.HasSuffix(line, "\n") {
			t.Fatalf("a line without an end: %q", line)
		}
		if rest, found := strings.CutPrefix(line, `{"key":null,`); keyless && found {
			line = `{"key":"0:` + strconv.FormatInt(row, 10) + `",` + rest
		}
		e, isError, err := r.Read([]byte(line))
		switch {
		case err != nil:
			t.Fatal(err)
		case isError:
			failed = record.AppendFailed(failed, e, 0, row)
		default:
			ok = append(ok, line...)
		}
		row++
	}
	return string(ok) + string(failed)
}

// aRecord draws a line of JSON without its end, good or bad, of whole numbers, so
// that no order of additions matters.
func aRecord(t *rapid.T) string {
	n := rapid.IntRange(-1000, 1000)
	x := fmt.Sprintf("%d,%d,%d", n.Draw(t, "a"), n.Draw(t, "b"), n.Draw(t, "c"))
	key := rapid.SampledFrom([]string{"1", `"é\u00e9"`, "12345678901234567890", "null", "[1]"}).Draw(t, "key")
	form := rapid.SampledFrom([]string{
		`{"id":%s,"x":[%s],"n":{"big":1e-400}}`, `{"id":%s,"x":[%s]}`, `{"id":%s,"x":[%s]}`, `{"id":%s,"x":[%s]}`, ` { "id" : %s , "x" : [ %s ] } `,
		`{"id":%s,"x":["one",%s]}`, `{"id":%s,"x":[%s,7]}`, `{"id":%s,"x":[[%s]]}`, `{"id":%s,"x":[%s`, `{"id":%s,"y":[%s]}`,
	}).Draw(t, "form")
	return fmt.Sprintf(form, key, x)
}

// TestLinesAreThoseOfTheLocalEngine sends a file in pieces, however they are cut.
func TestLinesAreThoseOfTheLocalEngine(t *testing.T) {
	keep := []job.Rename{{Field: "n", Name: "n"}}
	keyed := job.Job{Input: job.Input{Key: []string{"id"}, CSV: job.Dialect{Header: true, Delimiter: ","}}, Output: job.Output{Keep: keep}}
	keyless := job.Job{Input: job.Input{CSV: job.Dialect{Header: true, Delimiter: ","}}, Output: job.Output{Keep: keep}}
	for name, tc := range map[string]struct {
		model func() fixture
		job   job.Job
	}{
		"with a key":         {func() fixture { return fixed(t, sum()) }, keyed},
		"without a key":      {func() fixture { return fixed(t, sum()) }, keyless},
		"one record a call":  {func() fixture { return fixed(t, single()) }, keyed},
		"one, without a key": {func() fixture { return fixed(t, single()) }, keyless},
	} {
		t.Run(name, func(t *testing.T) {
			f := tc.model()
			o := f.options(t)
			o.Mapping = f.mapping(tc.job, job.JSONL)
			r := start(t, o)
			rapid.Check(t, func(rt *rapid.T) {
				// What becomes of a field that no record has is the engine's affair alone.
				lines := []string{`{"id":1,"x":[1,2,3],"n":0}`}
				for range rapid.IntRange(0, 40).Draw(rt, "records") {
					lines = append(lines, rapid.OneOf(rapid.Custom(aRecord), rapid.Just("")).Draw(rt, "line"))
				}
				ends := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "ends")
				want, err := published(t, f, tc.job, "in.jsonl", strings.Join(lines, ends))
				if err != nil {
					rt.Fatal(err)
				}
				var got strings.Builder
				for len(lines) > 0 {
					n := rapid.IntRange(1, len(lines)).Draw(rt, "piece")
					body := strings.Join(lines[:n], ends) + rapid.SampledFrom([]string{"", ends}).Draw(rt, "end")
					got.WriteString(r.lines("application/jsonlines", body))
					lines = lines[n:]
				}
				if got := collected(t, got.String(), len(tc.job.Input.Key) == 0); got != want {
					rt.Fatalf("got\n%swant\n%s", got, want)
				}
			})
		})
	}
}

func TestCSVLinesAreThoseOfTheLocalEngine(t *testing.T) {
	f := fixed(t, sum())
	j := job.Job{Input: job.Input{
		Key: []string{"c0"}, CSV: job.Dialect{Delimiter: ";"},
		Tensors: []job.Tensor{{Input: "x", Fields: []string{"c1", "c2", "c3"}, Null: job.Null{Policy: job.NullFail}}},
	}}
	o := f.options(t)
	o.Mapping = f.mapping(j, job.CSV)
	r := start(t, o)
	rapid.Check(t, func(rt *rapid.T) {
		lines := []string{"first;1;2;3"}
		for range rapid.IntRange(0, 40).Draw(rt, "records") {
			lines = append(lines, rapid.SampledFrom([]string{
				"007;1;2;3", `"a;""b";1;2;3`, "8;1;2", "9;;2;3", "10;x;2;3", "a\"b;1;2;3", ";1;2;3", "", "11; 4 ;5;6;7", "\xff;1;2;3", `12;"1";"2";"3"`,
			}).Draw(rt, "line"))
		}
		want, err := published(t, f, j, "in.csv", strings.Join(lines, "\n"))
		if err != nil {
			rt.Fatal(err)
		}
		var got strings.Builder
		for len(lines) > 0 {
			n := rapid.IntRange(1, len(lines)).Draw(rt, "piece")
			got.WriteString(r.lines("text/csv", strings.Join(lines[:n], "\n")))
			lines = lines[n:]
		}
		if got := collected(t, got.String(), false); got != want {
			rt.Fatalf("got\n%swant\n%s", got, want)
		}
	})
}

// TestPredictionsAreThoseOfTheLocalEngine sends staged records in any order, as
// Vertex AI does, and sorts what comes back.
func TestPredictionsAreThoseOfTheLocalEngine(t *testing.T) {
	f := fixed(t, sum())
	j := job.Job{Input: job.Input{CSV: job.Dialect{Header: true, Delimiter: ","}}, Output: job.Output{Keep: []job.Rename{{Field: "n", Name: "n"}}}}
	o := f.options(t)
	o.PredictRoute = "/predict"
	o.Mapping = f.mapping(j, job.JSONL)
	o.Mapping.Staged, o.Mapping.Sealed = true, true
	r := start(t, o)
	type instance struct {
		row  int
		text string // without what the service keeps as the record's key
	}
	rapid.Check(t, func(rt *rapid.T) {
		var plain []string
		var staged []instance
		add := func(line string) {
			staged = append(staged, instance{len(staged), `{"_cb_record":` + string(record.AppendString(nil, line)) + `}`})
			plain = append(plain, line)
		}
		add(`{"id":1,"x":[1,2,3],"n":0}`)
		for range rapid.IntRange(0, 40).Draw(rt, "records") {
			line := strings.TrimSpace(aRecord(rt))
			if !strings.HasSuffix(line, "}") {
				continue // staging writes JSON
			}
			add(line)
		}
		want, err := published(t, f, j, "in.jsonl", strings.Join(plain, "\n"))
		if err != nil {
			rt.Fatal(err)
		}
		order := rapid.Permutation(staged).Draw(rt, "order")
		sorted := make([]string, len(staged))
		for len(order) > 0 {
			n := rapid.IntRange(1, len(order)).Draw(rt, "batch")
			var texts []string
			for _, i := range order[:n] {
				texts = append(texts, i.text)
			}
			got := r.send(http.MethodPost, "/predict", "application/json", `{"instances":[`+strings.Join(texts, " ,\n")+`],"parameters":null}`)
			if got.status != 200 {
				rt.Fatalf("%d %s", got.status, got.body)
			}
			var items struct{ Predictions []string }
			if err := json.Unmarshal([]byte(got.body), &items); err != nil {
				rt.Fatal(err)
			}
			if len(items.Predictions) != n {
				rt.Fatalf("%d predictions for %d instances", len(items.Predictions), n)
			}
			for i, line := range items.Predictions {
				sorted[order[i].row] = line + "\n"
			}
			order = order[n:]
		}
		if got := collected(t, strings.Join(sorted, ""), true); got != want {
			rt.Fatalf("got\n%swant\n%s", got, want)
		}
	})
}

// A model that a record has to tell of is not judged by records that do not tell.
func TestFirstRequestsThatDoNotTell(t *testing.T) {
	f := fixed(t, single())
	o := f.options(t)
	o.Mapping = f.mapping(job.Job{Input: job.Input{Key: []string{"id"}}}, job.JSONL)
	r := start(t, o)
	for _, bad := range []string{"", "{", `{"id":1,"x":["a",1,2]}`, "{\"id\":2}\n[]"} {
		if got := r.lines("application/jsonlines", bad); strings.Count(got, `"error"`) != strings.Count(got, "\n") {
			t.Errorf("%s: %s", bad, got)
		}
	}
	if r.server.lanes.Load() != nil {
		t.Error("it is decided already")
	}
	got := r.lines("application/jsonlines", "{\"id\":3,\"x\":[\"a\",1,2]}\n{\"id\":4,\"x\":[1,2,3]}")
	want := `{"key":3,"error":{"code":"wrong_type","message":"field \"x\": \"a\" is a string, model input \"x\" takes float32"}}` + "\n" +
		`{"key":4,"prediction":{"y":[123]}}` + "\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTheModelDecidesAloneAfterRecordsThatDoNotTell(t *testing.T) {
	r := start(t, fixed(t, sum()).options(t))
	bad := strings.Repeat("{\n", undecided-1)
	for range 2 {
		if got := r.lines("application/jsonlines", bad); strings.Count(got, `"malformed"`) != undecided-1 {
			t.Errorf("%.200s", got)
		}
	}
	if r.server.lanes.Load() == nil {
		t.Error("it is not decided")
	}
}
