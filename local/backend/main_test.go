//go:build unix

package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// roleVariable makes the test binary something else than the tests.
const roleVariable = "CROSSBATCH_TEST_ROLE"

// TestMain lets the test binary stand in for crossbatch: as a worker, as a
// process that sends a request, or as a worker that cannot start.
func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "worker":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err := Work(ctx, os.Args[1], WorkerDeps{
			Clock: clockwork.NewRealClock(), Runtime: load, Version: "test", Log: os.Stderr, Ready: os.NewFile(3, "ready"),
			Step: standStill(os.Args[1]),
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "sender":
		os.Exit(sender())
	default:
		fmt.Fprintln(os.Stderr, "no space left for jokes")
		os.Exit(3)
	}
}

func load(ctx context.Context) (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(ctx)
	if err != nil {
		return nil, err
	}
	return onnx.Load(lib)
}

// sender sends the request in a file once its standard input ends, and prints
// the code.
func sender() int {
	body, err := os.ReadFile(os.Args[1])
	var r provider.Request
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
	b := New(Config{Runs: filepath.Dir(filepath.Dir(r.Target))}, deps("worker"))
	_, err = b.Send(context.Background(), r)
	fmt.Print(b.Code(err))
	return 0
}

// process is the test binary in a role.
func process(role string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.Command(self, args...)
	c.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	return c
}

func deps(role string) Deps {
	return Deps{
		Clock:   clockwork.NewRealClock(),
		Worker:  func(dir string) (*exec.Cmd, error) { return process(role, dir), nil },
		Library: onnx.Finder{}.Find,
	}
}

// findLibrary is done once: these tests cannot do without it.
var findLibrary = sync.OnceValues(func() (onnx.Library, error) { return onnx.Finder{}.Find(context.Background()) })

// fixture is a backend, a spec that it can run, and the folder of both.
type fixture struct {
	*testing.T
	dir  string
	b    *Backend
	spec provider.Spec
}

// setup makes a run over files of records for y = 100 x0 + 10 x1 + x2. No
// worker outlives the test.
func setup(t *testing.T, shards ...string) *fixture {
	t.Helper()
	if _, err := findLibrary(); err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	dir := t.TempDir()
	f := &fixture{T: t, dir: dir}
	f.b = New(Config{Alias: "default", Device: "cpu", Runs: filepath.Join(dir, "runs")}, deps("worker"))
	graph := modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "N", 1).
		Floats("w", []int64{3, 1}, []float32{100, 10, 1}).
		Node("MatMul", []string{"x", "w"}, []string{"y"})
	f.spec = provider.Spec{
		Ledger: strings.Repeat("0", 32), Run: "0123456789abcdef0123", Attempt: 1,
		Job: job.Job{
			Project: "test", Address: `job.sum["eu"]`,
			Input:     job.Input{Source: []string{dir}, Empty: "error", Staging: "auto", CSV: job.Dialect{Header: true, Delimiter: ","}},
			Output:    job.Output{Destination: filepath.Join(dir, "out") + "/", Format: job.JSONL, Compression: "none", Existing: "replace"},
			Compute:   job.Compute{Instances: 1},
			Placement: job.Placement{Providers: []job.ProviderRef{{Kind: Kind, Alias: "default"}}, Strategy: "first"},
		},
		Input: provider.Input{Format: job.JSONL, Take: []int{}},
	}
	f.use(graph)
	for i, text := range shards {
		f.spec.Input.Shards = append(f.spec.Input.Shards, f.shard(fmt.Sprintf("in-%d.jsonl", i), text))
		f.spec.Input.Take = append(f.spec.Input.Take, i)
	}
	f.output()
	t.Cleanup(f.clear)
	return f
}

// slow is a setup whose first shard is short and whose second one takes minutes.
func slow(t *testing.T) *fixture {
	t.Helper()
	f := setup(t, "{\"x\":1}\n{\"x\":2}\n", strings.Repeat("{\"x\":1}\n", 200_000))
	const n = 1500
	eye := make([]float32, n*n)
	for i := range n {
		eye[i*n+i] = 1
	}
	f.use(modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
		Floats("col", []int64{n, 1}, make([]float32, n)).
		Floats("row", []int64{1, n}, make([]float32, n)).Floats("eye", []int64{n, n}, eye).
		Node("Add", []string{"x", "row"}, []string{"h0"}).
		Node("MatMul", []string{"h0", "eye"}, []string{"h1"}).
		Node("MatMul", []string{"h1", "col"}, []string{"y"}))
	return f
}

// use makes a graph the model of the run.
func (f *fixture) use(g *modeltest.Graph) {
	f.Helper()
	path := g.Save(f.T, f.dir, "m.onnx")
	pkg, err := model.Open(f.Context(), path)
	if err != nil {
		f.Fatal(err)
	}
	f.spec.Job.Model = job.Model{Name: "m", Artifact: path}
	f.spec.Model = provider.Model{Name: "m", Artifact: path, Digest: pkg.Digest}
}

// output settles where the attempt's folder lies.
func (f *fixture) output() {
	f.spec.Output = storage.FileURI(filepath.Join(f.dir, "runs", f.spec.Run, fmt.Sprintf("a%d", f.spec.Attempt))) + "/"
}

func (f *fixture) shard(name, text string) job.Shard {
	f.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
	return job.Shard{URI: storage.FileURI(path), Size: int64(len(text)), Digest: digest.Of([]byte(text))}
}

// rows are n records of which every hundredth is broken.
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

func (f *fixture) request() provider.Request {
	f.Helper()
	t, err := f.b.Translate(f.spec)
	if err != nil {
		f.Fatal(err)
	}
	if len(t.Requests) != 1 {
		f.Fatalf("%d requests, want 1", len(t.Requests))
	}
	return t.Requests[0]
}

func (f *fixture) send() provider.Native {
	f.Helper()
	n, err := f.b.Send(f.Context(), f.request())
	if err != nil {
		f.Fatal(err)
	}
	return n
}

func (f *fixture) describe(n provider.Native) provider.Observation {
	f.Helper()
	o, err := f.b.Describe(f.Context(), n)
	if err != nil {
		f.Fatal(err)
	}
	return o
}

// until describes a job until it is as wanted, and checks that its states only
// move forwards.
func (f *fixture) until(n provider.Native, what string, ok func(provider.Observation) bool) provider.Observation {
	f.Helper()
	var last provider.State
	var o provider.Observation
	f.wait(what, func() bool {
		o = f.describe(n)
		if clamped := last.Clamp(o.State); clamped != o.State {
			f.Fatalf("the state went from %s to %s", last, o.State)
		}
		last = o.State
		return ok(o)
	})
	return o
}

// wait polls a condition: these tests wait for processes, which tell nothing.
func (f *fixture) wait(what string, ok func() bool) {
	f.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			f.Fatalf("waited in vain until %s\n%s", what, f.logs())
		}
	}
}

func (f *fixture) done(n provider.Native) provider.Observation {
	f.Helper()
	return f.until(n, "the job is over", func(o provider.Observation) bool { return o.State.Terminal() })
}

func (f *fixture) pieces(n provider.Native) []provider.Piece {
	f.Helper()
	var out []provider.Piece
	for p, err := range f.b.Results(f.Context(), f.spec, []provider.Native{n}) {
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func (f *fixture) marker(n provider.Native) marker {
	f.Helper()
	var m marker
	if err := readDocument(n.ID, markerFile, &m); err != nil {
		f.Fatal(err)
	}
	return m
}

// logs are all workers' logs, for failures.
func (f *fixture) logs() string {
	var out strings.Builder
	found, _ := filepath.Glob(filepath.Join(f.dir, "runs", "*", "*", logFile))
	for _, p := range found {
		body, _ := os.ReadFile(p)
		fmt.Fprintf(&out, "%s:\n%s", p, body)
	}
	return out.String()
}

// clear ends the workers that are left, by the process id in a marker, and only
// while the lock says that it is theirs.
func (f *fixture) clear() {
	found, _ := filepath.Glob(filepath.Join(f.dir, "runs", "*", "*", markerFile))
	for _, p := range found {
		dir := filepath.Dir(p)
		f.wait("the worker is gone", func() bool {
			lock := lockOf(dir)
			if ok, err := lock.TryRLock(); ok || err != nil {
				_ = lock.Close()
				return true
			}
			var m marker
			if err := readDocument(dir, markerFile, &m); err == nil {
				_ = syscall.Kill(m.PID, syscall.SIGKILL)
			}
			return false
		})
	}
	_ = f.b.Close()
	if f.Failed() {
		f.Log(f.logs())
	}
}

func (f *fixture) code(err error, want provider.Code) {
	f.Helper()
	if got := f.b.Code(err); got != want {
		f.Fatalf("%v is %s, want %s", err, got, want)
	}
}
