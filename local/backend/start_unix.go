//go:build unix

package backend

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/crossbatch/crossbatch/core/provider"
)

// detachable says whether a process can outlive its parent's terminal here.
func detachable() error { return nil }

// start starts a worker for a request and waits until it has begun.
func (b *Backend) start(ctx context.Context, r provider.Request) error {
	cmd, err := b.deps.Worker(r.Target)
	if err != nil {
		return classed("starting a worker", err)
	}
	log, err := os.OpenFile(filepath.Join(r.Target, logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return classed("starting a worker", err)
	}
	defer log.Close()
	ready, answer, err := os.Pipe()
	if err != nil {
		return classed("starting a worker", err)
	}
	defer ready.Close()
	// Files, not pipes: whoever waits for this process's output must not wait for
	// the worker. A session of its own keeps signals of the terminal from it.
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, log, log
	cmd.ExtraFiles = []*os.File{answer}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	answer.Close()
	if err != nil {
		return classed("starting a worker", err)
	}
	stop := context.AfterFunc(ctx, func() { ready.Close() })
	defer stop()
	line, err := bufio.NewReader(ready).ReadString('\n')
	switch {
	case err == nil && line == answerReady:
		b.adopt(cmd)
		return nil
	case err == nil && line == answerBusy:
		_ = cmd.Wait() // it has nothing left to do
		return taken(r)
	case ctx.Err() != nil:
		b.adopt(cmd)
		return ctx.Err()
	}
	err = cmd.Wait()
	if err == nil {
		err = errors.New("it ended at once")
	}
	return provider.Errorf(provider.Internal, "the worker did not start: %w%s", err, lastWords(r.Target))
}

// adopt keeps a worker's process id: what ends stays a zombie until its parent
// asks for it, and no goroutine is to wait for a process that may run for days.
func (b *Backend) adopt(cmd *exec.Cmd) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.children[cmd.Process.Pid] = true
	_ = cmd.Process.Release()
}

// reap asks for those that ended.
func (b *Backend) reap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for pid := range b.children {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if got == pid || errors.Is(err, syscall.ECHILD) {
			delete(b.children, pid)
		}
	}
}

// lastWords is the end of a worker's log, for messages.
func lastWords(dir string) string {
	const most = 5
	var last []string
	for line, err := range lines(dir, most) {
		if err != nil {
			return ""
		}
		last = append(last, strings.TrimSpace(line.Text))
	}
	if len(last) == 0 {
		return ""
	}
	return fmt.Sprintf("; its log ends with: %s", strings.Join(last, " | "))
}
