package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/job"
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
	v := view.NewRuns(view.Terminal{Out: a.stdout, Err: a.stderr, Bars: a.tty, Colour: a.colour}, a.json, a.now)
	worst := exitOK
	for _, lj := range jobs {
		code, err := a.runJob(ctx, rt, lj, v)
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				code = exitCancelled
				v.Finished(view.Report{
					Address: lj.job.Address, Provider: lj.job.Placement.Providers[0].String(),
					State: string(engine.Cancelled), Destination: lj.job.Output.Destination,
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

func (a *app) runJob(ctx context.Context, rt *onnx.Runtime, lj localJob, v view.Runs) (int, error) {
	asked, err := onnx.ParseDevice(lj.device)
	if err != nil {
		return exitError, err
	}
	device, err := rt.Choose(asked)
	if err != nil {
		return exitError, fmt.Errorf("%w (`crossbatch runtime status` lists what this machine offers)", err)
	}
	v.Begin(lj.job.Address)
	r, err := engine.Prepare(ctx, lj.job, engine.Options{Runtime: rt, Device: device, Version: version, Now: a.now, Progress: v.Progress})
	if err != nil {
		return codeOf(err), err
	}
	defer func() { _ = r.Close() }()
	v.Started(view.Start{
		Address: lj.job.Address, Run: r.ID, Provider: lj.job.Placement.Providers[0].String(),
		Device: device.String(), Library: rt.Version, Shards: len(r.Shards()), Bytes: r.Shards().Bytes(),
		Batch: r.Batch(), Coupled: r.Coupled(), AskedRecords: lj.job.Batching.Records,
	})
	result, err := r.Execute(ctx)
	if err != nil {
		return codeOf(err), err
	}
	v.Finished(view.Report{
		Address: lj.job.Address, Run: r.ID, Provider: lj.job.Placement.Providers[0].String(),
		State: string(result.State), Reason: result.Reason, Counts: result.Counts, Seconds: result.Seconds,
		Destination: lj.job.Output.Destination, Manifest: result.Manifest, Failures: result.Failures,
	})
	switch result.State {
	case engine.Failed:
		return exitFailed, nil
	case engine.Partial:
		return exitPartial, nil
	case engine.Cancelled:
		return exitCancelled, nil
	}
	return exitOK, nil
}

func codeOf(err error) int {
	if errors.Is(err, engine.ErrBusy) {
		return exitTransient
	}
	return exitError
}

// worse picks the code that several runs end with.
func worse(a, b int) int {
	order := []int{exitError, exitFailed, exitTransient, exitCancelled, exitPartial, exitOK}
	for _, c := range order {
		if a == c || b == c {
			return c
		}
	}
	return exitError
}
