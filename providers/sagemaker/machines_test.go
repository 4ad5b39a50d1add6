package sagemaker

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// The table names the types that the SDK knows, each once, and no other.
func TestMachinesAreThoseOfTheSDK(t *testing.T) {
	var have, want []string
	for _, m := range machines() {
		have = append(have, m.Name)
		if m.CPUs < 2 || m.Memory < int64(m.CPUs)*job.GiB || (m.GPU == "") != (m.GPUs == 0) {
			t.Errorf("%+v", m)
		}
	}
	for _, v := range types.TransformInstanceType("").Values() {
		want = append(want, string(v))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		t.Errorf("%q\nthe SDK has\n%q", have, want)
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		compute job.Compute
		want    string
	}{
		{job.Compute{}, "ml.m5.xlarge"},
		{job.Compute{Instances: 8}, "ml.m5.xlarge"},
		{job.Compute{CPUs: 1}, "ml.c6i.large"},
		{job.Compute{CPUs: 2, Memory: 5 * job.GiB}, "ml.m5.large"},
		{job.Compute{CPUs: 4, Memory: 61 * job.GiB}, "ml.r6i.2xlarge"}, // not ml.p2.xlarge
		{job.Compute{Memory: 1000 * job.GiB}, "ml.r6i.32xlarge"},
		{job.Compute{CPUs: 129}, "ml.c7i.48xlarge"},
		{job.Compute{GPU: &job.GPU{Type: "nvidia-t4", Count: 1}}, "ml.g4dn.xlarge"},
		{job.Compute{GPU: &job.GPU{Type: "nvidia-t4", Count: 2}}, "ml.g4dn.12xlarge"},
		{job.Compute{CPUs: 20, GPU: &job.GPU{Type: "nvidia-l40s", Count: 1}}, "ml.g6e.8xlarge"},
		{job.Compute{Machine: "ml.p3.2xlarge", CPUs: 999}, "ml.p3.2xlarge"},
	} {
		got, none := choose(c.compute)
		if none != nil || got.Name != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.compute, got.Name, none, c.want)
		}
	}
}

// A machine that is named comes with the GPUs that it has, and no others.
func TestNamedMachineWithoutTheGPU(t *testing.T) {
	t4 := &job.GPU{Type: "nvidia-t4", Count: 2}
	for name, met := range map[string]bool{"ml.g4dn.12xlarge": true, "ml.g4dn.xlarge": false, "ml.g5.12xlarge": false, "ml.m5.xlarge": false} {
		_, none := choose(job.Compute{Machine: name, GPU: t4})
		if met != (none == nil) || none != nil && none.Field != "compute.gpu" {
			t.Errorf("%s: %v", name, none)
		}
		s := inPlace(t)
		s.Job.Compute.Machine, s.Job.Compute.GPU = name, t4
		if _, err := backendOf(t, plainConfig()).Translate(s); met != (err == nil) || !met && provider.CodeOf(err) != provider.Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}
