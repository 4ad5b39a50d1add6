//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/crossbatch/crossbatch/core/broker"
)

// answer is what one of several processes said.
type answer struct {
	code int
	runs []broker.Run
	text string
}

// atOnce runs commands as processes of their own, all at once.
func (c *crash) atOnce(commands ...*exec.Cmd) []answer {
	c.Helper()
	answers := make([]answer, len(commands))
	var wg sync.WaitGroup
	for i, cmd := range commands {
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			c.Fatal(err)
		}
		wg.Go(func() {
			_ = cmd.Wait()
			a := &answers[i]
			a.code, a.text = cmd.ProcessState.ExitCode(), out.String()+errs.String()
			var object struct{ Runs []broker.Run }
			if json.Unmarshal(out.Bytes(), &object) == nil {
				a.runs = object.Runs
			}
		})
	}
	wg.Wait()
	return answers
}

// TestSixteenProcesses submits and applies one job file from 16 processes, of which
// those that apply see the run through: one run, one worker.
func TestSixteenProcesses(t *testing.T) {
	c := newCrash(t)
	var commands []*exec.Cmd
	for range 8 {
		commands = append(commands, c.command("crossbatch", 0, "submit", "sum.crossbatch.hcl", "--json"))
		commands = append(commands, c.command("crossbatch", 0, "apply", "sum.crossbatch.hcl", "--auto-approve", "--json"))
	}
	runs := map[string]bool{}
	for i, a := range c.atOnce(commands...) {
		if a.code != 0 || len(a.runs) != 1 || i%2 == 1 && a.runs[0].State != broker.Succeeded {
			t.Errorf("exit %d: %s", a.code, a.text)
			continue
		}
		runs[a.runs[0].ID] = true
	}
	if len(runs) != 1 {
		t.Errorf("16 processes made the runs %v", runs)
	}
	if n := c.natives(); n != 2 { // with the first result's
		t.Errorf("%d workers ran, want one for each run", n)
	}
	c.published()
}

// TestSixteenAppliesInABucket applies three jobs from 16 processes whose ledger is in S3,
// on SageMaker: one run and one transform job for each of the three.
func TestSixteenAppliesInABucket(t *testing.T) {
	c := newCloud(t).sagemaker(t, "sixteen")
	c.haste = 10
	file := strings.Replace(c.job(), "  model = model.sum\n", "  for_each = toset([\"x\", \"y\", \"z\"])\n  model    = model.sum\n", 1)
	c.write(sceneFile, strings.Replace(file, "sixteen/out/", "sixteen/out/${each.key}/", 1))
	var commands []*exec.Cmd
	var walks []steps
	for range 16 {
		walks = append(walks, c.newSteps())
		commands = append(commands, c.program("crossbatch-walked", walks[len(walks)-1], "apply", sceneFile, "--auto-approve", "--json"))
	}
	runs := map[string]bool{}
	answers := c.atOnce(commands...)
	for _, a := range answers {
		if a.code != 0 || len(a.runs) != 3 {
			t.Errorf("exit %d: %s", a.code, a.text)
		}
		for _, r := range a.runs {
			if r.State != broker.Succeeded || r.Attempt != 1 {
				t.Errorf("%s is %s in attempt %d: %s", r.Address, r.State, r.Attempt, r.Reason)
			}
			runs[r.ID] = true
		}
	}
	if len(runs) != 3 {
		t.Errorf("16 applies made the runs %v", runs)
	}
	c.once(3)
	c.run("fsck")
	if t.Failed() {
		for i, a := range answers {
			t.Logf("apply %d: exit %d\nsteps: %q\n%s", i, a.code, walks[i].all(t), a.text)
		}
	}
}

// TestAppliesOnTwoServices applies one job from six processes, each second of which wants
// it on another service: it runs on one of them, and the others see that through.
func TestAppliesOnTwoServices(t *testing.T) {
	cloud := newCloud(t)
	c := newScene(t, stage{blocks: cloud.block("sagemaker", "two") + cloud.block("vertex", "two"), place: "sagemaker.emulated", haste: 10})
	c.made = func() []native {
		return append(transformJobs(t, cloud.endpoints["sagemaker"]), predictionJobs(t, cloud.endpoints["vertex"])...)
	}
	var commands []*exec.Cmd
	for i := range 6 {
		place := []string{"sagemaker.emulated", "vertex.emulated"}[i%2]
		commands = append(commands, c.program("crossbatch-walked", c.newSteps(), "apply", sceneFile, "--auto-approve", "--json", "--provider", place))
	}
	for i, a := range c.atOnce(commands...) {
		if a.code != exitOK || len(a.runs) != 1 || a.runs[0].State != broker.Succeeded {
			t.Errorf("apply %d: exit %d: %s", i, a.code, a.text)
		}
	}
	c.once(1)
}

// TestTwoRunsOfOneDestination submits one job with two inputs from 8 processes
// each: one input is scored, the other is blocked as long as that lives.
func TestTwoRunsOfOneDestination(t *testing.T) {
	c := newCrash(t)
	models["slow"]().Save(t, c.dir, "sum.onnx")
	c.write("sum.crossbatch.hcl", strings.Replace("variable \"data\" {}\n"+crashJob, `["in/*.jsonl"]`, "[var.data]", 1))
	c.write("in/a.jsonl", strings.Repeat("{\"id\":1,\"x\":1}\n", 300_000))
	c.write("in/b.jsonl", strings.Repeat("{\"id\":2,\"x\":1}\n", 300_000))
	var commands []*exec.Cmd
	for i := range 16 {
		commands = append(commands, c.command("crossbatch", 0, "submit", "sum.crossbatch.hcl", "--json", "--var", "data=in/"+[]string{"a", "b"}[i%2]+".jsonl"))
	}
	codes, runs := [2]map[int]int{{}, {}}, map[string]bool{}
	for i, a := range c.atOnce(commands...) {
		codes[i%2][a.code]++
		if a.code == exitOK && len(a.runs) == 1 {
			runs[a.runs[0].ID] = true
		} else if !strings.Contains(a.text, "another run holds the destination") {
			t.Errorf("exit %d: %s", a.code, a.text)
		}
	}
	if len(runs) != 1 || codes[0][exitOK]+codes[1][exitOK] != 8 || codes[0][exitTransient]+codes[1][exitTransient] != 8 {
		t.Errorf("runs %v, exit codes %v", runs, codes)
	}
	c.run("cancel", "job.sum")
	out, err := c.command("crossbatch", 0, "wait", "job.sum").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cancelled") {
		t.Errorf("after cancel: %v\n%s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, home, "local", "runs", "*", "a*", "worker.json")); len(left) != 2 {
		t.Errorf("%d workers ran", len(left))
	}
}
