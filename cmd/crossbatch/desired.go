package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// resolver turns jobs of job files into runs that the broker may be asked for.
// It opens models and reads data, and writes nothing.
type resolver struct {
	*app
	session *session
	runtime *onnx.Runtime
	digests *storage.Digests
	view    view.Checking
}

// resolve checks a job against its model and its data, and digests its input.
func (r *resolver) resolve(ctx context.Context, j job.Job, p jobfile.Provider) (d broker.Desired, err error) {
	j.Placement.Providers = []job.ProviderRef{p.Ref()}
	d.Job = j
	if d.Provider, err = r.session.block(p); err != nil {
		return d, err
	}
	d.Staging = storage.FileURI(filepath.Join(r.session.home, "local")) + "/"
	in, err := storage.ListInput(ctx, j.Input)
	if err != nil {
		return d, err
	}
	if err := collect.Outside(in, j); err != nil {
		return d, err
	}
	d.Format = in.Format
	if d.Model, err = r.try(ctx, j, p, in); err != nil {
		return d, err
	}
	meter := engine.NewMeter(func(n int64) {
		r.view.Progress(engine.Progress{Phase: engine.Checking, Bytes: n, All: in.Bytes()})
	})
	r.view.Begin(j.Address)
	defer r.view.Close()
	d.Shards, err = in.Digest(ctx, r.digests, meter)
	return d, err
}

// try opens the model and scores a first record, so that what can never work is
// said now.
func (r *resolver) try(ctx context.Context, j job.Job, p jobfile.Provider, in storage.Input) (provider.Model, error) {
	asked, err := onnx.ParseDevice(p.Device)
	if err != nil {
		return provider.Model{}, err
	}
	device, err := r.runtime.Choose(asked)
	if err != nil {
		return provider.Model{}, fmt.Errorf("%w (`crossbatch runtime status` lists what this machine offers)", err)
	}
	t := engine.Task{Job: j, Format: in.Format}
	for _, o := range in.Objects {
		t.Shards = append(t.Shards, job.Shard{URI: o.URI, Size: o.Size})
	}
	run, err := engine.Prepare(ctx, t, engine.Options{Runtime: r.runtime, Device: device, Version: version, Now: r.now})
	if err != nil {
		return provider.Model{}, err
	}
	m := provider.Model{Name: j.Model.Name, Artifact: j.Model.Artifact, Digest: run.Model().Digest}
	return m, errors.Join(run.Close())
}
