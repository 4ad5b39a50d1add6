package backend

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Capabilities are those of this machine.
func (b *Backend) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		Guarantee:     provider.Named,
		KeepsOnCancel: true,
		Poll:          provider.Poll{Min: 200 * time.Millisecond, Max: 2 * time.Second},
	}
}

// Inspect looks for what a worker will need. Whether the device is there is seen
// by the worker, which loads ONNX Runtime anyway.
func (b *Backend) Inspect(ctx context.Context) (provider.Facts, error) {
	if err := b.usable(ctx); err != nil {
		return provider.Facts{}, err
	}
	if _, err := onnx.ParseDevice(b.config.Device); err != nil {
		return provider.Facts{}, provider.Errorf(provider.Invalid, "%w", err)
	}
	lib, err := b.deps.Library(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return provider.Facts{}, ctx.Err()
	case errors.Is(err, onnx.ErrNoLibrary):
		return provider.Facts{}, provider.Errorf(provider.Unsupported, "%w", err)
	default:
		return provider.Facts{}, classed("looking for ONNX Runtime", err)
	}
	return provider.Facts{
		Machines: []provider.Machine{{Name: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}},
		Notes:    map[string]string{"onnxruntime": "found by " + string(lib.Source)},
	}, nil
}

// Check says how each field holds here. The worker is ours, so most do exactly;
// what sizes or names machines has nothing to act on.
func (b *Backend) Check(s provider.Spec) []provider.Finding {
	special := map[string]provider.Finding{
		"model.container":       onnxOnly(s.Job.Model.Container == nil, "a container"),
		"model.registered":      onnxOnly(len(s.Job.Model.Registered) == 0, "a model that a cloud keeps"),
		"input.staging":         provider.Emulated.Because("the input is read where it lies; nothing is staged"),
		"output.destination":    provider.Watched.Because("results are published once a watcher finds the worker done"),
		"output.existing":       provider.Emulated.Because("judged at submission and again before publishing"),
		"batching.payload":      provider.Emulated.Because("no request leaves this machine; calls of the model are cut by batching.records"),
		"compute.instances":     provider.Emulated.Because("this machine"),
		"compute.cpus":          provider.Emulated.Because("this machine: all its processors"),
		"compute.memory":        provider.Emulated.Because("this machine: what it has"),
		"compute.spot":          provider.Emulated.Because("this machine is not taken away"),
		"compute.machine":       provider.Emulated.Because("this machine"),
		"compute.gpu":           provider.Emulated.Because("this machine: the provider block's device says what runs the model"),
		"limits.timeout":        {Level: provider.Exact, Message: "the worker's own timer"},
		"limits.failed_records": tolerance(s.Job.Limits.FailedRecords),
		"limits.retries":        provider.Watched.Because("an attempt follows once a watcher finds the last one failed"),
		"limits.cost":           {Level: provider.Exact, Message: "this machine costs 0"},
		"placement.failover":    provider.Watched.Because("another provider is tried once a watcher finds this one failed"),
		"env":                   provider.Emulated.Because("recorded with the run; the scorer runs no code of the job's that could read it"),
		"labels":                provider.Emulated.Because("recorded with the run"),
	}
	return provider.Findings(special)
}

func onnxOnly(is bool, what string) provider.Finding {
	if is {
		return provider.Finding{Level: provider.Exact}
	}
	return provider.Lost.Because("this machine runs ONNX models, not " + what)
}

func tolerance(t *job.Tolerance) provider.Finding {
	if t != nil && t.IsPercent {
		return provider.Watched.Because("a percentage is judged when results are published")
	}
	return provider.Finding{Level: provider.Exact, Message: "the worker counts as it goes"}
}
