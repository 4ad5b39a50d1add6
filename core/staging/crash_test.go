package staging_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// These make the test binary a process that stages and is killed on its way.
const (
	crashEnv      = "CROSSBATCH_TEST_CRASH"       // the folder of the input
	crashOutEnv   = "CROSSBATCH_TEST_CRASH_OUT"   // the staging place
	crashPointEnv = "CROSSBATCH_TEST_CRASH_POINT" // where it dies
)

// crashPlan is three shards in six pieces, and one without a record.
func crashPlan(dir string) (staging.Plan, error) {
	var shards job.Shards
	for _, name := range []string{"0.jsonl", "1.jsonl", "2.jsonl", "3.jsonl"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return staging.Plan{}, err
		}
		shards = append(shards, job.Shard{URI: storage.FileURI(path), Size: info.Size()})
	}
	return staging.NewPlan(staging.Recipe{Format: job.JSONL, Write: job.JSONL, Identity: true, PieceBytes: 60}, shards)
}

func stageUntil(ctx context.Context, dir, out, point string) error {
	p, err := crashPlan(dir)
	if err != nil {
		return err
	}
	_, err = staging.Stage(ctx, storage.OpenLocal, storage.FileURI(out)+"/", p, staging.Options{Parallel: 1, Step: func(at string) {
		if at == point {
			if self, err := os.FindProcess(os.Getpid()); err == nil && self.Kill() == nil {
				select {}
			}
		}
	}})
	return err
}

func crashInput(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	line := func(i int) string { return fmt.Sprintf("{\"id\":%d,\"x\":0.25}\n", i) }
	save(t, filepath.Join(dir, "0.jsonl"), []byte(line(0)+line(1)+line(2)+line(3)))
	save(t, filepath.Join(dir, "1.jsonl"), []byte("broken\n"+line(1)+line(2)))
	save(t, filepath.Join(dir, "2.jsonl"), nil)
	save(t, filepath.Join(dir, "3.jsonl"), []byte(line(9)))
	return dir
}

func TestKilledAtEveryStep(t *testing.T) {
	dir := crashInput(t)
	p, err := crashPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	undisturbed := t.TempDir()
	var points []string
	if _, err := staging.Stage(t.Context(), storage.OpenLocal, storage.FileURI(undisturbed)+"/", p, staging.Options{Step: func(at string) { points = append(points, at) }}); err != nil {
		t.Fatal(err)
	}
	want := store{}.objects(t, undisturbed)
	pieces := 0
	for key := range want {
		if strings.HasPrefix(key, p.Records()) {
			pieces++
		}
	}
	if pieces < 5 || len(points) != 2*(2*pieces+4+1) {
		t.Fatalf("%d pieces, %d steps: %v", pieces, len(points), points)
	}
	for i, point := range points {
		t.Run(strings.NewReplacer(" ", "-", "/", "-").Replace(point), func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(undisturbed+"-killed", fmt.Sprint(i))
			t.Cleanup(func() { _ = os.RemoveAll(out) })
			kill(t, dir, out, point)
			before := store{}.objects(t, out)
			_, committed := before[p.Prefix()+"_staged.json"]
			if committed != (point == "after _staged.json") {
				t.Errorf("committed after %s: %t", point, committed)
			}
			for key, body := range before {
				if want[key] != body {
					t.Errorf("after the kill %s is not what it should be", key)
				}
			}
			var again []string
			if _, err := staging.Stage(t.Context(), storage.OpenLocal, storage.FileURI(out)+"/", p, staging.Options{Step: func(at string) { again = append(again, at) }}); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, store{}.objects(t, out)); d != "" {
				t.Error(d)
			}
			for key := range before { // what is there and told of is not written again
				name := strings.TrimPrefix(key, p.Prefix()+"pieces/")
				piece := "before records/" + strings.TrimSuffix(name, ".json") + ".jsonl"
				if name != key && slices.Contains(again, piece) {
					t.Errorf("%s is written again", piece)
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
	c := exec.CommandContext(t.Context(), self, "-test.run=^$")
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", crashEnv+"="+dir, crashOutEnv+"="+out, crashPointEnv+"="+point)
	said, err := c.CombinedOutput()
	if err == nil || len(said) > 0 {
		t.Fatalf("it was not killed: %v, %s", err, said)
	}
}

// Several that stage one input at once all end well, with the same bytes.
func TestTogether(t *testing.T) {
	dir := crashInput(t)
	p, err := crashPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	alone, out := t.TempDir(), t.TempDir()
	if _, err := staging.Stage(t.Context(), storage.OpenLocal, alone, p, staging.Options{}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			s, err := staging.Stage(t.Context(), storage.OpenLocal, out, p, staging.Options{})
			if err == nil && s.Records() != 8 {
				err = fmt.Errorf("%d records", s.Records())
			}
			return err
		})
		g.Go(func() error {
			c := exec.CommandContext(t.Context(), self, "-test.run=^$")
			c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", crashEnv+"="+dir, crashOutEnv+"="+out, crashPointEnv+"=none")
			if said, err := c.CombinedOutput(); err != nil {
				return fmt.Errorf("%w: %s", err, said)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(store{}.objects(t, alone), store{}.objects(t, out)); d != "" {
		t.Error(d)
	}
	s, err := staging.Open(t.Context(), storage.OpenLocal, out, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Entries(nil) { // what a provider is told leads to the pieces
		path, ok := storage.LocalPath(e.URI)
		body, err := os.ReadFile(path)
		if !ok || err != nil || int64(strings.Count(string(body), "\n")) != e.Records {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(out, p.Records(), ".tmp-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Staged again, nothing is read, and nothing is written but the commit. What went
// missing is brought back.
func TestStagedAgain(t *testing.T) {
	dir := crashInput(t)
	p, err := crashPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	mem := newStore(t)
	var mu sync.Mutex
	stage := func() (points []string) {
		t.Helper()
		done, all := int64(0), int64(0)
		_, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{
			Step:     func(at string) { mu.Lock(); defer mu.Unlock(); points = append(points, at) },
			Progress: func(d, a int64) { done, all = d, a },
		})
		if err != nil {
			t.Fatal(err)
		}
		if done != all || all != p.Bytes() {
			t.Errorf("%d of %d bytes, the plan says %d", done, all, p.Bytes())
		}
		return points
	}
	stage()
	want := mem.objects(t, memPlace)
	for name := range want {
		if err := os.RemoveAll(dir); err != nil { // the source may be gone
			t.Fatal(err)
		}
		if got := stage(); !slices.Equal(got, []string{"before _staged.json", "after _staged.json"}) {
			t.Fatalf("%s: %v", name, got)
		}
	}
	dir2 := crashInput(t)
	if err := os.Rename(dir2, dir); err != nil {
		t.Fatal(err)
	}
	for key := range want {
		if err := os.Remove(filepath.Join(mem.dir, key)); err != nil {
			t.Fatal(err)
		}
		stage()
		if d := cmp.Diff(want, mem.objects(t, memPlace)); d != "" && !strings.HasPrefix(key, p.Prefix()+"pieces/") {
			t.Errorf("without %s: %s", key, d)
		}
		for k, body := range want {
			save(t, filepath.Join(mem.dir, k), []byte(body))
		}
	}
}

func TestSourceThatChanged(t *testing.T) {
	dir := t.TempDir()
	body := []byte("{\"id\":1}\n{\"id\":2}\n")
	path := filepath.Join(dir, "a.jsonl")
	was := shard(t, path, body)
	for name, change := range map[string]struct {
		shard  job.Shard
		before func()
		during func()
	}{
		"size":   {shard: was, before: func() { save(t, path, append(body, body...)) }},
		"digest": {shard: was, before: func() { save(t, path, []byte("{\"id\":1}\n{\"id\":3}\n")) }},
		"while it is read": {shard: job.Shard{URI: was.URI, Size: was.Size}, during: func() {
			save(t, path, []byte("{\"id\":1}\n{\"id\":4}\n{\"id\":5}\n"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			save(t, path, body)
			if change.before != nil {
				change.before()
			}
			mem := newStore(t)
			p := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 9}, job.Shards{change.shard})
			step := func(string) {}
			if change.during != nil {
				step = func(at string) {
					if at == "after records/000000-000000.jsonl" {
						change.during()
					}
				}
			}
			_, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{Step: step})
			if !errors.Is(err, storage.ErrChanged) || !strings.Contains(err.Error(), "a.jsonl") {
				t.Errorf("%v", err)
			}
			if _, err := staging.Open(t.Context(), mem.open, memPlace, p); !errors.Is(err, staging.ErrNotStaged) {
				t.Errorf("a commit was written: %v", err)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		mem := newStore(t)
		for _, uri := range []string{storage.FileURI(filepath.Join(dir, "none.jsonl")), memPlace + "none.jsonl"} {
			p := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL}, job.Shards{{URI: uri, Size: 1}})
			if _, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{}); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%v", err)
			}
		}
	})
	t.Run("after a part was staged", func(t *testing.T) {
		mem := newStore(t)
		save(t, path, body)
		unknown := job.Shards{{URI: was.URI, Size: was.Size}}
		p := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL, PieceBytes: 9}, unknown)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := staging.Stage(ctx, mem.open, memPlace, p, staging.Options{Step: func(at string) {
			if at == "after pieces/000000-000000.json" {
				cancel()
			}
		}})
		if err == nil {
			t.Fatal("it did not end")
		}
		save(t, path, []byte("{\"id\":9}\n{\"id\":2}\n"))
		if _, err := staging.Stage(t.Context(), mem.open, memPlace, p, staging.Options{}); !errors.Is(err, storage.ErrChanged) {
			t.Errorf("%v", err)
		}
	})
}

// A stream that fails leaves no object, on drivers whose writers know no such
// failure either.
func TestFailedStreamLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	good := strings.Repeat("{\"id\":1}\n", 200_000)
	sh := shard(t, filepath.Join(dir, "a.jsonl.gz"), []byte(good))
	path := filepath.Join(dir, "a.jsonl.gz")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = b[:len(b)-9] // the stream is cut short
	save(t, path, b)
	sh.Size, sh.Digest = int64(len(b)), ""
	for _, place := range []string{memPlace, storage.FileURI(filepath.Join(dir, "out")) + "/"} {
		mem := newStore(t)
		p := plan(t, staging.Recipe{Format: job.JSONL, Write: job.JSONL}, job.Shards{sh})
		if _, err := staging.Stage(t.Context(), mem.open, place, p, staging.Options{}); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
		if got := mem.objects(t, place); len(got) > 0 {
			t.Errorf("%s: %d objects are left", place, len(got))
		}
	}
}
