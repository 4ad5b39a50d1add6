package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// process is a program to run to its end.
type process struct {
	args []string
	env  []string // besides this process's own
	dir  string
}

// sample is what one run took.
type sample struct {
	Rows    int64   `json:"rows"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // user and system
	Memory  int64   `json:"peak_rss_bytes,omitempty"`
}

// execute runs a process and measures it; its standard output comes back.
func execute(ctx context.Context, p process) (ran, error) {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Env, cmd.Dir = append(os.Environ(), p.env...), p.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it may clean up
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r := ran{stdout: stdout.Bytes()}
	r.Seconds = time.Since(began).Seconds()
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil {
		// crossbatch --json reports errors on standard output.
		return r, &failure{args: p.args, text: tail(stderr.String() + stdout.String()), err: err}
	}
	r.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	r.Memory = peakMemory(cmd.ProcessState)
	return r, nil
}

// ran is a process that ended well. Rows is for the caller to fill in.
type ran struct {
	sample
	stdout []byte
}

// failure is a process that did not end well.
type failure struct {
	args []string
	text string
	err  error
}

func (f *failure) Error() string {
	return fmt.Sprintf("%s: %v\n%s", strings.Join(f.args, " "), f.err, f.text)
}

func (f *failure) Unwrap() error { return f.err }

// notYet says that crossbatch refused what this version does not do.
func notYet(err error) bool {
	var f *failure
	return errors.As(err, &f) && strings.Contains(f.text, "not yet")
}

// tail is the end of a text, which may be long.
func tail(s string) string {
	const most = 2000
	s = strings.TrimSpace(s)
	return s[max(0, len(s)-most):]
}
