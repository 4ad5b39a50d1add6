package machine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/machine"
)

func offer() machine.Offer {
	return machine.Offer{Service: "Batch", Usual: "plain-4", Types: []provider.Machine{
		{Name: "large-8", CPUs: 8, Memory: 64 * job.GiB},
		{Name: "plain-8", CPUs: 8, Memory: 32 * job.GiB},
		{Name: "plain-4", CPUs: 4, Memory: 16 * job.GiB, GPU: "t4", GPUs: 4},
		{Name: "plain-4", CPUs: 4, Memory: 16 * job.GiB, GPU: "t4", GPUs: 1},
		{Name: "plain-4", CPUs: 4, Memory: 16 * job.GiB},
		{Name: "gpu-2", CPUs: 2, Memory: 8 * job.GiB, GPU: "l4", GPUs: 1},
		{Name: "also-8", CPUs: 8, Memory: 32 * job.GiB},
	}}
}

func gpu(kind string, n int) *job.GPU { return &job.GPU{Type: kind, Count: n} }

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		asked job.Compute
		want  string
		gpus  int
	}{
		"nothing":            {job.Compute{}, "plain-4", 0},
		"more of them":       {job.Compute{Instances: 8}, "plain-4", 0},
		"a processor":        {job.Compute{CPUs: 1}, "plain-4", 0}, // not gpu-2
		"equals by name":     {job.Compute{CPUs: 5}, "also-8", 0},
		"memory":             {job.Compute{Memory: 32*job.GiB + 1}, "large-8", 0},
		"a GPU":              {job.Compute{GPU: gpu("t4", 1)}, "plain-4", 1},
		"more GPUs":          {job.Compute{GPU: gpu("t4", 2)}, "plain-4", 4},
		"by name":            {job.Compute{Machine: "plain-8", CPUs: 99, Memory: job.TiB}, "plain-8", 0},
		"by name, with GPU":  {job.Compute{Machine: "plain-4", GPU: gpu("t4", 1)}, "plain-4", 1},
		"one that has a GPU": {job.Compute{Machine: "gpu-2"}, "gpu-2", 1},
	} {
		got, none := offer().Choose(c.asked)
		if none != nil || got.Name != c.want || got.GPUs != c.gpus {
			t.Errorf("%s: %+v, %v", name, got, none)
		}
	}
}

func TestUnmet(t *testing.T) {
	for name, c := range map[string]struct {
		asked        job.Compute
		field, words string
	}{
		"no such machine":     {job.Compute{Machine: "large"}, "compute.machine", `Batch has no machine "large"; plain-4 is one`},
		"no such GPU":         {job.Compute{GPU: gpu("b200", 1)}, "compute.gpu", "no machine with 1 x b200 (of GPUs, there are l4, t4)"},
		"too many GPUs":       {job.Compute{GPU: gpu("l4", 2)}, "compute.gpu", "2 x l4"},
		"named, without":      {job.Compute{Machine: "plain-8", GPU: gpu("t4", 1)}, "compute.gpu", "no plain-8 with 1 x t4"},
		"named, with another": {job.Compute{Machine: "gpu-2", GPU: gpu("t4", 1)}, "compute.gpu", "no gpu-2 with 1 x t4"},
		"too many processors": {job.Compute{CPUs: 9}, "compute.cpus", "9 processors"},
		"too much memory":     {job.Compute{Memory: job.TiB}, "compute.memory", "bytes of memory"},
		"not together":        {job.Compute{CPUs: 5, GPU: gpu("t4", 1)}, "compute.cpus", "and all else"},
	} {
		got, none := offer().Choose(c.asked)
		if none == nil {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if none.Field != c.field || !strings.Contains(none.Why, c.words) || !errors.Is(none, provider.Unsupported) || provider.CodeOf(none) != provider.Unsupported {
			t.Errorf("%s: %v", name, none)
		}
	}
	bare := machine.Offer{Service: "Batch", Usual: "a", Types: []provider.Machine{{Name: "a"}}}
	if _, none := bare.Choose(job.Compute{GPU: gpu("t4", 1)}); none == nil || !strings.Contains(none.Why, "there are none") {
		t.Errorf("%v", none)
	}
}
