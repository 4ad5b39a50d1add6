package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
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
	if d, err = r.placed(j, p); err != nil {
		return d, err
	}
	device := "auto" // that the job is tried on, where it does not run here
	if p.Kind == job.ImplicitKind {
		device = p.Device
	}
	return r.look(ctx, d, device)
}

// again looks once more at the model and the data of a job that was placed before.
func (r *resolver) again(ctx context.Context, d broker.Desired) (broker.Desired, error) {
	device := "auto"
	if d.Provider.Kind == job.ImplicitKind {
		var c localConfig
		if err := json.Unmarshal(d.Provider.Config, &c); err != nil {
			return d, fmt.Errorf("provider %s: %w", d.Provider, err)
		}
		device = c.Device
	}
	return r.look(ctx, d, device)
}

// look checks a placed job against its model and its data, and digests its input.
func (r *resolver) look(ctx context.Context, d broker.Desired, device string) (broker.Desired, error) {
	o, err := r.direct(r.runtime, r.digests, device)
	if err != nil {
		return d, err
	}
	o.Progress = r.view.Progress
	if len(d.Job.Input.From) > 0 {
		if d.Job.Input, err = r.spread(ctx, d.Job.Input); err != nil {
			return d, err
		}
	}
	checked, err := r.check(ctx, d.Job.On(job.ProviderRef{Kind: d.Provider.Kind, Alias: d.Provider.Alias}), o)
	if err != nil {
		return d, err
	}
	d.Model, d.Format, d.Scoring = checked.Model, checked.Input.Format, checked.Scoring
	r.view.Begin(d.Job.Address)
	defer r.view.Close()
	d.Shards, err = direct.Digest(ctx, checked.Input, o)
	return d, err
}

// placed is a job on a provider, and where that keeps what is staged.
func (r *resolver) placed(j job.Job, p jobfile.Provider) (d broker.Desired, err error) {
	j.Placement.Providers = []job.ProviderRef{p.Ref()}
	d.Job = j
	if d.Provider, err = block(r.home, p); err != nil {
		return d, err
	}
	if p.Kind == job.ImplicitKind {
		d.Staging = storage.FileURI(filepath.Join(r.home, "local")) + "/"
		return d, nil
	}
	d.Staging, err = staged(p)
	return d, err
}

// early is a job on a provider whose data may not be there yet. Of its model, what lies
// on this machine is read: that it is none is better known before other jobs have run.
func (r *resolver) early(ctx context.Context, j job.Job, p jobfile.Provider) (broker.Desired, error) {
	d, err := r.placed(j, p)
	if err == nil && j.Model.Artifact != "" && local(j.Model.Artifact) {
		_, err = model.Open(ctx, j.Model.Artifact)
	}
	return d, err
}

// check tries a job on this machine. A model that is no ONNX file cannot be tried:
// its input is listed.
func (r *resolver) check(ctx context.Context, j job.Job, o direct.Options) (direct.Checked, error) {
	if j.Model.Artifact != "" {
		return direct.Check(ctx, j, o)
	}
	in, err := storage.ListInput(ctx, r.open, j.Input)
	if err != nil {
		return direct.Checked{}, err
	}
	if err := collect.Outside(in, j); err != nil {
		return direct.Checked{}, err
	}
	out := direct.Checked{Input: in, Model: provider.Model{Name: j.Model.Name}}
	if in.Format == job.CSV {
		out.Scoring.Columns, err = staging.Columns(ctx, r.open, in.Shards(), j.Input.CSV)
	}
	return out, err
}

// spread is an input that reads results of other jobs, and finds vectors also where
// these are CSV.
func (r *resolver) spread(ctx context.Context, j job.Input) (job.Input, error) {
	in, err := storage.ListInput(ctx, r.open, j)
	if err != nil || in.Format != job.CSV {
		return j, err
	}
	columns, err := staging.Columns(ctx, r.open, in.Shards(), j.CSV)
	return j.Spread(columns), err
}

// staged is the prefix that a provider block names for what is staged.
func staged(p jobfile.Provider) (string, error) {
	var c struct {
		Staging string `json:"staging"`
	}
	if err := json.Unmarshal(p.Config, &c); err != nil || c.Staging == "" {
		return "", fmt.Errorf("provider %s says no staging prefix", p.Ref())
	}
	return storage.Join(c.Staging, ""), nil
}
