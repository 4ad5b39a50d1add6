package sagemaker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// usualMachine is taken where a job asks for nothing.
const usualMachine = "ml.m5.xlarge"

// machine is a type that Batch Transform accepts.
type machine struct {
	name   string
	cpus   int
	memory int64 // MiB
	gpu    string
	gpus   int
	disk   bool // it has local disks, which its hardware encrypts
}

// family makes machines whose memory grows with their processors.
func family(name string, gib int64, cpus map[string]int) []machine {
	var out []machine
	for size, n := range cpus {
		out = append(out, machine{name: "ml." + name + "." + size, cpus: n, memory: int64(n) * gib * 1024})
	}
	return out
}

// accelerated are machines with a GPU, or what stands in its place.
func accelerated(name, gpu string, disk bool, sizes map[string][3]int) []machine {
	var out []machine
	for size, s := range sizes {
		out = append(out, machine{name: "ml." + name + "." + size, cpus: s[0], memory: int64(s[1]) * 1024, gpu: gpu, gpus: s[2], disk: disk})
	}
	return out
}

// machines are all types, the smallest first: by processors, memory and name. The
// list is that of the SDK's TransformInstanceType, which a test holds it against;
// sizes are those of https://aws.amazon.com/ec2/instance-types/.
func machines() []machine {
	six := map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "32xlarge": 128}
	seven := map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "48xlarge": 192}
	g := map[string][3]int{
		"xlarge": {4, 16, 1}, "2xlarge": {8, 32, 1}, "4xlarge": {16, 64, 1}, "8xlarge": {32, 128, 1},
		"12xlarge": {48, 192, 4}, "16xlarge": {64, 256, 1}, "24xlarge": {96, 384, 4}, "48xlarge": {192, 768, 8},
	}
	all := slices.Concat(
		family("m4", 4, map[string]int{"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "10xlarge": 40, "16xlarge": 64}),
		[]machine{
			{name: "ml.c4.xlarge", cpus: 4, memory: 7680}, {name: "ml.c4.2xlarge", cpus: 8, memory: 15 * 1024},
			{name: "ml.c4.4xlarge", cpus: 16, memory: 30 * 1024}, {name: "ml.c4.8xlarge", cpus: 36, memory: 60 * 1024},
		},
		family("c5", 2, map[string]int{"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "9xlarge": 36, "18xlarge": 72}),
		family("m5", 4, map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "12xlarge": 48, "24xlarge": 96}),
		family("c6i", 2, six), family("m6i", 4, six), family("r6i", 8, six),
		family("c7i", 2, seven), family("m7i", 4, seven), family("r7i", 8, seven),
		accelerated("p2", "nvidia-k80", false, map[string][3]int{"xlarge": {4, 61, 1}, "8xlarge": {32, 488, 8}, "16xlarge": {64, 732, 16}}),
		accelerated("p3", "nvidia-v100", false, map[string][3]int{"2xlarge": {8, 61, 1}, "8xlarge": {32, 244, 4}, "16xlarge": {64, 488, 8}}),
		accelerated("g4dn", "nvidia-t4", true, map[string][3]int{
			"xlarge": {4, 16, 1}, "2xlarge": {8, 32, 1}, "4xlarge": {16, 64, 1}, "8xlarge": {32, 128, 1}, "12xlarge": {48, 192, 4}, "16xlarge": {64, 256, 1},
		}),
		accelerated("g5", "nvidia-a10g", true, g),
		accelerated("g6", "nvidia-l4", true, g),
		accelerated("g6e", "nvidia-l40s", true, map[string][3]int{
			"xlarge": {4, 32, 1}, "2xlarge": {8, 64, 1}, "4xlarge": {16, 128, 1}, "8xlarge": {32, 256, 1},
			"12xlarge": {48, 384, 4}, "16xlarge": {64, 512, 1}, "24xlarge": {96, 768, 4}, "48xlarge": {192, 1536, 8},
		}),
		accelerated("trn1", "aws-trainium", true, map[string][3]int{"2xlarge": {8, 32, 1}, "32xlarge": {128, 512, 16}}),
		accelerated("inf2", "aws-inferentia2", false, map[string][3]int{"xlarge": {4, 16, 1}, "8xlarge": {32, 128, 1}, "24xlarge": {96, 384, 6}, "48xlarge": {192, 768, 12}}),
	)
	slices.SortFunc(all, func(a, b machine) int {
		return cmp.Or(cmp.Compare(a.cpus, b.cpus), cmp.Compare(a.memory, b.memory), cmp.Compare(a.name, b.name))
	})
	return all
}

// unmet says which field of compute no machine satisfies.
type unmet struct{ field, why string }

func (u *unmet) Error() string { return u.field + ": " + u.why }

// choose is the machine of a job: the one it names, or the smallest that has what
// it asks for. One with a GPU is taken only for who asks for a GPU.
func choose(c job.Compute) (machine, *unmet) {
	all := machines()
	name := c.Machine
	if name == "" && c.CPUs == 0 && c.Memory == 0 && c.GPU == nil {
		name = usualMachine
	}
	if name != "" {
		i := slices.IndexFunc(all, func(m machine) bool { return m.name == name })
		if i < 0 {
			return machine{}, &unmet{"compute.machine", fmt.Sprintf("Batch Transform has no machine %q; there are %s, %s and more, from the SDK's list of transform instance types", name, usualMachine, "ml.g5.xlarge")}
		}
		return all[i], nil
	}
	left := all
	for _, need := range []struct {
		field, what string
		has         func(m machine) bool
	}{
		{"compute.gpu", gpuText(c.GPU), func(m machine) bool {
			if c.GPU == nil {
				return m.gpu == ""
			}
			return m.gpu == c.GPU.Type && m.gpus >= c.GPU.Count
		}},
		{"compute.cpus", fmt.Sprintf("%d processors", c.CPUs), func(m machine) bool { return m.cpus >= c.CPUs }},
		{"compute.memory", fmt.Sprintf("%d bytes of memory", c.Memory), func(m machine) bool { return m.memory*job.MiB >= c.Memory }},
	} {
		var fit []machine
		for _, m := range left {
			if need.has(m) {
				fit = append(fit, m)
			}
		}
		if left = fit; len(left) == 0 {
			return machine{}, &unmet{need.field, "Batch Transform has no machine with " + need.what + " and all else that is asked for"}
		}
	}
	return left[0], nil
}

func gpuText(g *job.GPU) string {
	if g == nil {
		return "no GPU"
	}
	return fmt.Sprintf("%d x %s (the names are like nvidia-t4, nvidia-a10g, nvidia-l4)", g.Count, g.Type)
}

// refused is the error of a job for which there is no machine.
func (u *unmet) refused() error {
	return provider.Errorf(provider.Unsupported, "%s: %s", u.field, u.why)
}
