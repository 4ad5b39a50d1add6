package emulator

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// Container is what runs where a service would run a container: a command of this
// machine that serves a model. Whatever image a job names, it is this one.
type Container struct {
	Path string   // of the program
	Args []string // before --model FOLDER and --addr HOST:PORT
	Env  []string // besides what the job sets: NAME=VALUE
}

// endWithin is how long a process may take to end before it is killed.
const endWithin = 5 * time.Second

// start runs the program for a job of Batch Transform.
func (c Container) start(_ context.Context, t transform.Container) (transform.Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return transform.Server{}, err
	}
	args := append(slices.Clone(c.Args), "--model", filepath.Join(t.Folder, "model"), "--addr", addr)
	cmd := exec.Command(c.Path, args...) //nolint:gosec // the program is the caller's own
	cmd.Env = append(slices.Clone(c.Env), "SAGEMAKER_BATCH=true")
	for name, value := range t.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = t.Output, t.Output
	if err := cmd.Start(); err != nil {
		return transform.Server{}, fmt.Errorf("starting the container: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what it said stands in its log
		close(exited)
	}()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(endWithin, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		<-exited
	}
	return transform.Server{Endpoint: "http://" + addr, Exited: exited, Stop: stop}, nil
}

// freeAddress is one that nobody listens at now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
