//go:build unix

package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
)

// chainJobs are two jobs, the second of which reads what the first has published.
const chainJobs = `
model "sum" {
  artifact = "sum.onnx"
}

model "double" {
  artifact = "double.onnx"
}

job "last" {
  model = model.double
  input {
    source = [job.first]
    key    = "key"
    tensor "x" {
      field = "prediction.y"
    }
  }
  output {
    destination = "out/last/"
  }
}

job "first" {
  model = model.sum
  input {
    source = ["in.jsonl"]
    key    = "id"
  }
  output {
    destination = "out/first/"
  }
}
`

// newChain is a folder with the two jobs, of which the first has a model and records.
func newChain(t *testing.T, model, records string) *crash {
	c := &crash{T: t, dir: t.TempDir(), lib: library(t)}
	models[model]().Save(t, c.dir, "sum.onnx")
	models["double"]().Save(t, c.dir, "double.onnx")
	c.write("chain.crossbatch.hcl", chainJobs)
	c.write("in.jsonl", records)
	return c
}

// An apply that is killed once a job is over, and before the one that reads its result
// is begun, is gone on with by the next: each job runs once.
func TestKilledBetweenTwoJobs(t *testing.T) {
	t.Parallel()
	c := newChain(t, "sum", string(rows(10)))
	apply := []string{"apply", "chain.crossbatch.hcl", "--auto-approve"}
	cmd := c.command("crossbatch-killed", 0, apply...)
	cmd.Env = append(cmd.Env, killPointVariable+"=^after write runs/first-.*succeeded")
	said, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%v\n%s", err, said)
	}
	list := c.run("list")
	if n := strings.Count(list, "job."); n != 1 || !strings.Contains(list, "succeeded") || c.natives() != 1 {
		t.Fatalf("%d runs, %d native jobs\n%s", n, c.natives(), list)
	}
	if text := c.run("plan", "chain.crossbatch.hcl"); !strings.Contains(text, "= job.first") || !strings.Contains(text, "+ job.last") {
		t.Errorf("the plan says\n%s", text)
	}
	if text := c.run(apply...); !strings.Contains(text, "Apply complete: 1 run, 0 attached, 1 unchanged.") {
		t.Errorf("the next apply says\n%s", text)
	}
	if n := c.natives(); n != 2 {
		t.Errorf("%d native jobs, want one for each job", n)
	}
	c.run("verify", "out/last")
	c.run("fsck")
}

// An interrupted apply leaves what runs alone, and says what it has not begun.
func TestInterruptedBeforeTheNextJob(t *testing.T) {
	t.Parallel()
	c := newChain(t, "slow", strings.Repeat("{\"id\":1,\"x\":1}\n", 300_000))
	for _, i := range []struct {
		flag, text string
		code       int
	}{
		{"--auto-approve", "goes on   crossbatch wait", exitDetached},
		{"--cancel-on-signal", "cancelled: by a signal", exitCancelled},
	} {
		apply := c.command("crossbatch", 0, "apply", "chain.crossbatch.hcl", "--auto-approve", i.flag)
		var out bytes.Buffer
		apply.Stdout = &out
		c.told(apply, "job.first")
		if err := apply.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = apply.Wait()
		said := out.String()
		if code := apply.ProcessState.ExitCode(); code != i.code || !strings.Contains(said, i.text) || !strings.Contains(said, "job.last  not begun\n  waits for  job.first") {
			t.Errorf("exit code %d, want %d\n%s", code, i.code, said)
		}
	}
	if n := c.natives(); n != 1 {
		t.Errorf("%d native jobs, want one", n)
	}
}
