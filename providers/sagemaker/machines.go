package sagemaker

import (
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/machine"
)

// usualMachine is taken where a job asks for nothing.
const usualMachine = "ml.m5.xlarge"

// family makes machines whose memory grows with their processors.
func family(name string, gib int64, cpus map[string]int) []provider.Machine {
	var out []provider.Machine
	for size, n := range cpus {
		out = append(out, provider.Machine{Name: "ml." + name + "." + size, CPUs: n, Memory: int64(n) * gib * job.GiB})
	}
	return out
}

// accelerated are machines with a GPU, or what stands in its place.
func accelerated(name, gpu string, sizes map[string][3]int) []provider.Machine {
	var out []provider.Machine
	for size, s := range sizes {
		out = append(out, provider.Machine{Name: "ml." + name + "." + size, CPUs: s[0], Memory: int64(s[1]) * job.GiB, GPU: gpu, GPUs: s[2]})
	}
	return out
}

// machines are all types. The list is that of the SDK's TransformInstanceType, which
// a test holds it against; sizes are those of
// https://aws.amazon.com/ec2/instance-types/.
func machines() []provider.Machine {
	six := map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "32xlarge": 128}
	seven := map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "48xlarge": 192}
	g := map[string][3]int{
		"xlarge": {4, 16, 1}, "2xlarge": {8, 32, 1}, "4xlarge": {16, 64, 1}, "8xlarge": {32, 128, 1},
		"12xlarge": {48, 192, 4}, "16xlarge": {64, 256, 1}, "24xlarge": {96, 384, 4}, "48xlarge": {192, 768, 8},
	}
	return slices.Concat(
		family("m4", 4, map[string]int{"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "10xlarge": 40, "16xlarge": 64}),
		[]provider.Machine{
			{Name: "ml.c4.xlarge", CPUs: 4, Memory: 7680 * job.MiB}, {Name: "ml.c4.2xlarge", CPUs: 8, Memory: 15 * job.GiB},
			{Name: "ml.c4.4xlarge", CPUs: 16, Memory: 30 * job.GiB}, {Name: "ml.c4.8xlarge", CPUs: 36, Memory: 60 * job.GiB},
		},
		family("c5", 2, map[string]int{"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "9xlarge": 36, "18xlarge": 72}),
		family("m5", 4, map[string]int{"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "12xlarge": 48, "24xlarge": 96}),
		family("c6i", 2, six), family("m6i", 4, six), family("r6i", 8, six),
		family("c7i", 2, seven), family("m7i", 4, seven), family("r7i", 8, seven),
		accelerated("p2", "nvidia-k80", map[string][3]int{"xlarge": {4, 61, 1}, "8xlarge": {32, 488, 8}, "16xlarge": {64, 732, 16}}),
		accelerated("p3", "nvidia-v100", map[string][3]int{"2xlarge": {8, 61, 1}, "8xlarge": {32, 244, 4}, "16xlarge": {64, 488, 8}}),
		accelerated("g4dn", "nvidia-t4", map[string][3]int{
			"xlarge": {4, 16, 1}, "2xlarge": {8, 32, 1}, "4xlarge": {16, 64, 1}, "8xlarge": {32, 128, 1}, "12xlarge": {48, 192, 4}, "16xlarge": {64, 256, 1},
		}),
		accelerated("g5", "nvidia-a10g", g),
		accelerated("g6", "nvidia-l4", g),
		accelerated("g6e", "nvidia-l40s", map[string][3]int{
			"xlarge": {4, 32, 1}, "2xlarge": {8, 64, 1}, "4xlarge": {16, 128, 1}, "8xlarge": {32, 256, 1},
			"12xlarge": {48, 384, 4}, "16xlarge": {64, 512, 1}, "24xlarge": {96, 768, 4}, "48xlarge": {192, 1536, 8},
		}),
		accelerated("trn1", "aws-trainium", map[string][3]int{"2xlarge": {8, 32, 1}, "32xlarge": {128, 512, 16}}),
		accelerated("inf2", "aws-inferentia2", map[string][3]int{"xlarge": {4, 16, 1}, "8xlarge": {32, 128, 1}, "24xlarge": {96, 384, 6}, "48xlarge": {192, 768, 12}}),
	)
}

// choose is the machine of a job.
func choose(c job.Compute) (provider.Machine, *machine.Unmet) {
	return machine.Offer{Service: "Batch Transform", Usual: usualMachine, Types: machines()}.Choose(c)
}

// ownDisks says that a machine has local disks, which its hardware encrypts.
func ownDisks(m provider.Machine) bool {
	return slices.Contains([]string{"g4dn", "g5", "g6", "g6e", "trn1"}, strings.Split(m.Name, ".")[1])
}
