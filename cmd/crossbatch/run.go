package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// localJob is a job and the device of the local provider that it was placed on.
type localJob struct {
	job    job.Job
	device string
}

// runJobs runs jobs on this machine, one after the other, as each uses all of
// it. The exit code is the worst of theirs.
func (a *app) runJobs(ctx context.Context, jobs []localJob) error {
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		return err
	}
	digests := openDigests()
	v := view.NewRuns(view.Terminal{Out: a.stdout, Err: a.stderr, Bars: a.tty, Colour: a.colour}, a.json, a.now)
	worst := exitOK
	for _, lj := range jobs {
		code, err := a.runJob(ctx, rt, digests, lj, v)
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				code = exitCancelled
				v.Finished(view.Report{
					Address: lj.job.Address, Provider: lj.job.Placement.Providers[0].String(),
					State: string(record.Cancelled), Destination: lj.job.Output.Destination,
				})
			} else {
				v.Broken(lj.job.Address, lj.job.Output.Destination, err)
			}
		}
		worst = worse(worst, code)
		if ctx.Err() != nil {
			break
		}
	}
	if err := v.Close(); err != nil {
		return err
	}
	if worst != exitOK {
		return &exit{code: worst}
	}
	return nil
}

// openDigests opens what is known of files that were digested before. Without a
// cache folder everything is digested again.
func openDigests() *storage.Digests {
	dir, err := onnx.Finder{}.CacheFolder()
	if err != nil {
		return nil
	}
	return storage.OpenDigests(filepath.Join(dir, "digests.jsonl"))
}

func (a *app) runJob(ctx context.Context, rt *onnx.Runtime, digests *storage.Digests, lj localJob, v view.Runs) (int, error) {
	asked, err := onnx.ParseDevice(lj.device)
	if err != nil {
		return exitError, err
	}
	device, err := rt.Choose(asked)
	if err != nil {
		return exitError, fmt.Errorf("%w (`crossbatch runtime status` lists what this machine offers)", err)
	}
	v.Begin(lj.job.Address)
	r := &localRun{job: lj.job, runtime: rt, device: device, digests: digests, now: a.now, view: v}
	code, err := r.do(ctx)
	if errors.Is(err, engine.ErrBusy) {
		code = exitTransient
	}
	return code, err
}

// worse picks the code that several runs end with.
func worse(a, b int) int {
	order := []int{exitError, exitFailed, exitTransient, exitCancelled, exitDetached, exitPartial, exitOK}
	for _, c := range order {
		if a == c || b == c {
			return c
		}
	}
	return exitError
}
