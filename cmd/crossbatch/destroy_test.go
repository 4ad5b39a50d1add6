//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// inside is the program in the test's own process, which costs less than to start one.
func inside(t *testing.T, open storage.Opener, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out, now: time.Now, clock: clockwork.NewRealClock(), open: open}
	if got := a.execute(t.Context(), args); got != code {
		t.Fatalf("crossbatch %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, &out)
	}
	return out.String()
}

// dies runs the program, killed at a step. It is false when it ended before.
func dies(t *testing.T, c *exec.Cmd) (point string, killed bool) {
	t.Helper()
	out, err := c.CombinedOutput()
	if err == nil {
		return "", false
	}
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(bytes.TrimSpace(out[bytes.LastIndex(out, []byte("killed")):])), true
}

// TestDestroyKilledAnywhere kills destroy at its steps, in turn, on services where the run
// it destroys is live: at each on SageMaker, which has owned objects, and at some on the
// others. Destroyed again, nothing is left of the run, and what another run uses is still
// there.
func TestDestroyKilledAnywhere(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	for kind, c := range services() {
		t.Run(kind, func(t *testing.T) {
			s, _ := c.newPlane(t, kind)
			t.Setenv(onnx.CacheVariable, filepath.Join(s.dir, "cache"))
			jobs := filepath.Join(s.dir, "two.crossbatch.hcl")
			inside(t, s.open, 0, "submit", jobs, "--job", "job.pieces")
			destroy := []string{"destroy", jobs, "--job", "job.table", "--results", "--auto-approve"}
			stride := 7
			if kind == "sagemaker" {
				stride = 1
			}
			for kill := 1; ; kill += stride {
				inside(t, s.open, 0, "submit", jobs, "--job", "job.table")
				cmd := exec.Command("crossbatch-killed", destroy...)
				cmd.Env = append(os.Environ(), "GORACE="+quickRace, killVariable+"="+strconv.Itoa(kill))
				point, killed := dies(t, cmd)
				if !killed {
					if kill < 20 {
						t.Fatalf("fewer than %d steps", kill)
					}
					break
				}
				inside(t, s.open, 0, destroy...)
				s.left(point, "job.table", false)
				s.left(point, "job.pieces", true)
			}
			if said := inside(t, s.open, 0, destroy...); !strings.Contains(said, "Nothing to destroy") {
				t.Errorf("destroyed again: %s", said)
			}
			inside(t, s.open, 0, "destroy", jobs, "--auto-approve")
			s.left("the other job's", "job.pieces", false)
			for _, verb := range []string{"watch", "fsck"} { // watch completes the ledger
				inside(t, s.open, 0, verb, "--ledger", filepath.Join(s.dir, home))
			}
		})
	}
}

// left checks that all is there that was made for the latest run of an address, or
// nothing.
func (s *stores) left(point, address string, want bool) {
	s.t.Helper()
	ctx := s.t.Context()
	a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, now: time.Now, clock: clockwork.NewRealClock(), open: s.open}
	session, err := a.openSession(ctx, filepath.Join(s.dir, home), filepath.Join(s.dir, home), false)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	entries, err := session.ledger.Runs(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	of := "runs/" + provider.Slug(address)
	for _, e := range slices.Backward(entries) {
		if strings.HasPrefix(string(e.Key), of) {
			events, err := session.ledger.History(ctx, e.Key)
			if err != nil {
				s.t.Fatal(err)
			}
			s.leftOf(ctx, point, a, events, want)
			return
		}
	}
	s.t.Errorf("there is no run of %s", address)
}

func (s *stores) leftOf(ctx context.Context, point string, a *app, events []ledger.Event, want bool) {
	s.t.Helper()
	in := events[0].Intent
	be, err := a.backend(ctx, in.Provider)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = be.Close() }()
	last := events[len(events)-1]
	if (last.Kind == ledger.Destroyed) == want {
		s.t.Errorf("%s: the last event of run %s is %s", point, last.Run, last.Kind)
	}
	for _, e := range events {
		if e.Native == nil {
			continue
		}
		o, err := be.Describe(ctx, *e.Native)
		there := err == nil && (e.Kind == ledger.Bound || !o.State.Terminal() || !be.Capabilities().KeepsJobs)
		if err != nil && be.Code(err) != provider.NotFound {
			s.t.Fatal(err)
		}
		if e.Kind == ledger.Bound && !want {
			continue // job.pieces uses it; once that is destroyed nothing does
		}
		if there != want {
			s.t.Errorf("%s: %s is %s, %v", point, e.Native.Name, o.State, err)
		}
	}
	b, prefix, err := s.open(ctx, in.Staging)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for o, err := range b.Objects(ctx, prefix) {
		if err != nil {
			s.t.Fatal(err)
		}
		if !want {
			s.t.Errorf("%s: %s is left", point, o.Key)
		}
	}
}

// TestDestroyResultsKilledAnywhere kills destroy --results at each step on a published
// run of this machine. A reader finds the whole result or none at any moment.
func TestDestroyResultsKilledAnywhere(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	c := newCrash(t)
	c.write("out/mine.jsonl", "{}\n")
	c.copy(c.dir, c.saved)
	destroy := []string{"destroy", filepath.Join(c.dir, "sum.crossbatch.hcl"), "--results", "--auto-approve"}
	for kill := 1; ; kill++ {
		c.copy(c.saved, c.dir)
		point, killed := dies(t, c.command("crossbatch-killed", kill, destroy...))
		if !killed {
			if kill < 10 {
				t.Fatalf("only %d steps", kill-1)
			}
			t.Logf("%d steps", kill-1)
			return
		}
		if _, err := os.Stat(filepath.Join(c.dir, "out", "_manifest.json")); err == nil {
			c.published()
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		inside(t, storage.OpenLocal, 0, destroy...)
		found, err := filepath.Glob(filepath.Join(c.dir, "out", "*"))
		if err != nil || len(found) != 1 || filepath.Base(found[0]) != "mine.jsonl" {
			t.Errorf("%s: the destination holds %q, %v", point, found, err)
		}
		if n := c.natives(); n != 0 {
			t.Errorf("%s: %d run folders are left", point, n)
		}
		for _, verb := range []string{"watch", "fsck"} {
			inside(t, storage.OpenLocal, 0, verb, "--ledger", filepath.Join(c.dir, home))
		}
	}
}

// gc removes an owned object once no live run uses it, and the next run of the same
// content makes it again.
func TestGarbageOfOwnedObjects(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	s, h := services()["sagemaker"].newPlane(t, "sagemaker")
	t.Setenv(onnx.CacheVariable, filepath.Join(s.dir, "cache"))
	jobs, at := filepath.Join(s.dir, "two.crossbatch.hcl"), filepath.Join(s.dir, home)
	models := func() (n int) {
		for _, made := range h.all() {
			if made.Op == "CreateModel" {
				n++
			}
		}
		return n
	}
	says := func(said string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%q is not in\n%s", w, said)
			}
		}
	}
	inside(t, s.open, 0, "submit", jobs, "--job", "job.table")
	says(inside(t, s.open, 0, "gc", "--older-than", "0s", "--ledger", at), "stays: 3 groups", ", 1 owned object\n", "  1 owned object: run ", " is not over\n")
	inside(t, s.open, 0, "cancel", "job.table", "--ledger", at)
	inside(t, s.open, exitCancelled, "wait", "job.table", "--ledger", at)
	says(inside(t, s.open, 0, "gc", "--ledger", at), "  1 owned object: used within 7d\n")
	says(inside(t, s.open, 0, "gc", "--older-than", "0s", "--dry-run", "--json", "--ledger", at),
		`"objects": [`, `"provider": "sagemaker.emulated"`, `"kind": "model"`, `"name": "cb-`, `"goes": true`, `"reason": "no live run uses it"`)
	says(inside(t, s.open, 0, "gc", "--older-than", "0s", "--ledger", at), "model cb-", " ago", "sagemaker.emulated", ", 1 owned object; stays: ", ", 0 owned objects\n")
	if said := inside(t, s.open, 0, "gc", "--older-than", "0s", "--ledger", at); strings.Contains(said, "owned") {
		t.Errorf("what is gone is found again: %s", said)
	}
	if n := models(); n != 1 {
		t.Fatalf("%d models were made", n)
	}
	inside(t, s.open, 0, "submit", jobs, "--job", "job.table")
	if n := models(); n != 2 {
		t.Errorf("%d models were made, want the second after gc", n)
	}
	said := inside(t, s.open, 0, "destroy", jobs, "--auto-approve")
	says(said, "object   model cb-", "Destroy: 2 runs (1 live, cancelled first), 1 owned object.", "Destroy complete: 2 runs destroyed.")
	says(inside(t, s.open, 0, "gc", "--older-than", "0s", "--json", "--ledger", at), `"objects": []`)

	// Destroyed, a run leaves no object either that it had no time to write of.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out, now: time.Now, clock: clockwork.NewRealClock(), open: s.open, step: func(point string) {
		if point == "after send model" {
			stop()
		}
	}}
	if a.execute(ctx, []string{"submit", jobs, "--job", "job.table"}); models() != 3 {
		t.Fatalf("%d models were made\n%s", models(), &out)
	}
	inside(t, s.open, 0, "destroy", jobs, "--auto-approve")
	inside(t, s.open, 0, "submit", jobs, "--job", "job.table")
	if n := models(); n != 4 {
		t.Errorf("%d models were made: destroy left the third", n)
	}
}
