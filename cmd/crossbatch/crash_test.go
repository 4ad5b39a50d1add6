//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/verify"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// killVariable is the number of the step at which crossbatch-killed dies.
const killVariable = "CROSSBATCH_TEST_KILL"

// killPointVariable is a pattern of the name of the step at which crossbatch-killed dies.
const killPointVariable = "CROSSBATCH_TEST_KILL_POINT"

// killed is crossbatch, killed at a step: before or after a write to the
// ledger, a native call or a write to the destination.
func killed() {
	at, err := strconv.Atoi(os.Getenv(killVariable))
	if err != nil {
		panic(err)
	}
	var named *regexp.Regexp
	if text := os.Getenv(killPointVariable); text != "" {
		named = regexp.MustCompile(text)
	}
	step := 0
	os.Exit(run(clockwork.NewRealClock(), func(point string) {
		if step++; step == at || named != nil && named.MatchString(point) {
			fmt.Fprintln(os.Stderr, "killed", point)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal is there
		}
	}))
}

// crashJob is a job of two shards, one bad record among them.
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
    destination = "out/"
  }
  limits {
    failed_records = 1
  }
}
`

// crash is a folder with a job, whose first result is published.
type crash struct {
	*testing.T
	dir, saved, lib string
}

func newCrash(t *testing.T) *crash {
	root := t.TempDir()
	c := &crash{T: t, dir: filepath.Join(root, "work"), saved: filepath.Join(root, "saved"), lib: library(t)}
	if err := os.MkdirAll(filepath.Join(c.dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	models["sum"]().Save(t, c.dir, "sum.onnx")
	c.write("sum.crossbatch.hcl", crashJob)
	c.write("in/a.jsonl", string(rows(10)))
	c.write("in/b.jsonl", string(rows(5)))
	c.run("submit", "sum.crossbatch.hcl", "--wait")
	// The run that is killed has other data, so it replaces the result.
	c.write("in/b.jsonl", string(rows(7))+"{\"id\":\"bad\",\"x\":[1]}\n")
	c.copy(c.dir, c.saved)
	return c
}

func (c *crash) write(name, text string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c *crash) copy(from, to string) {
	c.Helper()
	if err := os.RemoveAll(to); err != nil {
		c.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		c.Fatalf("%v: %s", err, out)
	}
}

func (c *crash) command(name string, kill int, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), onnx.PathVariable+"="+c.lib, "GORACE="+quickRace, killVariable+"="+strconv.Itoa(kill),
		onnx.CacheVariable+"="+filepath.Join(filepath.Dir(c.dir), "cache"))
	return cmd
}

func (c *crash) run(args ...string) string {
	c.Helper()
	out, err := c.command("crossbatch", 0, args...).CombinedOutput()
	if err != nil {
		c.Fatalf("crossbatch %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// published reads a result by its manifest, and the names of all files there.
func (c *crash) published() (parts map[string]string, m *record.Manifest) {
	c.Helper()
	dir := filepath.Join(c.dir, "out")
	m, findings, err := verify.Result(c.Context(), os.DirFS(dir))
	if err != nil || len(findings) > 0 {
		c.Fatalf("%v %v", err, findings)
	}
	parts = map[string]string{}
	for _, name := range m.Files() {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			c.Fatal(err)
		}
		parts[runMark.ReplaceAllString(name, "")] = string(b)
	}
	return parts, m
}

var runMark = regexp.MustCompile(`\.[0-9a-f]{8}`)

// natives counts the attempts of all runs whose worker began.
func (c *crash) natives() int {
	found, err := filepath.Glob(filepath.Join(c.dir, home, "local", "runs", "*", "a*", "worker.json"))
	if err != nil {
		c.Fatal(err)
	}
	return len(found)
}
