package main

import (
	"context"
	"path/filepath"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/direct"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// resolver turns jobs of job files into runs that the broker may be asked for.
// It opens models and reads data, and writes nothing.
type resolver struct {
	*app
	home    string // the .crossbatch folder of the job files
	runtime *onnx.Runtime
	digests *storage.Digests
	view    view.Checking
}

// resolve checks a job against its model and its data, and digests its input.
func (r *resolver) resolve(ctx context.Context, j job.Job, p jobfile.Provider) (d broker.Desired, err error) {
	j.Placement.Providers = []job.ProviderRef{p.Ref()}
	d.Job = j
	if d.Provider, err = block(r.home, p); err != nil {
		return d, err
	}
	d.Staging = storage.FileURI(filepath.Join(r.home, "local")) + "/"
	o, err := r.direct(r.runtime, r.digests, p.Device)
	if err != nil {
		return d, err
	}
	o.Progress = r.view.Progress
	checked, err := direct.Check(ctx, j.On(p.Ref()), o)
	if err != nil {
		return d, err
	}
	d.Model, d.Format, d.Scoring = checked.Model, checked.Input.Format, checked.Scoring
	r.view.Begin(j.Address)
	defer r.view.Close()
	d.Shards, err = direct.Digest(ctx, checked.Input, o)
	return d, err
}
