package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/local/backend"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// workerCommand is what the local provider starts for each attempt of a run.
// Nobody types it.
func (a *app) workerCommand() *cobra.Command {
	var (
		dir   string
		ready int
	)
	c := &cobra.Command{
		Use:    "worker --run DIR",
		Short:  "Score what a run's folder asks for",
		Hidden: true,
		Args:   noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			d := backend.WorkerDeps{
				Clock: clockwork.NewRealClock(), Runtime: a.loadRuntime, Version: version, Log: a.stderr,
				Open: a.open, Cache: cacheFolder(),
			}
			if ready > 2 {
				d.Ready = os.NewFile(uintptr(ready), "ready")
			}
			return backend.Work(c.Context(), dir, d)
		},
	}
	c.Flags().StringVar(&dir, "run", "", "the folder of an attempt")
	c.Flags().IntVar(&ready, "ready", 0, "a descriptor that is told when the worker has begun")
	_ = c.MarkFlagRequired("run")
	return c
}

// localDeps are what the local provider stands on: this very program as the
// worker, and ONNX Runtime where this machine has it.
func localDeps(clock clockwork.Clock) backend.Deps {
	return backend.Deps{
		Clock: clock,
		Worker: func(dir string) (*exec.Cmd, error) {
			self, err := os.Executable()
			if err != nil {
				return nil, fmt.Errorf("finding crossbatch itself: %w", err)
			}
			return exec.Command(self, "worker", "--run", dir, "--ready", "3"), nil
		},
		Library: onnx.Finder{}.Find,
	}
}
