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
		"input.staging":         emulated("the input is read where it lies; nothing is staged"),
		"output.destination":    watched("results are published once a watcher finds the worker done"),
		"output.existing":       emulated("judged at submission and again before publishing"),
		"batching.payload":      emulated("no request leaves this machine; calls of the model are cut by batching.records"),
		"compute.instances":     emulated("this machine"),
		"compute.cpus":          emulated("this machine: all its processors"),
		"compute.memory":        emulated("this machine: what it has"),
		"compute.spot":          emulated("this machine is not taken away"),
		"compute.machine":       emulated("this machine"),
		"compute.gpu":           emulated("this machine: the provider block's device says what runs the model"),
		"limits.timeout":        {Level: provider.Exact, Message: "the worker's own timer"},
		"limits.failed_records": tolerance(s.Job.Limits.FailedRecords),
		"limits.retries":        watched("an attempt follows once a watcher finds the last one failed"),
		"limits.cost":           {Level: provider.Exact, Message: "this machine costs 0"},
		"placement.failover":    watched("another provider is tried once a watcher finds this one failed"),
		"env":                   emulated("recorded with the run; the scorer runs no code of the job's that could read it"),
		"labels":                emulated("recorded with the run"),
	}
	var out []provider.Finding
	for _, field := range provider.Fields() {
		f, ok := special[field]
		if !ok {
			f.Level = provider.Exact
		}
		f.Field = field
		out = append(out, f)
	}
	return out
}

func emulated(how string) provider.Finding {
	return provider.Finding{Level: provider.Emulated, Message: how}
}

func watched(how string) provider.Finding {
	return provider.Finding{Level: provider.Watched, Message: how}
}

func lost(why string) provider.Finding {
	return provider.Finding{Level: provider.Lost, Message: why}
}

func onnxOnly(is bool, what string) provider.Finding {
	if is {
		return provider.Finding{Level: provider.Exact}
	}
	return lost("this machine runs ONNX models, not " + what)
}

func tolerance(t *job.Tolerance) provider.Finding {
	if t != nil && t.IsPercent {
		return watched("a percentage is judged when results are published")
	}
	return provider.Finding{Level: provider.Exact, Message: "the worker counts as it goes"}
}
