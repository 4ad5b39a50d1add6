package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// workFolder holds, below the destination, what is not published yet. Readers of
// results skip names that start with a dot.
const workFolder = ".crossbatch"

// localRun is a run without a ledger: the engine scores into a work folder below
// the destination, and core/collect publishes from there. What a stopped run
// finished is taken up by the next one of the same fingerprint.
type localRun struct {
	job     job.Job
	runtime *onnx.Runtime
	device  onnx.Device
	digests *storage.Digests
	now     func() time.Time
	view    view.Runs

	engine          *engine.Run
	format          job.Format // of the input
	shards          job.Shards
	id, fingerprint string
}

// do checks, scores and publishes. A run that ends without an error has been
// shown.
func (r *localRun) do(ctx context.Context) (int, error) {
	in, err := r.check(ctx)
	if err != nil {
		return exitError, err
	}
	defer func() { _ = r.engine.Close() }()
	if err := r.identify(ctx, in); err != nil {
		return exitError, err
	}
	hold, err := engine.TakeHold(filepath.Join(r.job.Output.Destination, workFolder), r.id)
	if err != nil {
		return exitError, err
	}
	keep := false
	defer func() { hold.Release(keep) }()
	w := work{localRun: r, hold: hold}
	if err := w.begin(ctx); err != nil {
		return exitError, err
	}
	code, err := w.execute(ctx)
	keep = w.keep
	return code, err
}

// check does everything that can fail before the input is digested. It writes
// nothing.
func (r *localRun) check(ctx context.Context) (storage.Input, error) {
	if _, err := r.free(ctx); err != nil {
		return storage.Input{}, err
	}
	in, err := storage.ListInput(ctx, r.job.Input)
	if err != nil {
		return in, err
	}
	if err := collect.Outside(in, r.job); err != nil {
		return in, err
	}
	r.format = in.Format
	for _, o := range in.Objects {
		r.shards = append(r.shards, job.Shard{URI: o.URI, Size: o.Size})
	}
	r.engine, err = engine.Prepare(ctx, engine.Task{Job: r.job, Shards: r.shards, Format: r.format}, engine.Options{
		Runtime: r.runtime, Device: r.device, Version: version, Now: r.now, Progress: r.view.Progress,
	})
	return in, err
}

// identify digests the input, which tells which run this is.
func (r *localRun) identify(ctx context.Context, in storage.Input) error {
	all := r.shards.Bytes()
	meter := engine.NewMeter(func(n int64) {
		r.view.Progress(engine.Progress{Phase: engine.Checking, Bytes: n, All: all})
	})
	var err error
	if r.shards, err = in.Digest(ctx, r.digests, meter); err != nil {
		return err
	}
	if r.fingerprint, err = job.Fingerprint(r.job, r.engine.Model().Digest, r.shards); err != nil {
		return err
	}
	r.id = job.ScoreID(r.job.Identity(), r.fingerprint)
	_, err = r.free(ctx)
	return err
}

// free reads the result that the run would replace; it is an error when it must
// not.
func (r *localRun) free(ctx context.Context) (*record.Manifest, error) {
	dest, prefix, err := storage.OpenLocal(ctx, r.job.Output.Destination)
	if err != nil {
		return nil, err
	}
	m, err := collect.Free(ctx, dest, prefix, r.job, r.id)
	if cerr := dest.Close(); err == nil {
		err = cerr
	}
	return m, err
}

// source is the run as core/collect publishes it.
func (r *localRun) source(pieces []provider.Piece, started time.Time) collect.Source {
	return collect.Source{
		Job: r.job, Run: r.id, Fingerprint: r.fingerprint, Shards: r.shards, Format: r.format,
		Model:    record.ModelInfo{Name: r.job.Model.Name, Digest: r.engine.Model().Digest},
		Provider: r.provider(), Started: started, Finished: r.now(), Pieces: pieces, Made: r.engine.Made(),
	}
}

func (r *localRun) provider() string { return r.job.Placement.Providers[0].String() }

// report is the run as it is shown when it is over.
func (r *localRun) report(state record.State, reason string, c record.Counts, result *engine.Result) view.Report {
	return view.Report{
		Address: r.job.Address, Run: r.id, Provider: r.provider(), State: string(state), Reason: reason,
		Counts: c, Scored: result.Counts.In, Seconds: result.Seconds,
		Destination: r.job.Output.Destination, Failures: result.Failures,
	}
}

// kept says what a stopped run leaves for the next one.
func kept(finished, shards int) string {
	if finished == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d shards are finished and kept; the same command resumes", finished, shards)
}
