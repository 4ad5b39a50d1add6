package engine

import (
	"bytes"
	"context"
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

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
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
func sumJob(t testing.TB, dir string) job.Job {
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

func write(t testing.TB, path, text string) {
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

// task lists and digests the input of a job.
func task(t testing.TB, j job.Job) Task {
	t.Helper()
	in, err := storage.ListInput(t.Context(), storage.OpenLocal, j.Input)
	if err != nil {
		t.Fatal(err)
	}
	shards, err := in.Digest(t.Context(), nil, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return Task{Job: j, Run: "0123456789abcdef0123", Shards: shards, Format: in.Format}
}

func prepare(t *testing.T, k Task, o Options) *Run {
	t.Helper()
	r, err := Prepare(t.Context(), k, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// execute scores a task into a folder and gives what is finished there.
func execute(t *testing.T, k Task, o Options, folder string) (*Result, []provider.Piece) {
	t.Helper()
	result, err := prepare(t, k, o).Execute(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return result, finished(t, folder)
}

func finished(t *testing.T, folder string) []provider.Piece {
	t.Helper()
	pieces, err := Finished(folder)
	if err != nil {
		t.Fatal(err)
	}
	return pieces
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

// content is what the files of finished shards hold, whose sizes and digests
// must be those of the summaries.
func content(t *testing.T, folder string) string {
	t.Helper()
	var all strings.Builder
	for _, p := range finished(t, folder) {
		files := []record.File{p.Part.Shard.Part}
		if f := p.Part.Shard.FailedPart; f != nil {
			files = append(files, *f)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(folder, f.Name))
			if err != nil {
				t.Fatal(err)
			}
			if digest.Of(b) != f.Digest || int64(len(b)) != f.Size {
				t.Errorf("%s differs from its summary", f.Name)
			}
			all.Write(b)
		}
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
		o, folder := options(t), t.TempDir()
		o.Workers = workers
		result, pieces := execute(t, task(t, j), o, folder)
		if c := (record.Counts{In: 23_001, OK: 22_771, Failed: 230}); result.State != provider.Succeeded || result.Counts != c {
			t.Fatalf("%d workers: %s %+v, want succeeded %+v", workers, result.State, result.Counts, c)
		}
		if c := (record.Counts{In: 3_001, OK: 2_971, Failed: 30}); len(pieces) != 2 || pieces[1].Part.Shard.Counts != c {
			t.Fatalf("%d workers: pieces %+v, want %+v in the second", workers, pieces, c)
		}
		got := content(t, folder)
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
		execute(t, task(t, j), o, t.TempDir())
		return most
	}
	small, large := peak(4), peak(20)
	extra := int64(16 * len(text))
	if large-small > extra/4 {
		t.Errorf("%d bytes more of input hold %d bytes more of memory", extra, large-small)
	}
}

func TestCancelledRunLeavesNoGoroutineAndIsGoneOnWith(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "in.jsonl"), rows(300))
	write(t, filepath.Join(dir, "more.jsonl"), rows(100_000))
	j := sumJob(t, dir)
	j.Input.Source = append(j.Input.Source, filepath.Join(dir, "more.jsonl"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options(t)
	o.Progress = func(p Progress) {
		if p.Counts.In > 300 {
			cancel()
		}
	}
	r, folder := prepare(t, task(t, j), o), t.TempDir()
	running := goleak.IgnoreCurrent()
	result, err := r.Execute(ctx, folder)
	if err != nil || result.State != provider.Cancelled || result.Code != provider.Canceled {
		t.Fatalf("%+v, %v; want cancelled", result, err)
	}
	goleak.VerifyNone(t, running)
	kept, err := Unfinished(folder)
	if err != nil || kept.In == 0 || kept.In+300 != result.Counts.In {
		t.Fatalf("%+v are kept of %+v, %v", kept, result.Counts, err)
	}
	whole := t.TempDir()
	want, _ := execute(t, r.task, options(t), whole)
	k := r.task
	k.Take = []int{1}
	again, _ := execute(t, k, options(t), folder)
	if again.Restored != kept || again.Counts.In != 100_000 {
		t.Errorf("gone on with %+v to %+v, want %+v and the rest of %+v", again.Restored, again.Counts, kept, want.Counts)
	}
	if content(t, folder) != content(t, whole) {
		t.Error("the bytes are not those of a run that was not cancelled")
	}
	if got := names(t, folder); !slices.Equal(got, names(t, whole)) {
		t.Errorf("the folder holds %v", got)
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
		most.Phase, most.All = p.Phase, p.All
		most.Bytes, most.Counts.In = max(most.Bytes, p.Bytes), max(most.Counts.In, p.Counts.In)
	}
	execute(t, task(t, sumJob(t, dir)), o, t.TempDir())
	want := Progress{Phase: Scoring, Bytes: int64(len(text)), All: int64(len(text)), Counts: record.Counts{In: 1000}}
	if most != want {
		t.Errorf("progress %+v, want %+v", most, want)
	}
}

func TestPeekAt(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "1.csv"), "")
	write(t, filepath.Join(dir, "2.csv"), "id,a\n007,1\nbroken\n008,2\n009,3\n")
	in := job.Input{Source: []string{dir}, CSV: job.Dialect{Header: true, Delimiter: ","}}
	p, err := PeekAt(t.Context(), storage.OpenLocal, in, 3)
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
