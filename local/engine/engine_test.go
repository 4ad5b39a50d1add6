package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

var loaded = sync.OnceValues(func() (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(context.Background())
	if err != nil {
		return nil, err
	}
	return onnx.Load(lib)
})

func options(t *testing.T) Options {
	t.Helper()
	rt, err := loaded()
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	device, err := onnx.ParseDevice("cpu")
	if err != nil {
		t.Fatal(err)
	}
	return Options{Runtime: rt, Device: device, Version: "test", Now: time.Now}
}

// sumJob scores in.jsonl of a folder with y = 100 x0 + 10 x1 + x2.
func sumJob(t *testing.T, dir string) job.Job {
	t.Helper()
	artifact := modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "N", 1).
		Floats("w", []int64{3, 1}, []float32{100, 10, 1}).
		Node("MatMul", []string{"x", "w"}, []string{"y"}).Save(t, dir, "sum.onnx")
	return job.Job{
		Project: "test", Address: "job.sum",
		Model:     job.Model{Name: "sum", Artifact: artifact},
		Input:     job.Input{Source: []string{filepath.Join(dir, "in.jsonl")}, Empty: "error", CSV: job.Dialect{Header: true, Delimiter: ","}},
		Output:    job.Output{Destination: filepath.Join(dir, "out") + "/", Format: job.JSONL, Compression: "none", Existing: "replace"},
		Placement: job.Placement{Providers: []job.ProviderRef{{Kind: "local", Alias: "default"}}},
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rows are n records; every hundredth is broken.
func rows(n int) string {
	var b strings.Builder
	for i := range n {
		if i%100 == 99 {
			b.WriteString("{\"x\":[1,2]}\n")
			continue
		}
		fmt.Fprintf(&b, "{\"x\":[%d,%d,1]}\n", i%97, i%7)
	}
	return b.String()
}

func prepare(t *testing.T, j job.Job, o Options) *Run {
	t.Helper()
	r, err := Prepare(t.Context(), j, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func execute(t *testing.T, j job.Job, o Options) *Result {
	t.Helper()
	result, err := prepare(t, j, o).Execute(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// names are all files of a folder, however deep.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func published(t *testing.T, dest string, m *record.Manifest) string {
	t.Helper()
	var all strings.Builder
	for _, name := range m.Files() {
		b, err := os.ReadFile(filepath.Join(dest, name))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

func TestBytesDoNotDependOnWorkers(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	write(t, filepath.Join(dir, "in.jsonl"), rows(20_000))
	write(t, filepath.Join(dir, "more.jsonl"), rows(3_001))
	j.Input.Source = append(j.Input.Source, filepath.Join(dir, "more.jsonl"))
	want := ""
	for _, workers := range []int{1, 2, 8} {
		o := options(t)
		o.Workers = workers
		result := execute(t, j, o)
		if c := (record.Counts{In: 23_001, OK: 22_771, Failed: 230}); result.State != Partial || result.Counts != c {
			t.Fatalf("%d workers: %s %+v, want partial %+v", workers, result.State, result.Counts, c)
		}
		got := published(t, j.Output.Destination, result.Manifest)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%d workers write other bytes than one", workers)
		}
	}
	if !strings.HasPrefix(want, `{"key":"0:0","prediction":{"y":[1]}}`+"\n"+`{"key":"0:1","prediction":{"y":[111]}}`+"\n") {
		t.Errorf("the result begins %.100s", want)
	}
}

func TestMemoryDoesNotGrowWithTheInput(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	text := strings.Repeat("{\"x\":[1,2,3],\"pad\":\""+strings.Repeat("-", 2000)+"\"}\n", 2000)
	peak := func(times int) int64 {
		write(t, filepath.Join(dir, "in.jsonl"), strings.Repeat(text, times))
		var mu sync.Mutex
		var most, calls int64
		o := options(t)
		o.Workers = 2
		o.Progress = func(Progress) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%20 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, int64(m.HeapAlloc))
			}
		}
		execute(t, j, o)
		return most
	}
	small, large := peak(4), peak(20)
	extra := int64(16 * len(text))
	if large-small > extra/4 {
		t.Errorf("%d bytes more of input hold %d bytes more of memory", extra, large-small)
	}
}

func TestResultIsReplacedAndStrangersStay(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	dest := j.Output.Destination
	write(t, filepath.Join(dir, "in.jsonl"), rows(300))
	first := execute(t, j, options(t)).Manifest
	write(t, filepath.Join(dest, "notes.txt"), "mine")
	write(t, filepath.Join(dest, ".crossbatch", "killed", "part-00000-of-00001.killed.jsonl"), "half a line")

	write(t, filepath.Join(dir, "in.jsonl"), "{\"x\":[1,2,3]}\n")
	second := execute(t, j, options(t)).Manifest
	if first.Run == second.Run {
		t.Fatal("other input gives the same run")
	}
	want := []string{record.ManifestName, "notes.txt", second.Shards[0].Part.Name}
	if got := names(t, dest); !slices.Equal(got, want) {
		t.Errorf("the destination holds %v, want %v", got, want)
	}
	if _, err := os.Stat(filepath.Join(dest, workFolder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the work folder is there: %v", err)
	}
	if got := published(t, dest, second); got != "{\"key\":\"0:0\",\"prediction\":{\"y\":[123]}}\n" {
		t.Errorf("result: %s", got)
	}
}

func TestPartsOfAFailedCommitAreTakenBack(t *testing.T) {
	dir := t.TempDir()
	j := sumJob(t, dir)
	dest := j.Output.Destination
	write(t, filepath.Join(dir, "in.jsonl"), rows(300))
	r := prepare(t, j, options(t))
	// A folder under the name of failed-* lets the part be moved and no more.
	name := record.FailedName(0, 1, r.ID)
	write(t, filepath.Join(dest, name, "in-the-way"), "")
	if _, err := r.Execute(t.Context()); err == nil || !strings.Contains(err.Error(), "publishing: ") {
		t.Fatalf("error %v, want one of publishing", err)
	}
	if got, want := names(t, dest), []string{filepath.Join(name, "in-the-way")}; !slices.Equal(got, want) {
		t.Errorf("the destination holds %v, want %v", got, want)
	}
}

func TestDestinationIsCheckedWhileItIsHeld(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.jsonl"), rows(300))
	mine := sumJob(t, dir)
	other := mine
	other.Address = "job.other"
	late := prepare(t, mine, options(t))
	m := execute(t, other, options(t)).Manifest
	before := names(t, mine.Output.Destination)

	if _, err := late.Execute(t.Context()); !errors.Is(err, ErrConflict) {
		t.Errorf("error %v, want a conflict with the run that came first", err)
	}
	if got := names(t, mine.Output.Destination); !slices.Equal(got, before) {
		t.Errorf("the destination holds %v, before %v", got, before)
	}
	if published(t, mine.Output.Destination, m) == "" {
		t.Error("the first result is empty")
	}
}

func TestOneRunHoldsADestination(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.jsonl"), rows(300))
	j := sumJob(t, dir)
	a, b := prepare(t, j, options(t)), prepare(t, j, options(t))
	held, err := a.claim()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Execute(t.Context()); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want %v", err, ErrBusy)
	}
	held.release()
	if _, err := os.Stat(j.Output.Destination); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a run that published nothing left its destination: %v", err)
	}
	if _, err := b.Execute(t.Context()); err != nil {
		t.Errorf("after the release: %v", err)
	}
}

func TestCancelledRunLeavesNoGoroutineAndNoFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.jsonl"), rows(100_000))
	j := sumJob(t, dir)
	j.Output.Destination = filepath.Join(dir, "deep", "er", "out") + "/"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t)
	o.Progress = func(p Progress) {
		if p.Phase == Scoring && p.Counts.In > 0 {
			cancel()
		}
	}
	r := prepare(t, j, o)
	running := goleak.IgnoreCurrent()
	result, err := r.Execute(ctx)
	if err != nil || result.State != Cancelled {
		t.Fatalf("%+v, %v; want cancelled", result, err)
	}
	goleak.VerifyNone(t, running)
	if _, err := os.Stat(filepath.Join(dir, "deep")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folders made for nothing are there: %v", err)
	}
}

func TestProgressEndsWithAllBytesAndRecords(t *testing.T) {
	dir := t.TempDir()
	text := rows(1000)
	write(t, filepath.Join(dir, "in.jsonl"), text)
	var mu sync.Mutex
	var most Progress
	o := options(t)
	o.Progress = func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Phase == Scoring {
			most.Bytes, most.All = max(most.Bytes, p.Bytes), p.All
			most.Counts.In = max(most.Counts.In, p.Counts.In)
		}
	}
	execute(t, sumJob(t, dir), o)
	want := Progress{Bytes: int64(len(text)), All: int64(len(text)), Counts: record.Counts{In: 1000}}
	if most != want {
		t.Errorf("progress %+v, want %+v", most, want)
	}
}

func TestPeekAt(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "1.csv"), "")
	write(t, filepath.Join(dir, "2.csv"), "id,a\n007,1\nbroken\n008,2\n009,3\n")
	in := job.Input{Source: []string{dir}, CSV: job.Dialect{Header: true, Delimiter: ","}}
	p, err := PeekAt(t.Context(), in, 3)
	if err != nil {
		t.Fatal(err)
	}
	if p.Format != job.CSV || !slices.Equal(p.Fields, []string{"id", "a"}) {
		t.Errorf("format %s, fields %v", p.Format, p.Fields)
	}
	if len(p.Rows) != 2 || !bytes.Equal(p.Rows[0][0].Raw, []byte("007")) || !bytes.Equal(p.Rows[1][0].Raw, []byte("008")) {
		t.Errorf("rows %v, want those of 007 and 008: the first three but the broken one", p.Rows)
	}
}
