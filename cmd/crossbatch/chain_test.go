//go:build unix

package main

import (
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

// An apply that is killed once a job is over, and before the one that reads its result
// is begun, is gone on with by the next: each job runs once.
func TestKilledBetweenTwoJobs(t *testing.T) {
	t.Parallel()
	c := &crash{T: t, dir: t.TempDir(), lib: library(t)}
	models["sum"]().Save(t, c.dir, "sum.onnx")
	models["double"]().Save(t, c.dir, "double.onnx")
	c.write("chain.crossbatch.hcl", chainJobs)
	c.write("in.jsonl", string(rows(10)))
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
