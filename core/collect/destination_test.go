package collect_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestFree(t *testing.T) {
	own := `{"format_version":1,"project":"p","address":"job.a","run":"` + runA + `"}`
	for _, c := range []struct {
		name, manifest, existing, run string
		found, conflict               bool
	}{
		{name: "nothing there", existing: job.ExistingFail, run: runA},
		{name: "own result", manifest: own, run: runB, existing: job.ExistingReplace, found: true},
		{name: "another job", manifest: `{"format_version":1,"project":"p","address":"job.b"}`, run: runA, conflict: true},
		{name: "another project", manifest: `{"format_version":1,"project":"q","address":"job.a"}`, run: runA, conflict: true},
		{name: "unreadable", manifest: `{"format_`, run: runA, conflict: true},
		{name: "newer", manifest: `{"format_version":2,"project":"p","address":"job.a"}`, run: runA, conflict: true},
		{name: "kept, of another run", manifest: own, existing: job.ExistingFail, run: runB, conflict: true},
		{name: "kept, of this run", manifest: own, existing: job.ExistingFail, run: runA, found: true},
		{name: "kept, run not known yet", manifest: own, existing: job.ExistingFail, found: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t.TempDir())
			if c.manifest != "" {
				must(save(filepath.Join(b.out(), record.ManifestName), c.manifest))
			}
			dest, err := storage.OpenFolder(b.out())
			must(err)
			defer func() { must(dest.Close()) }()
			j := b.src.Job
			j.Output.Existing = c.existing
			m, err := collect.Free(t.Context(), dest, "", j, c.run)
			if errors.Is(err, collect.ErrConflict) != c.conflict || (err != nil) != c.conflict || (m != nil) != c.found {
				t.Errorf("%v, %v", m, err)
			}
			if got := len(folder(t, b.out())); c.manifest == "" && got > 0 || c.manifest != "" && got != 1 {
				t.Error("it wrote something")
			}
		})
	}
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	b := newBench(filepath.Join(dir, "bench"))
	b.input("{}\n")
	b.lines(0, 0, ok("a"))
	m := b.publish(t)
	want := folder(t, b.out())
	for _, name := range []string{"part-00000-of-00001.bbbbbbbb.jsonl", "mine.txt"} {
		must(save(filepath.Join(b.out(), name), "x"))
	}
	want["mine.txt"] = "x"
	must(save(filepath.Join(b.dir, "outside"), "x"))
	must(save(filepath.Join(b.out(), ".tmp-left"), "x"))
	names := []string{"../outside", "..", ".", "", "/etc/x", `a\b`, "part-00000-of-00001.bbbbbbbb.jsonl", "absent", record.ManifestName, m.Shards[0].Part.Name}
	given := slices.Clone(names)
	for range 2 {
		if err := collect.Clean(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, names, m); err != nil {
			t.Fatal(err)
		}
		if got := folder(t, b.out()); !reflect.DeepEqual(got, want) {
			t.Errorf("left: %v", got)
		}
		must(save(filepath.Join(b.out(), ".tmp-left"), "x"))
	}
	if !slices.Equal(names, given) {
		t.Error("the names were changed")
	}
	if _, err := os.Stat(filepath.Join(b.dir, "outside")); err != nil {
		t.Error(err)
	}
	if err := collect.Clean(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, nil, m); err != nil {
		t.Fatal(err)
	}
	if got := folder(t, b.out()); !reflect.DeepEqual(got, want) {
		t.Errorf("without names, left: %v", got)
	}
	absent := filepath.Join(dir, "absent")
	if err := collect.Clean(t.Context(), storage.OpenLocal, absent+"/", []string{"part-0"}, nil); err != nil || folder(t, absent) != nil {
		t.Errorf("a destination that is not there: %v", err)
	}
}

func TestWithdraw(t *testing.T) {
	b := newBench(t.TempDir())
	dest := b.src.Job.Output.Destination
	withdraw := func(run string) {
		t.Helper()
		if err := collect.Withdraw(t.Context(), storage.OpenLocal, dest, run); err != nil {
			t.Fatal(err)
		}
	}
	withdraw(runA)
	for _, name := range []string{
		"part-00000-of-00001.aaaaaaaa.jsonl", "failed-00000-of-00001.aaaaaaaa.jsonl", "part-00001-of-00001.aaaaaaaa.csv", ".tmp-left",
		"part-00000-of-00001.bbbbbbbb.jsonl", "notes.aaaaaaaa.txt", "sub/part-00000-of-00001.aaaaaaaa.jsonl",
	} {
		must(save(filepath.Join(b.out(), filepath.FromSlash(name)), "x"))
	}
	withdraw(runA)
	must(os.Remove(filepath.Join(b.out(), "sub", "part-00000-of-00001.aaaaaaaa.jsonl")))
	must(os.Remove(filepath.Join(b.out(), "sub")))
	if got := folder(t, b.out()); len(got) != 2 || got["notes.aaaaaaaa.txt"] == "" || got["part-00000-of-00001.bbbbbbbb.jsonl"] == "" {
		t.Errorf("left: %v", got)
	}
	must(os.Remove(filepath.Join(b.out(), "notes.aaaaaaaa.txt")))
	withdraw(runB)
	if folder(t, b.out()) != nil {
		t.Error("the empty folder is still there")
	}
	for _, run := range []string{"", "aaaa"} {
		if err := collect.Withdraw(t.Context(), storage.OpenLocal, dest, run); err == nil {
			t.Errorf("%q is no run", run)
		}
	}

	b.input("{}\n")
	b.lines(0, 0, ok("a"))
	b.publish(t)
	want := folder(t, b.out())
	must(save(filepath.Join(b.out(), "part-00007-of-00008.aaaaaaaa.jsonl"), "x"))
	withdraw(runA)
	if got := folder(t, b.out()); !reflect.DeepEqual(got, want) {
		t.Errorf("of a published run, left: %v", got)
	}
}

// A link to the folder of a result is not taken for an empty folder.
func TestWithdrawThroughLink(t *testing.T) {
	b := newBench(t.TempDir())
	real := filepath.Join(b.dir, "real")
	must(save(filepath.Join(real, "mine.txt"), "x"))
	if err := os.Symlink(real, b.out()); err != nil {
		t.Skip(err)
	}
	must(save(filepath.Join(real, "part-00000-of-00001.aaaaaaaa.jsonl"), "x"))
	if err := collect.Withdraw(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, runA); err != nil {
		t.Fatal(err)
	}
	if got := folder(t, b.out()); !reflect.DeepEqual(got, map[string]string{"mine.txt": "x"}) {
		t.Errorf("left: %v", got)
	}
}

func TestCommitNothing(t *testing.T) {
	b := newBench(t.TempDir())
	if err := collect.Commit(t.Context(), storage.OpenLocal, nil, b.src.Job.Output.Destination); err == nil || folder(t, b.out()) != nil {
		t.Error(err)
	}
}
