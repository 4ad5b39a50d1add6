//go:build unix

package main

import (
	"bytes"
	"cmp"
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
)

// stage is where a job runs, and where its result goes. The zero value is this
// machine, and a folder beside the job file.
type stage struct {
	blocks string // of the job file, before the job
	place  string // KIND.ALIAS
	out    string // URI of the destination
	open   storage.Opener
	made   func() []native // all jobs that the service has made
	haste  int             // how many times faster the clock of programs goes
}

// scene is a folder with a job on a stage.
type scene struct {
	*crash
	stage
}

// sceneFile is the job file: crashJob, elsewhere.
const sceneFile = "sum.crossbatch.hcl"

// newScene is the scene before anything ran.
func newScene(t *testing.T, s stage) *scene {
	c := &scene{&crash{T: t, dir: filepath.Join(t.TempDir(), "work"), lib: library(t)}, s}
	if err := os.MkdirAll(filepath.Join(c.dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if c.out == "" {
		c.out, c.open = storage.FileURI(filepath.Join(c.dir, "out"))+"/", storage.OpenLocal
	}
	if c.made == nil {
		c.made = c.workers
	}
	models["sum"]().Save(t, c.dir, "sum.onnx")
	job := strings.Replace(crashJob, `"out/"`, strconv.Quote(cmp.Or(s.out, "out/")), 1)
	if s.place != "" {
		job = strings.Replace(job, "  input {\n", "  placement {\n    providers = [provider."+s.place+"]\n  }\n  input {\n", 1)
	}
	c.write(sceneFile, s.blocks+job)
	c.write("in/a.jsonl", string(rows(10)))
	c.late(0)
	return c
}

// job is the job file.
func (c *scene) job() string {
	c.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, sceneFile))
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// late writes the data that come late: two of three shards, of version 0 or 1. One
// record of version 1 is bad.
func (c *scene) late(version int) {
	c.Helper()
	c.write("in/b.jsonl", [...]string{string(rows(5)), string(rows(7)) + "{\"id\":\"bad\",\"x\":[1]}\n"}[version])
	c.write("in/c.jsonl", [...]string{string(rows(4)), string(rows(2))}[version])
}

// program is a program in the folder, with what those of killed_test.go are told.
func (c *scene) program(name string, s steps, args ...string) *exec.Cmd {
	cmd := c.command(name, 0, args...)
	cmd.Env = append(cmd.Env, stepsVariable+"="+s.path, hasteVariable+"="+strconv.Itoa(c.haste))
	return cmd
}

// workers are the attempts of all local runs whose worker began.
func (c *scene) workers() (out []native) {
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
func (c *scene) once(runs int) {
	c.Helper()
	of := map[string][]native{}
	for _, n := range c.made() {
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
func (c *scene) newSteps(known ...string) steps {
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
	applied = []string{"apply", sceneFile, "--auto-approve"}
	watched = []string{"watch"}
)

// dies runs a process that is killed at its next step; false when it came to its end.
func (c *scene) dies(s steps, args ...string) (point string, died bool) {
	c.Helper()
	cmd := c.program("crossbatch-dies", s, args...)
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

// walk runs a process that writes down its steps, and gives what it said.
func (c *scene) walk(s steps, args ...string) string {
	c.Helper()
	out, err := c.program("crossbatch-walked", s, args...).CombinedOutput()
	if err != nil {
		c.Fatalf("crossbatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// killedUntil applies, and is killed at every step that is not known yet. Of those that
// come next every other one watches instead, once there is something to watch: the
// first, or with even the second. Whatever was done, a reader sees the old result or
// the new one, whole. Whoever is not killed any more has finished the run.
func (c *scene) killedUntil(known steps, even bool, r *reader, was, want result) (killed int) {
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
