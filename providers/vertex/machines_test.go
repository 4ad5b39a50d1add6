package vertex

import (
	"testing"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestMachines(t *testing.T) {
	seen := map[provider.Machine]bool{}
	for _, m := range machines() {
		if m.Name == "" || m.CPUs == 0 || m.Memory < job.GiB || (m.GPU == "") != (m.GPUs == 0) {
			t.Errorf("%+v", m)
		}
		if m.GPU != "" && accelerators()[m.GPU] == pb.AcceleratorType_ACCELERATOR_TYPE_UNSPECIFIED {
			t.Errorf("the service has no name for %s", m.GPU)
		}
		if seen[m] {
			t.Errorf("%s is there twice", m.Name)
		}
		seen[m] = true
	}
}

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		asked   job.Compute
		machine string
		gpu     string
		gpus    int
		unmet   string
	}{
		"nothing":            {job.Compute{}, usualMachine, "", 0, ""},
		"processors":         {job.Compute{CPUs: 3}, "n1-highcpu-4", "", 0, ""},
		"memory":             {job.Compute{Memory: 100 * job.GiB}, "n1-highmem-16", "", 0, ""},
		"both":               {job.Compute{CPUs: 16, Memory: 64 * job.GiB}, "n2-standard-16", "", 0, ""},
		"a GPU":              {job.Compute{GPU: &job.GPU{Type: "nvidia-t4", Count: 1}}, "n1-standard-2", "nvidia-t4", 1, ""},
		"more GPUs":          {job.Compute{GPU: &job.GPU{Type: "nvidia-t4", Count: 3}}, "n1-standard-2", "nvidia-t4", 4, ""},
		"a GPU and memory":   {job.Compute{Memory: 60 * job.GiB, GPU: &job.GPU{Type: "nvidia-l4", Count: 1}}, "g2-standard-16", "nvidia-l4", 1, ""},
		"GPUs for many":      {job.Compute{CPUs: 17, GPU: &job.GPU{Type: "nvidia-v100", Count: 2}}, "n1-standard-32", "nvidia-v100", 4, ""},
		"by name":            {job.Compute{Machine: "n1-standard-8", CPUs: 64}, "n1-standard-8", "", 0, ""},
		"by name, with GPU":  {job.Compute{Machine: "n1-standard-8", GPU: &job.GPU{Type: "nvidia-t4", Count: 2}}, "n1-standard-8", "nvidia-t4", 2, ""},
		"one that has a GPU": {job.Compute{Machine: "g2-standard-24"}, "g2-standard-24", "nvidia-l4", 2, ""},
		"GPU of another":     {job.Compute{Machine: "g2-standard-4", GPU: &job.GPU{Type: "nvidia-t4", Count: 1}}, "", "", 0, "compute.gpu"},
	} {
		m, none := choose(c.asked)
		switch {
		case none != nil:
			if none.Field != c.unmet {
				t.Errorf("%s: %v", name, none)
			}
		case c.unmet != "" || m.Name != c.machine || m.GPU != c.gpu || m.GPUs != c.gpus:
			t.Errorf("%s: %+v", name, m)
		}
	}
}
