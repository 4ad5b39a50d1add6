package broker

import (
	"errors"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// What nobody could publish is refused by the name of its field, before anything
// begins; so is what would be lost, unless the job gives it up.
func TestFits(t *testing.T) {
	onnx := job.Model{Name: "m", Artifact: "m.onnx"}
	spot := []provider.Finding{{Field: "compute.spot", Level: provider.Lost, Message: "no such thing"}, {Field: "env", Level: provider.Emulated}}
	for name, c := range map[string]struct {
		model    job.Model
		findings []provider.Finding
		accept   []string
		want     string // empty: it fits
	}{
		"onnx":       {model: onnx},
		"container":  {model: job.Model{Name: "m", Container: &job.Container{Image: "x"}}, want: "model.container: model m is not scored"},
		"registered": {model: job.Model{Name: "m", Registered: map[string]string{"x": "y"}}, want: "model.registered: model m is not scored"},
		"none":       {want: "model.artifact: model "},
		"lost":       {model: onnx, findings: spot, want: "compute.spot (no such thing)"},
		"given up":   {model: onnx, findings: spot, accept: []string{"compute.spot"}},
	} {
		err := fits(c.findings, job.Job{Model: c.model, Placement: job.Placement{Accept: c.accept}})
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, provider.Unsupported) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
