//go:build unix

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// crashJob is a job of three shards. Its destination is %q.
const crashJob = `
model "sum" {
  artifact = "sum.onnx"
}

job "sum" {
  model = model.sum
  input {
    source = ["in/*.jsonl"]
    key    = "id"
  }
  output {
    destination = %q
  }
  limits {
    failed_records = 1
  }
}
`

const crashFile = "sum.crossbatch.hcl"

// scene is where a job runs, and where its result goes. The zero value is this
// machine, and a folder beside the job file.
type scene struct {
	blocks  string // of the job file, before the job
	place   string // KIND.ALIAS
	out     string // URI of the destination
	open    storage.Opener
	natives func() []native // all jobs that the service has made
	haste   int             // of killed and walked
}

// crash is a folder with a job.
type crash struct {
	*testing.T
	scene
	dir, lib string
}

// newCrash is a folder with a job, whose first result is published. Its data have
// changed since.
func newCrash(t *testing.T) *crash {
	c := newScene(t, scene{})
	c.late(0)
	c.run("submit", crashFile, "--wait")
	c.late(1)
	return c
}

func newScene(t *testing.T, s scene) *crash {
	c := &crash{T: t, scene: s, dir: filepath.Join(t.TempDir(), "work"), lib: library(t)}
	if err := os.MkdirAll(filepath.Join(c.dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if c.out == "" {
		c.out, c.open = storage.FileURI(filepath.Join(c.dir, "out"))+"/", storage.OpenLocal
	}
	if c.natives == nil {
		c.natives = c.workers
	}
	models["sum"]().Save(t, c.dir, "sum.onnx")
	job := fmt.Sprintf(crashJob, cmp.Or(s.out, "out/"))
	if s.place != "" {
		job = strings.Replace(job, "  input {\n", "  placement {\n    providers = [provider."+s.place+"]\n  }\n  input {\n", 1)
	}
	c.write(crashFile, s.blocks+job)
	c.write("in/a.jsonl", string(rows(10)))
	return c
}

// job is the job file.
func (c *crash) job() string {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, crashFile))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// late writes the data that come late: two of three shards, of version 0 or 1. One
// record of version 1 is bad.
func (c *crash) late(version int) {
	c.Helper()
	c.write("in/b.jsonl", [...]string{string(rows(5)), string(rows(7)) + "{\"id\":\"bad\",\"x\":[1]}\n"}[version])
	c.write("in/c.jsonl", [...]string{string(rows(4)), string(rows(2))}[version])
}

func (c *crash) write(name, text string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

// command is a program in the folder. steps is for those that are killed.
func (c *crash) command(name string, s steps, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), onnx.PathVariable+"="+c.lib, "GORACE="+quickRace, stepsVariable+"="+s.path, hasteVariable+"="+strconv.Itoa(c.haste),
		onnx.CacheVariable+"="+filepath.Join(filepath.Dir(c.dir), "cache"))
	return cmd
}

func (c *crash) run(args ...string) string {
	c.Helper()
	out, err := c.command("crossbatch", steps{}, args...).CombinedOutput()
	if err != nil {
		c.Fatalf("crossbatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// workers are the attempts of all local runs whose worker began.
func (c *crash) workers() (out []native) {
	found, err := filepath.Glob(filepath.Join(c.dir, home, "local", "runs", "*", "a*", "worker.json"))
	if err != nil {
		c.Fatal(err)
	}
	for _, path := range found {
		attempt := filepath.Dir(path)
		out = append(out, native{name: "cb-sum-" + filepath.Base(filepath.Dir(attempt)) + "-" + filepath.Base(attempt), state: "succeeded"})
	}
	return out
}

// once says that of each of so many runs there is one native job, and no other was
// made.
func (c *crash) once(runs int) {
	c.Helper()
	of := map[string][]native{}
	for _, n := range c.natives() {
		run := nativeRun.FindStringSubmatch(n.name)
		if run == nil {
			c.Fatalf("a native job is named %s", n.name)
		}
		of[run[1]] = append(of[run[1]], n)
	}
	if len(of) != runs {
		c.Errorf("the service made jobs for %d runs, want %d: %v", len(of), runs, of)
	}
	for _, jobs := range of {
		if len(jobs) != 1 || jobs[0].state != "succeeded" {
			c.Errorf("of one run there are the native jobs %v", jobs)
		}
	}
}

var nativeRun = regexp.MustCompile(`-([0-9a-f]{20})-a\d+`)

// steps are those of a file.
type steps struct{ path string }

// newSteps makes a file that has some steps.
func (c *crash) newSteps(known ...string) steps {
	c.Helper()
	s := steps{filepath.Join(c.TempDir(), "steps")}
	if err := os.WriteFile(s.path, []byte(strings.Join(append(known, ""), "\n")), 0o644); err != nil {
		c.Fatal(err)
	}
	return s
}

func (s steps) all(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

var (
	applied = []string{"apply", crashFile, "--auto-approve"}
	watched = []string{"watch"}
)

// dies runs a process that is killed at its next step; false when it came to its end.
func (c *crash) dies(s steps, args ...string) (point string, died bool) {
	c.Helper()
	cmd := c.command("crossbatch-killed", s, args...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "", false
	}
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	at := bytes.LastIndex(out, []byte("killed "))
	if !ok || status.Signal() != syscall.SIGKILL || at < 0 {
		c.Fatalf("crossbatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(bytes.TrimSpace(out[at+len("killed "):])), true
}

// walk runs a process that writes down its steps.
func (c *crash) walk(s steps, args ...string) {
	c.Helper()
	if out, err := c.command("crossbatch-walked", s, args...).CombinedOutput(); err != nil {
		c.Fatalf("crossbatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// killedUntil applies, and is killed at every step that is not known yet. Of those that
// come next every other one watches instead, once there is something to watch: the
// first, or with even the second. Whatever was done, a reader sees the old result or
// the new one, whole. Whoever is not killed any more has finished the run.
func (c *crash) killedUntil(known steps, even bool, r *reader, was, want result) (killed int) {
	c.Helper()
	const enough = 500
	for n := range enough {
		args := applied
		if n > 0 && n%2 == 0 == even && slices.ContainsFunc(known.all(c.T), func(point string) bool { return strings.HasSuffix(point, ".intent") }) {
			args = watched
		}
		point, died := c.dies(known, args...)
		switch {
		case died:
			killed++
			if now := c.sees(r); !now.is(was) && !now.equal(want) {
				c.Fatalf("%s: a reader sees %+v, which is neither %+v nor %+v", point, now, was, want)
			}
		case args[0] == applied[0]:
			if now := c.verified(r); !now.equal(want) {
				c.Fatalf("in the end there is %+v, want %+v", now, want)
			}
			return killed
		}
	}
	c.Fatalf("after %d processes the run is not over", enough)
	return 0
}

// TestKilledAnywhere kills apply and watch before and after each write to the ledger
// and to the staging place, each native call and each write to the destination.
// Whatever was done, a reader sees one whole result, and whoever comes next goes on:
// one native job for each run, the same bytes, nothing stale.
//
// The steps are those that undisturbed processes took. The killed processes follow each
// other on one run: each goes on from what the last one left, and is killed at the
// first step at which none was killed before. A process finds nothing but what lies in
// the ledger, the services and the stores. So each of them has to come at least to the
// next step from what somebody who was killed there leaves, and the last one to the
// end: n steps cost n processes, where one run for each step would cost three. Steps
// that such a chain does not come by, as the next process need not take them again, and
// those around native calls are died at in runs of their own, which the next process
// finishes.
//
// The data come late in all runs but the first: two of three shards change, and a
// result is replaced.
//
// On SageMaker, ledger and destination are in S3, else they are folders.
func TestKilledAnywhere(t *testing.T) {
	cloud := newCloud(t)
	t.Run("places", func(t *testing.T) {
		for name, place := range map[string]func(t *testing.T, name string) *crash{
			"local":     func(t *testing.T, _ string) *crash { return newScene(t, scene{haste: 20}) },
			"sagemaker": cloud.sagemaker,
			"vertex":    cloud.vertex,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := newMatrix(place(t, "walk"))
				k.crash, k.died = place(t, "killed"), map[string]bool{}
				k.reader, k.runs = k.crash.reader(), len(k.natives()) // a service has those of the walk, too
				k.fill()
			})
		}
	})
}

// matrix is the steps that have to be died at, and what came of it.
type matrix struct {
	*crash
	first, later []string  // steps that undisturbed processes take, on each version of the data
	want         [2]result // of each version

	reader *reader
	died   map[string]bool // at these steps
	was    result
	runs   int
}

// newMatrix walks undisturbed.
func newMatrix(c *crash) *matrix {
	c.Helper()
	k, r := &matrix{}, c.reader()
	for version, took := range []*[]string{&k.first, &k.later} {
		c.late(version)
		s := c.newSteps()
		c.walk(s, applied...)
		*took, k.want[version] = s.all(c.T), c.verified(r)
	}
	if k.want[0].equal(k.want[1]) || len(k.first) < 30 {
		c.Fatalf("results %v, steps %q", k.want, k.first)
	}
	return k
}

func (k *matrix) fill() {
	k.Helper()
	all := slices.Concat(k.first, k.later)
	k.dieAt(all)
	k.dieAt(k.later[slices.IndexFunc(k.later, func(point string) bool { return strings.Contains(point, "part-") }):])
	left := func() []string {
		return slices.DeleteFunc(slices.Clone(all), func(point string) bool { return k.died[point] })
	}
	for before := len(all); before > len(left()) && len(left()) > 0; {
		before = len(left())
		k.dieAt(left())
	}
	for _, point := range left() {
		k.Errorf("no process was killed %s", point)
	}
	for _, point := range k.first {
		if strings.Contains(point, " find ") || strings.Contains(point, " send ") {
			k.dieAt([]string{point})
		}
	}
	k.run("watch") // it writes the events of which there are the locks alone
	k.run("fsck")
	k.once(k.runs)
	k.Logf("died at %d steps, in %d runs", len(k.died), k.runs)
}

// dieAt begins a run on other data than the last time, and dies at some of its steps.
func (k *matrix) dieAt(points []string) {
	k.Helper()
	version := k.runs % 2
	k.late(version)
	known := slices.DeleteFunc(slices.Concat(k.first, k.later), func(point string) bool { return slices.Contains(points, point) })
	s := k.newSteps(known...)
	k.killedUntil(s, version == 1, k.reader, k.was, k.want[version])
	for _, point := range s.all(k.T)[len(known):] {
		k.died[point] = true
	}
	k.was = k.sees(k.reader)
	k.runs++
}
