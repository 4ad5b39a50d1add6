//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestTheTerminalMayGo submits from a session of its own and ends that session:
// the run goes on, and wait finds it from another one. An interrupted wait
// leaves it alone, too.
func TestTheTerminalMayGo(t *testing.T) {
	c := newCrash(t)
	models["slow"]().Save(t, c.dir, "sum.onnx")
	c.write("in/a.jsonl", strings.Repeat("{\"id\":1,\"x\":1}\n", 300_000))
	c.write("in/b.jsonl", strings.Repeat("{\"id\":2,\"x\":1}\n", 300_000))

	submit := c.command("crossbatch", 0, "submit", "sum.crossbatch.hcl", "--wait")
	submit.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.told(submit, "preparing")
	// A terminal that is closed hangs up. Where these tests run under nohup that
	// is ignored, so the session is killed as well.
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		if err := syscall.Kill(-submit.Process.Pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	_ = submit.Wait()

	wait := c.command("crossbatch", 0, "wait", "job.sum")
	var out bytes.Buffer
	wait.Stdout = &out
	c.told(wait, "job.sum")
	if err := wait.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = wait.Wait()
	if code := wait.ProcessState.ExitCode(); code != exitDetached || !strings.Contains(out.String(), "goes on   crossbatch wait") {
		t.Errorf("an interrupted wait exits with %d and says:\n%s", code, &out)
	}

	wait = c.command("crossbatch", 0, "wait", "job.sum", "--cancel-on-signal")
	wait.Stdout = &out
	c.told(wait, "job.sum")
	if err := wait.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = wait.Wait()
	if code := wait.ProcessState.ExitCode(); code != exitCancelled || !strings.Contains(out.String(), "cancelled: by a signal") {
		t.Errorf("an interrupted wait --cancel-on-signal exits with %d and says:\n%s", code, &out)
	}
	if n := c.natives(); n != 2 { // with the first result's
		t.Errorf("%d workers ran, want one for each run", n)
	}
}

// told starts a command and waits until a line of its standard error holds text.
func (c *crash) told(cmd *exec.Cmd, text string) {
	c.Helper()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		c.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	c.Fatalf("%q was never said:\n%s", text, &said)
}
