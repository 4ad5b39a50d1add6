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

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// Container is what runs where a service would run a container: a command of this
// machine that serves a model. Whatever image a job names, it is this one.
type Container struct {
	Path string   // of the program
	Args []string // before --addr HOST:PORT and, of models that lie in a folder, --model FOLDER
	Env  []string // besides what the job sets: NAME=VALUE
}

// with gives the same program more environment.
func (c Container) with(env ...string) Container {
	c.Env = append(slices.Clone(c.Env), env...)
	return c
}

// endWithin is how long a process may take to end before it is killed.
const endWithin = 5 * time.Second

// portVariable is where Vertex AI says which port to listen on. All containers of
// this machine share its ports, so each gets its own.
const portVariable = "AIP_HTTP_PORT"

// start runs the program for a job.
func (c Container) start(_ context.Context, t container.Container) (container.Server, error) {
	addr, port, err := freeAddress()
	if err != nil {
		return container.Server{}, err
	}
	args := append(slices.Clone(c.Args), "--addr", addr)
	if t.Folder != "" {
		args = append(args, "--model", filepath.Join(t.Folder, "model"))
	}
	cmd := exec.Command(c.Path, args...) //nolint:gosec // the program is the caller's own
	cmd.Env = slices.Clone(c.Env)
	for name, value := range t.Environment {
		if name == portVariable {
			value = port
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = t.Output, t.Output
	if err := cmd.Start(); err != nil {
		return container.Server{}, fmt.Errorf("starting the container: %w", err)
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
	return container.Server{Endpoint: "http://" + addr, Exited: exited, Stop: stop}, nil
}

// freeAddress is one that nobody listens at now.
func freeAddress() (addr, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("looking for a free port: %w", err)
	}
	addr = l.Addr().String()
	if _, port, err = net.SplitHostPort(addr); err != nil {
		return "", "", err
	}
	return addr, port, l.Close()
}
