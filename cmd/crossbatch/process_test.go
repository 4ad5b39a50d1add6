//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/verify"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// slowRun is a folder with a model and an input that take a second or more.
type slowRun struct {
	t               *testing.T
	dir, input, lib string
	stdout, stderr  bytes.Buffer
}

func newSlowRun(t *testing.T) *slowRun {
	t.Parallel()
	r := &slowRun{t: t, dir: t.TempDir(), lib: library(t)}
	models["slow"]().Save(t, r.dir, "slow.onnx")
	// Long records, so that the reader cannot have the end of the file in its
	// buffers while the first records are scored.
	line := []byte(`{"x":1,"pad":"` + strings.Repeat("-", 2000) + "\"}\n")
	r.input = filepath.Join(r.dir, "in.jsonl")
	if err := os.WriteFile(r.input, bytes.Repeat(line, 8000), 0o644); err != nil {
		t.Fatal(err)
	}
	return r
}

// start runs score into a folder.
func (r *slowRun) start(output string) *exec.Cmd {
	r.t.Helper()
	c := exec.Command("crossbatch", "score", "--model", "slow.onnx", "--input", "in.jsonl", "--output", output)
	c.Dir = r.dir
	c.Env = append(os.Environ(), onnx.PathVariable+"="+r.lib, "GORACE="+quickRace)
	r.stdout.Reset()
	r.stderr.Reset()
	c.Stdout, c.Stderr = &r.stdout, &r.stderr
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

// scoring waits until a run has begun to write.
func (r *slowRun) scoring(output string) {
	r.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if found, _ := filepath.Glob(filepath.Join(r.dir, output, ".crossbatch", "*", "part-*")); len(found) > 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("no part was begun\n%s%s", &r.stdout, &r.stderr)
		}
	}
}

// pause stops a process where it is, however busy the machine is with others, until the
// function that it returns is called.
func (r *slowRun) pause(c *exec.Cmd) (resume func()) {
	r.t.Helper()
	signal := func(s syscall.Signal) {
		if err := c.Process.Signal(s); err != nil {
			r.t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// ends waits for a process and compares its exit code.
func (r *slowRun) ends(c *exec.Cmd, want int) {
	r.t.Helper()
	err := c.Wait()
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		r.t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != want {
		r.t.Fatalf("exit code %d, want %d\n%s%s", got, want, &r.stdout, &r.stderr)
	}
}

// published is the one part of a result, which must be complete and alone.
func (r *slowRun) published(output string) []byte {
	r.t.Helper()
	dir := filepath.Join(r.dir, output)
	m, findings, err := verify.Result(r.t.Context(), os.DirFS(dir))
	if err != nil || len(findings) > 0 {
		r.t.Fatalf("the result is not whole: %v %v", err, findings)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		r.t.Fatalf("the destination holds %v (%v), want one part and the manifest", entries, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, m.Shards[0].Part.Name))
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *slowRun) absent(path string) {
	r.t.Helper()
	if _, err := os.Lstat(filepath.Join(r.dir, path)); !errors.Is(err, os.ErrNotExist) {
		r.t.Errorf("%s is there: %v", path, err)
	}
}

func TestInterruptedRunIsGoneOnWith(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			r := newSlowRun(t)
			c := r.start("out")
			r.scoring("out")
			if err := c.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			r.ends(c, exitCancelled)
			if !strings.Contains(r.stdout.String(), "cancelled") {
				t.Errorf("stdout does not say that the run was cancelled:\n%s", &r.stdout)
			}
			r.absent("out/_manifest.json")
			r.ends(r.start("out"), exitOK)
			if !strings.Contains(r.stdout.String(), "of an earlier run are kept") {
				t.Errorf("stdout does not say that the run was gone on with:\n%s", &r.stdout)
			}
			r.ends(r.start("undisturbed"), exitOK)
			if !bytes.Equal(r.published("out"), r.published("undisturbed")) {
				t.Error("the result after a stop differs from an undisturbed one")
			}
		})
	}
}

func TestKilledRunPublishesNothingAndTheNextCleansUp(t *testing.T) {
	r := newSlowRun(t)
	c := r.start("out")
	r.scoring("out")
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.ends(c, -1)
	r.absent("out/_manifest.json")

	r.ends(r.start("out"), exitOK)
	r.ends(r.start("undisturbed"), exitOK)
	if !bytes.Equal(r.published("out"), r.published("undisturbed")) {
		t.Error("the result after a kill differs from an undisturbed one")
	}
}

func TestOfTwoRunsOnOneDestinationOneIsBlocked(t *testing.T) {
	r := newSlowRun(t)
	first := r.start("out")
	r.scoring("out")
	resume := r.pause(first)
	second := &slowRun{t: t, dir: r.dir, input: r.input, lib: r.lib}
	second.ends(second.start("out"), exitTransient)
	resume()
	if !strings.Contains(second.stderr.String(), "another run is writing there") {
		t.Errorf("stderr: %s", &second.stderr)
	}
	r.ends(first, exitOK)
	r.published("out")
}

func TestInputThatChangesDuringTheRunIsAnError(t *testing.T) {
	r := newSlowRun(t)
	c := r.start("out")
	r.scoring("out")
	resume := r.pause(c)
	f, err := os.OpenFile(r.input, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("{\"x\":2}\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	resume()
	r.ends(c, exitError)
	if want := "the input changed during the run: "; !strings.Contains(r.stderr.String(), want) {
		t.Errorf("stderr: %s, want %q", &r.stderr, want)
	}
	r.absent("out")
}
