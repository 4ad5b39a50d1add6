package backend

import (
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// The one request of an attempt.
const (
	requestID = "worker"
	operation = "worker"
)

// Translate makes the one start of an attempt: its folder and the request in it.
func (b *Backend) Translate(s provider.Spec) (provider.Translation, error) {
	if b.closed.Load() {
		return provider.Translation{}, provider.ErrClosed
	}
	dir, ok := storage.LocalPath(s.Output)
	if !ok || !filepath.IsAbs(dir) {
		return provider.Translation{}, provider.Errorf(provider.Invalid, "the output %q is no folder of this machine", s.Output)
	}
	j := s.Job
	if j.Model.Container != nil || len(j.Model.Registered) > 0 {
		return provider.Translation{}, provider.Errorf(provider.Unsupported, "this machine runs ONNX models; %s is none", j.Model.Name)
	}
	name := provider.NativeName(s.Job.Address, s.Run, s.Attempt, 0, 1)
	version := documentVersion
	if s.Input.Rows != nil {
		version = chosenVersion
	}
	body, err := provider.Canonical(request{
		FormatVersion: version,
		Name:          name,
		Job:           j,
		Run:           s.Run,
		Attempt:       s.Attempt,
		Model:         s.Model,
		Shards:        s.Input.Shards,
		Format:        s.Input.Format,
		Take:          append([]int{}, s.Input.Take...), // never null, which the engine takes for all
		Rows:          s.Input.Rows,
		Device:        b.config.Device,
		Budget:        s.Budget,
	})
	if err != nil {
		return provider.Translation{}, provider.Errorf(provider.Invalid, "%w", err)
	}
	return provider.Translation{Requests: []provider.Request{{
		ID: requestID, Role: provider.Start, Op: operation, Name: name, Part: 0, Parts: 1,
		Target: filepath.Clean(dir), Body: body,
	}}}, nil
}

// native names an attempt's worker.
func native(dir, name string) provider.Native {
	return provider.Native{Request: requestID, Kind: operation, Name: name, ID: dir, Part: 0, Parts: 1}
}
