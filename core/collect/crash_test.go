package collect_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// These make the test binary a process that publishes and is killed on its way.
const (
	crashEnv      = "CROSSBATCH_TEST_CRASH"       // the folder of the bench
	crashOutEnv   = "CROSSBATCH_TEST_CRASH_OUT"   // the destination
	crashPointEnv = "CROSSBATCH_TEST_CRASH_POINT" // where it dies
)

// crashBench is one of two runs over the same three shards. ready: its files
// are there already.
func crashBench(dir, out, run string, ready bool) *bench {
	b := newBench(dir)
	b.ready = ready
	b.src.Run = run
	b.src.Job.Output.Destination = storage.FileURI(out) + "/"
	for range 3 {
		b.input("{}\n{}\n")
	}
	b.part(0, run, ok("a of "+run), "{\"failed\":\""+run+"\"}\n")
	if run == runA {
		b.part(1, run, ok("b")+ok("c"), "")
		b.part(2, run, ok("d")+ok("e"), "")
		return b
	}
	b.lines(1, 0, failure("b")+ok("c"))
	b.lines(2, 0, ok("D")+ok("E"))
	return b
}

// publishUntil replaces the old result by the new one, up to the point where
// this process is killed; empty: to the end.
func publishUntil(ctx context.Context, dir, out, point string) error {
	reached := func(p string) {
		if p == point {
			if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
				select {}
			}
		}
	}
	b := crashBench(dir, out, runB, true)
	dest := b.src.Job.Output.Destination
	m, _, err := collect.Parts(ctx, storage.OpenLocal, b.src, collect.Options{Step: reached})
	if err != nil {
		return err
	}
	reached("parts")
	if err := collect.Commit(ctx, storage.OpenLocal, m, dest); err != nil {
		return err
	}
	reached("commit")
	if err := collect.Clean(ctx, storage.OpenLocal, dest, replaced(), m); err != nil {
		return err
	}
	reached("clean")
	return nil
}

// replaced are the objects of the old result, as whoever publishes remembers
// them.
func replaced() []string {
	names := []string{record.FailedName(0, 3, runA)}
	for i := range 3 {
		names = append(names, record.PartName(i, 3, runA, "jsonl", "none"))
	}
	return names
}

// TestKilled kills a publishing process at every step. Whoever follows the
// manifest sees the old or the new result whole, and doing it again ends as if
// nothing had happened.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	first := true
	// old publishes the old result somewhere.
	old := func(t *testing.T, out string) map[string]string {
		b := crashBench(dir, out, runA, !first)
		m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
		if err != nil {
			t.Fatal(err)
		}
		must(collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination))
		return folder(t, out)
	}
	undisturbed := filepath.Join(dir, "undisturbed")
	before := old(t, undisturbed)
	first = false
	if got := verified(t, undisturbed).Files(); len(got) != len(replaced()) {
		t.Fatalf("the old result: %v", got)
	}

	// The new run's lines have names of their own: they are staged once, here.
	points := []string{"parts", "commit", "clean"}
	b := crashBench(dir, undisturbed, runB, false)
	m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{Step: func(p string) { points = append(points, p) }})
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 3+2*5 {
		t.Fatalf("points: %v", points)
	}
	must(collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination))
	must(collect.Clean(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, replaced(), m))
	verified(t, undisturbed)
	after := folder(t, undisturbed)
	if len(after) != 3+2+1 {
		t.Fatalf("the new result: %v", after)
	}

	// Several at once, as when two shells watch a run.
	t.Run("together", func(t *testing.T) {
		t.Parallel()
		out := filepath.Join(dir, "together")
		old(t, out)
		var g errgroup.Group
		for range 4 {
			g.Go(func() error { return publishUntil(t.Context(), dir, out, "") })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := folder(t, out); !reflect.DeepEqual(got, after) {
			t.Errorf("together: %v", got)
		}
	})
	for i, point := range points {
		t.Run(strings.ReplaceAll(point, " ", "-"), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(dir, fmt.Sprintf("out-%02d", i))
			if got := old(t, out); !reflect.DeepEqual(got, before) {
				t.Fatalf("the old result: %v", got)
			}
			kill(t, dir, out, point)

			state := verified(t, out)
			want := before
			if slices.Contains([]string{"commit", "clean"}, point) {
				want = after
			}
			got := folder(t, out)
			for _, name := range append(state.Files(), record.ManifestName) {
				if got[name] != want[name] {
					t.Errorf("after the kill, %s is of neither result", name)
				}
			}

			// A kill within a step leaves a temporary file.
			must(save(filepath.Join(out, ".tmp-0123456789abcdef"), "{"))
			if state.Run == runA && i%2 == 0 { // given up, then begun again
				must(collect.Withdraw(t.Context(), storage.OpenLocal, out+"/", runB))
				if got := folder(t, out); !reflect.DeepEqual(got, before) {
					t.Errorf("withdrawn: %v", got)
				}
			}
			for range 2 {
				if err := publishUntil(t.Context(), dir, out, ""); err != nil {
					t.Fatal(err)
				}
				verified(t, out)
				if got := folder(t, out); !reflect.DeepEqual(got, after) {
					t.Errorf("done again: %v", got)
				}
			}
		})
	}
}

// kill runs a process that dies at a point.
func kill(t *testing.T, dir, out, point string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir() // what it spills dies with the test
	c := exec.CommandContext(t.Context(), self, "-test.run=^$")
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", crashEnv+"="+dir, crashOutEnv+"="+out, crashPointEnv+"="+point, "TMPDIR="+temp, "TMP="+temp)
	said, err := c.CombinedOutput()
	if err == nil || len(said) > 0 {
		t.Fatalf("it was not killed: %v, %s", err, said)
	}
}
