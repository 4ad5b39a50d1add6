package vertex

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestWhatIsLost(t *testing.T) {
	set := []string{"input.key", "input.tensor"} // of the plain spec
	with := func(fields ...string) []string { return append(fields, set...) }
	for name, c := range map[string]struct {
		alter func(*Config, *provider.Spec)
		lost  []string
	}{
		"plain":    {func(*Config, *provider.Spec) {}, nil},
		"spot":     {func(_ *Config, s *provider.Spec) { s.Job.Compute.Spot = true }, []string{"compute.spot"}},
		"no image": {func(c *Config, _ *provider.Spec) { c.Image = "" }, []string{"model.artifact"}},
		"machine":  {func(_ *Config, s *provider.Spec) { s.Job.Compute.Machine = "large" }, []string{"compute.machine"}},
		"gpu":      {func(_ *Config, s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "x", Count: 1} }, []string{"compute.gpu"}},
		"payload":  {func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = job.MiB }, []string{"batching.payload"}},
		"no spec":  {func(_ *Config, s *provider.Spec) { *s = provider.Spec{} }, nil},
		"container": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentInstances}}
		}, set},
		"all that ours does": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentInstances}}
			s.Job.Output.Keep, s.Job.Output.Select = []job.Rename{{Name: "a", Field: "a"}}, []job.Selection{{Name: "y", Path: "y"}}
			s.Job.Batching.Concurrency = 5
		}, with("output.keep", "output.select", "batching.concurrency")},
		"nothing that ours does": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentInstances}}
			s.Job.Input.Key, s.Job.Input.Tensors = nil, nil
		}, nil},
		"container of lines": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentJSONL}}
		}, with("model.container")},
		"registered": {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{Kind: "1"}} }, set},
		"elsewhere":  {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{"oci": "x"}} }, with("model.registered")},
		"registered with env": {func(_ *Config, s *provider.Spec) {
			s.Job.Model, s.Job.Env = job.Model{Registered: map[string]string{Kind: "1"}}, map[string]string{"A": "b"}
		}, with("env")},
	} {
		cfg, s := plainConfig(), plain(t)
		c.alter(&cfg, &s)
		got := map[string]bool{}
		for _, f := range backendOf(t, cfg).Check(s) {
			if f.Level != provider.Exact && f.Message == "" {
				t.Errorf("%s: %s is %s without a word why", name, f.Field, f.Level)
			}
			if f.Level == provider.Lost {
				got[f.Field] = true
			}
		}
		for _, f := range c.lost {
			if !got[f] {
				t.Errorf("%s: %s is not lost", name, f)
			}
		}
		if len(got) != len(c.lost) {
			t.Errorf("%s: %v are lost, want %v", name, got, c.lost)
		}
	}
}

func TestImageByATagIsSaid(t *testing.T) {
	for image, said := range map[string]bool{testImage: false, "r.example/crossbatch:1": true} {
		cfg := plainConfig()
		cfg.Image = image
		for _, f := range backendOf(t, cfg).Check(plain(t)) {
			if f.Field == "model.artifact" && (f.Level != provider.Exact || strings.Contains(f.Message, "can move") != said) {
				t.Errorf("%s: %+v", image, f)
			}
		}
	}
}
