package sagemaker

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestWhatIsLost(t *testing.T) {
	set := []string{"input.key", "input.tensor"} // of the plain spec
	for name, c := range map[string]struct {
		alter func(*Config, *provider.Spec)
		lost  []string
	}{
		"plain":    {func(*Config, *provider.Spec) {}, nil},
		"spot":     {func(_ *Config, s *provider.Spec) { s.Job.Compute.Spot = true }, []string{"compute.spot"}},
		"no image": {func(c *Config, _ *provider.Spec) { c.Image = "" }, []string{"model.artifact"}},
		"machine":  {func(_ *Config, s *provider.Spec) { s.Job.Compute.Machine = "large" }, []string{"compute.machine"}},
		"gpu":      {func(_ *Config, s *provider.Spec) { s.Job.Compute.GPU = &job.GPU{Type: "x", Count: 1} }, []string{"compute.gpu"}},
		"payload":  {func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = 5 }, []string{"batching.payload"}},
		"no spec":  {func(_ *Config, s *provider.Spec) { *s = provider.Spec{} }, nil},
		"container": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentJSONL}}
		}, set},
		"all that ours does": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentJSONL}}
			s.Job.Output.Keep, s.Job.Output.Select = []job.Rename{{Name: "a", Field: "a"}}, []job.Selection{{Name: "y", Path: "y"}}
			s.Job.Batching.Records = 5
		}, []string{"input.key", "input.tensor", "output.keep", "output.select", "batching.records"}},
		"nothing that ours does": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentJSONL}}
			s.Job.Input.Key, s.Job.Input.Tensors = nil, nil
		}, nil},
		"registered": {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{Kind: "x"}} }, set},
		"elsewhere":  {func(_ *Config, s *provider.Spec) { s.Job.Model = job.Model{Registered: map[string]string{"oci": "x"}} }, append([]string{"model.registered"}, set...)},
		"instances": {func(_ *Config, s *provider.Spec) {
			s.Job.Model = job.Model{Container: &job.Container{ContentType: job.ContentInstances}}
		}, append([]string{"model.container"}, set...)},
		"whole MiB":   {func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = 2 * job.MiB }, nil},
		"rounded MiB": {func(_ *Config, s *provider.Spec) { s.Job.Batching.Payload = 2*job.MiB + 1 }, nil},
	} {
		cfg, s := plainConfig(), inPlace(t)
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

func TestPayloadIsRoundedAloud(t *testing.T) {
	for payload, want := range map[int64]provider.Level{0: provider.Exact, 3 * job.MiB: provider.Exact, 3*job.MiB + 1: provider.Emulated, job.MiB - 1: provider.Lost} {
		if got := checkPayload(job.Batching{Payload: payload}); got.Level != want {
			t.Errorf("%d: %+v", payload, got)
		}
	}
}

func TestKeyLeftOutIsSaid(t *testing.T) {
	for _, c := range []struct {
		key, machine string
		said         bool
	}{
		{"alias/batch", "ml.g5.xlarge", true}, // local disks
		{"", "ml.g5.xlarge", false},
		{"alias/batch", usualMachine, false},
	} {
		cfg, s := plainConfig(), inPlace(t)
		cfg.KMSKey, s.Job.Compute.Machine = c.key, c.machine
		for _, f := range backendOf(t, cfg).Check(s) {
			if f.Field == "compute.machine" && strings.Contains(f.Message, "kms_key") != c.said {
				t.Errorf("key %q on %s: %+v", c.key, c.machine, f)
			}
		}
	}
}
