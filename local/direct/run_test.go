package direct

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/verify"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// TestMain lets the test binary stand in for a process that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(jobVariable); path != "" {
		fmt.Fprintln(os.Stderr, victim(path, os.Getenv(pointVariable)))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// options are those of a run that nobody watches.
func options(ctx context.Context) (Options, error) {
	lib, err := onnx.Finder{}.Find(ctx)
	if err != nil {
		return Options{}, err
	}
	rt, err := onnx.Load(lib)
	if err != nil {
		return Options{}, err
	}
	device, err := rt.Choose(onnx.Device{Name: "cpu"})
	return Options{Runtime: rt, Device: device, Version: "test", Now: time.Now}, err
}

// fixture is a folder with a model, y = 2x, and three shards.
type fixture struct {
	*testing.T
	dir  string
	job  job.Job
	opts Options
}

func setup(t *testing.T) *fixture {
	t.Helper()
	o, err := options(t.Context())
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	f := &fixture{T: t, dir: t.TempDir(), opts: o}
	path := modeltest.New().Input("x", model.Float32, "N", 1).Output("y", model.Float32, "N", 1).
		Floats("w", []int64{1, 1}, []float32{2}).Node("MatMul", []string{"x", "w"}, []string{"y"}).Save(t, f.dir, "m.onnx")
	f.job = job.Job{
		Address: "score", Model: job.Model{Name: "m", Artifact: path},
		Input:     job.Input{Empty: job.EmptyError, Staging: job.StagingAuto, CSV: job.Dialect{Header: true, Delimiter: ","}},
		Output:    job.Output{Destination: filepath.Join(f.dir, "out") + "/", Format: job.JSONL, Compression: job.CompressionNone, Existing: job.ExistingReplace},
		Compute:   job.Compute{Instances: 1},
		Placement: job.Placement{Providers: []job.ProviderRef{{Kind: "local", Alias: "default"}}, Strategy: job.StrategyFirst},
	}
	for i := range 3 {
		f.shard(i, strings.Repeat(fmt.Sprintf("{\"x\":%d}\n", i), 10))
	}
	return f
}

func (f *fixture) shard(i int, text string) {
	f.Helper()
	path := filepath.Join(f.dir, fmt.Sprintf("in-%d.jsonl", i))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
	if len(f.job.Input.Source) <= i {
		f.job.Input.Source = append(f.job.Input.Source, path)
	}
}

func (f *fixture) run(ctx context.Context) *Result {
	f.Helper()
	r, err := Run(ctx, f.job, f.opts)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

// left are the names in the destination; none when it is not there.
func (f *fixture) left() []string {
	f.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, "out"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (f *fixture) verified() *record.Manifest {
	f.Helper()
	m, findings, err := verify.Result(f.Context(), os.DirFS(filepath.Join(f.dir, "out")))
	if err != nil || len(findings) > 0 {
		f.Fatalf("%v %v", err, findings)
	}
	return m
}

func TestRunPublishes(t *testing.T) {
	f := setup(t)
	r := f.run(t.Context())
	if r.State != record.Succeeded || r.Counts != (record.Counts{In: 30, OK: 30}) || r.Manifest == nil || r.Scored != 30 {
		t.Errorf("%+v", r)
	}
	if m := f.verified(); m.Run != r.Run || len(f.left()) != 4 {
		t.Errorf("run %s, files %q", m.Run, f.left())
	}
	f.shard(1, "{\"x\":9}\n")
	if again := f.run(t.Context()); again.Run == r.Run || f.verified().Run != again.Run || len(f.left()) != 4 {
		t.Errorf("other data did not replace the result: %+v, files %q", again, f.left())
	}
}

// What a stopped run answered is taken up, and only by the same run.
func TestStoppedRunIsResumed(t *testing.T) {
	f := setup(t)
	f.shard(2, strings.Repeat("{\"x\":2}\n", 400_000))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f.opts.Progress = func(p engine.Progress) {
		if p.Phase == engine.Scoring && p.Counts.In > 1000 {
			stop()
		}
	}
	r := f.run(ctx)
	if r.State != record.Cancelled || r.Manifest != nil || !strings.HasSuffix(r.Reason, "records are answered and kept; the same command resumes") {
		t.Fatalf("%+v", r)
	}
	if names := f.left(); len(names) != 1 || names[0] != workFolder {
		t.Errorf("a stopped run left %q", names)
	}
	var start Start
	f.opts.Started, f.opts.Progress = func(s Start) { start = s }, nil
	again := f.run(t.Context())
	if again.State != record.Succeeded || again.Run != r.Run || start.Records <= 1000 || start.Records+again.Scored != 400_020 || again.Counts.In != 400_020 {
		t.Errorf("resumed with %+v: %+v", start, again)
	}
	if f.verified(); len(f.left()) != 4 {
		t.Errorf("files %q", f.left())
	}
}

func TestFailedRunLeavesNothing(t *testing.T) {
	f := setup(t)
	f.shard(1, "{\"x\":1}\n{\"x\":[1,2]}\n{\"x\":[1,2]}\n")
	f.job.Limits.FailedRecords = &job.Tolerance{Count: 1}
	if r := f.run(t.Context()); r.State != record.Failed || r.Manifest != nil || !strings.Contains(r.Reason, "failed_records allows 1") {
		t.Errorf("%+v", r)
	}
	if names := f.left(); len(names) > 0 {
		t.Errorf("a failed run left %q", names)
	}
}

// A result stays in force, alone, when the run that would replace it fails:
// on its way, or only once all is counted.
func TestFailedRunLeavesTheOldResult(t *testing.T) {
	f := setup(t)
	f.run(t.Context())
	want := f.files()
	bad := "{\"x\":[1,2]}\n"
	for limit, text := range map[job.Tolerance]string{
		{Count: 1}:                     strings.Repeat(bad, 2),
		{Percent: 10, IsPercent: true}: strings.Repeat(bad, 9),
	} {
		f.shard(1, text)
		f.job.Limits.FailedRecords = &limit
		if r := f.run(t.Context()); r.State != record.Failed || r.Manifest != nil {
			t.Errorf("%+v: %+v", limit, r)
		}
		f.alone(want)
	}
}

func TestForeignResultIsAConflict(t *testing.T) {
	f := setup(t)
	f.run(t.Context())
	f.job.Address = "job.other"
	if _, err := Run(t.Context(), f.job, f.opts); !errors.Is(err, collect.ErrConflict) {
		t.Errorf("%v", err)
	}
	f.verified()
}

func TestOneProcessAtATime(t *testing.T) {
	f := setup(t)
	f.opts.Started = func(Start) {
		other := f.opts
		other.Started = func(Start) { t.Error("two runs hold one destination") }
		if _, err := Run(t.Context(), f.job, other); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("the second run: %v", err)
		}
	}
	f.run(t.Context())
	f.verified()
}

// Check writes nothing and says what a run could only say later.
func TestCheck(t *testing.T) {
	f := setup(t)
	c, err := Check(t.Context(), f.job, f.opts)
	if err != nil || len(c.Input.Objects) != 3 || c.Input.Format != job.JSONL || len(c.Model.Digest) != 64 {
		t.Fatalf("%+v, %v", c, err)
	}
	shards, err := Digest(t.Context(), c.Input, f.opts)
	if err != nil || len(shards) != 3 || shards[0].Digest == shards[1].Digest {
		t.Errorf("%+v, %v", shards, err)
	}
	f.job.Input.Tensors = []job.Tensor{{Input: "x", Field: "xx", Null: job.Null{Policy: job.NullFail}}}
	if _, err := Check(t.Context(), f.job, f.opts); err == nil || !strings.Contains(err.Error(), "is not in any record") {
		t.Errorf("a field that is not there: %v", err)
	}
	if names := f.left(); len(names) > 0 {
		t.Errorf("checking wrote %q", names)
	}
}

// A stop that comes with the commit is too late: what is published is finished.
func TestStoppedWhilePublishing(t *testing.T) {
	for point, want := range map[string]record.State{
		"before remember": record.Cancelled, "before commit": record.Cancelled,
		"after commit": record.Succeeded, "before clean": record.Succeeded, "after clean": record.Succeeded,
	} {
		t.Run(point, func(t *testing.T) {
			f := setup(t)
			f.run(t.Context())
			old := f.files()
			f.shard(1, "{\"x\":7}\n")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f.opts.Step = func(p string) {
				if p == point {
					cancel()
				}
			}
			r := f.run(ctx)
			if r.State != want || (r.Manifest != nil) != (want == record.Succeeded) {
				t.Fatalf("%+v", r)
			}
			if now := f.files(); maps.Equal(now, old) != (want == record.Cancelled) {
				t.Errorf("the result is %q", now)
			}
			if want == record.Succeeded {
				f.alone(f.files())
			}
		})
	}
}
