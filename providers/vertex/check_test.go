package vertex

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestCheckIsTotal(t *testing.T) {
	lostOf := func(b *Backend, s provider.Spec) map[string]bool {
		lost := map[string]bool{}
		got := b.Check(s)
		if len(got) != len(provider.Fields()) {
			t.Fatalf("%d findings for %d fields", len(got), len(provider.Fields()))
		}
		for i, f := range got {
			if f.Field != provider.Fields()[i] {
				t.Errorf("finding %d is of %s, want %s", i, f.Field, provider.Fields()[i])
			}
			if f.Level != provider.Exact && f.Message == "" {
				t.Errorf("%s is %s without a word why", f.Field, f.Level)
			}
			if f.Level == provider.Lost {
				lost[f.Field] = true
			}
		}
		return lost
	}
	theirs := []string{"input.key", "input.tensor", "output.keep", "output.select", "batching.concurrency"}
	with := func(fields ...string) []string { return append(fields, theirs...) }
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
		"no spec":  {func(_ *Config, s *provider.Spec) { *s = provider.Spec{} }, theirs},
		"container": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentInstances}}
		}, theirs},
		"container of lines": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentJSONL}}
		}, with("model.container")},
		"registered": {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{Kind: "1"}} }, theirs},
		"elsewhere":  {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{"oci": "x"}} }, with("model.registered")},
		"registered with env": {func(_ *Config, s *provider.Spec) {
			s.Job.Model, s.Job.Env = job.Model{Registered: map[string]string{Kind: "1"}}, map[string]string{"A": "b"}
		}, with("env")},
	} {
		cfg, s := plainConfig(), plain(t)
		c.alter(&cfg, &s)
		got := lostOf(backendOf(t, cfg), s)
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
