//go:build unix

package backend

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/onnx"
)

func TestCheckIsTotal(t *testing.T) {
	b := New(Config{}, Deps{})
	var s provider.Spec
	s.Job.Limits.FailedRecords = &job.Tolerance{IsPercent: true, Percent: 1}
	s.Job.Output.Format, s.Job.Output.Compression, s.Input.Format = job.Parquet, job.CompressionSnappy, job.Parquet
	s.Job.Model.Container, s.Job.Model.Registered, s.Job.Input.Partitions = &job.Container{}, map[string]string{"vertex": "x"}, job.PartitionsHive
	for _, spec := range []provider.Spec{{}, s} {
		got := b.Check(spec)
		if len(got) != len(provider.Fields()) {
			t.Fatalf("%d findings for %d fields", len(got), len(provider.Fields()))
		}
		for i, f := range got {
			if f.Field != provider.Fields()[i] {
				t.Errorf("finding %d is of %s, want %s", i, f.Field, provider.Fields()[i])
			}
			if f.Level != provider.Exact && f.Message == "" {
				t.Errorf("%s is %s without a word why", f.Field, f.Level)
			}
			wants := map[string]bool{
				"model.container": true, "model.registered": true,
			}
			if isLost := f.Level == provider.Lost; isLost != (wants[f.Field] && spec.Input.Format == job.Parquet) {
				t.Errorf("%s is %s", f.Field, f.Level)
			}
		}
	}
}

func TestInspect(t *testing.T) {
	d := deps("worker")
	facts, err := New(Config{Device: "auto"}, d).Inspect(t.Context())
	if err != nil || len(facts.Machines) != 1 || facts.Machines[0].CPUs < 1 {
		t.Errorf("%+v, %v", facts, err)
	}
	_, err = New(Config{Device: "abacus"}, d).Inspect(t.Context())
	if got := codeOf(err); got != provider.Invalid {
		t.Errorf("%v is %s", err, got)
	}
	d.Library = func(context.Context) (onnx.Library, error) { return onnx.Library{}, onnx.ErrNoLibrary }
	_, err = New(Config{}, d).Inspect(t.Context())
	if got := codeOf(err); got != provider.Unsupported {
		t.Errorf("%v is %s", err, got)
	}
}

func TestCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want provider.Code
	}{
		{nil, provider.OK},
		{fmt.Errorf("x: %w", provider.Errorf(provider.Throttled, "y")), provider.Throttled},
		{&os.PathError{Op: "write", Err: syscall.ENOSPC}, provider.NoCapacity},
		{&os.PathError{Op: "write", Err: syscall.EDQUOT}, provider.NoCapacity},
		{&os.PathError{Op: "open", Err: syscall.EACCES}, provider.PermissionDenied},
		{fs.ErrExist, provider.Conflict},
		{context.Canceled, provider.Canceled},
		{context.DeadlineExceeded, provider.Timeout},
		{fmt.Errorf("%w", onnx.ErrNoLibrary), provider.Unsupported},
		{errModelChanged, provider.Conflict},
		{fmt.Errorf("anything"), provider.Internal},
		{classed("doing", fs.ErrPermission), provider.PermissionDenied},
	} {
		if got := New(Config{}, Deps{}).Code(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
	}
}

// What a killed Delete left goes with the next one.
func TestDeleteSweeps(t *testing.T) {
	f := setup(t, rows(1))
	n := f.send()
	f.done(n)
	run := filepath.Dir(n.ID)
	left := filepath.Join(run, removedPrefix+"a1-00000000")
	other := filepath.Join(run, removedPrefix+"a10-00000000")
	for _, dir := range []string{left, other} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.b.Delete(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(run)
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(other) {
		t.Errorf("left: %v, %v", entries, err)
	}
}
