package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// cancelPoll is how often a worker looks whether it is to end.
const cancelPoll = 100 * time.Millisecond

// Why a worker's context ends before its work does.
var (
	errCancelled = errors.New("cancelled by request")
	errBudget    = errors.New("limits.timeout is over")
	errSignal    = errors.New("cancelled by a signal")
)

// run reads the request and carries it out, for as long as it may.
func (w *worker) run(ctx context.Context) end {
	var q request
	if err := readDocument(w.dir, requestFile, &q); err != nil {
		return failed(provider.Errorf(provider.Invalid, "the request cannot be read: %w", err))
	}
	if known := q.FormatVersion == documentVersion && q.Rows == nil || q.FormatVersion == chosenVersion && q.Rows != nil; !known {
		return failed(provider.Errorf(provider.Invalid, "the request is of version %d, this crossbatch reads %d", q.FormatVersion, chosenVersion))
	}
	w.log.Info("request", "name", q.Name, "shards", len(q.Take), "of", len(q.Shards))

	outside := ctx
	ctx, stop := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer stop(nil)
	watch.Go(func() { w.watch(ctx, stop) })
	if q.Budget > 0 {
		// From the marker on, as an observer would count it.
		t := w.deps.Clock.AfterFunc(q.Budget, func() { stop(errBudget) })
		defer t.Stop()
	}
	result, err := w.score(ctx, q)
	var e end
	switch cause := context.Cause(ctx); {
	case err == nil && result.State != provider.Cancelled: // whatever came meanwhile
		e = end{State: result.State, Code: result.Code, Message: result.Reason}
	case errors.Is(cause, errBudget):
		e = failed(provider.Errorf(provider.Timeout, "%w: the worker had %s", errBudget, q.Budget))
	case outside.Err() != nil:
		e = end{State: provider.Cancelled, Message: errSignal.Error()}
	case cause != nil:
		e = end{State: provider.Cancelled, Message: cause.Error()}
	case err == nil:
		e = failed(errors.New("the engine was cancelled, and nobody asked for it"))
	default:
		e = failed(err)
	}
	if result != nil {
		e.Progress.Counts = result.Counts
	}
	return e
}

func failed(err error) end {
	return end{State: provider.Failed, Code: codeOf(err), Message: err.Error()}
}

// watch waits for the wish to end.
func (w *worker) watch(ctx context.Context, stop context.CancelCauseFunc) {
	tick := w.deps.Clock.NewTicker(cancelPoll)
	defer tick.Stop()
	for {
		if exists(w.dir, cancelFile) {
			stop(errCancelled)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.Chan():
		}
	}
}

// score loads the model and scores the shards.
func (w *worker) score(ctx context.Context, q request) (*engine.Result, error) {
	rt, err := w.deps.Runtime(ctx)
	if err != nil {
		return nil, err
	}
	asked, err := onnx.ParseDevice(q.Device)
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, "%w", err)
	}
	device, err := rt.Choose(asked)
	if err != nil {
		return nil, err
	}
	w.log.Info("device", "device", device.String(), "onnxruntime", rt.Version)
	run, err := engine.Prepare(ctx, engine.Task{
		Job: q.Job, Run: q.Run, Shards: q.Shards, Format: q.Format, Take: q.Take, Rows: q.Rows,
	}, engine.Options{
		Runtime: rt, Device: device, Version: w.deps.Version, Workers: q.Job.Batching.Concurrency,
		Open: w.deps.Open, Cache: w.deps.Cache, Now: w.deps.Clock.Now, Progress: w.state.progress, Finished: w.shard(ctx),
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = run.Close() }()
	if got := run.Model().Digest; q.Model.Digest != "" && got != q.Model.Digest {
		return nil, fmt.Errorf("%w: %s", errModelChanged, q.Job.Model.Artifact)
	}
	w.log.Info("batch", "records", run.Batch())
	if err := w.adopt(q); err != nil {
		return nil, err
	}
	w.state.scoring()
	w.deps.Step(ctx, 0)
	return run.Execute(ctx, filepath.Join(w.dir, resultsFolder))
}

// adopt takes over what earlier attempts of the run left unfinished, the latest
// first. One that is settled and has no worker stays so.
func (w *worker) adopt(q request) error {
	for k := q.Attempt - 1; k > 0; k-- {
		dir := filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("a%d", k))
		switch p, err := look(dir); {
		case err != nil:
			return err
		case p != died && p != over:
			continue
		}
		if err := engine.Adopt(filepath.Join(dir, resultsFolder), filepath.Join(w.dir, resultsFolder), q.Take); err != nil {
			return err
		}
	}
	return nil
}

// shard is told of each finished shard.
func (w *worker) shard(ctx context.Context) func(int, record.Counts) {
	finished := 0
	return func(shard int, c record.Counts) {
		finished++
		w.log.Info("shard", "number", shard, "in", c.In, "ok", c.OK, "failed", c.Failed)
		w.deps.Step(ctx, finished)
	}
}

// replaceQuietly puts a document in place of another at one stroke. It need not
// outlive a power cut.
func replaceQuietly(dir, name string, doc any) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	temp := filepath.Join(dir, ".tmp-"+name)
	if err := os.WriteFile(temp, append(body, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(dir, name))
}
