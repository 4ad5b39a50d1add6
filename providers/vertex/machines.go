package vertex

import (
	"fmt"
	"slices"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/machine"
)

// usualMachine is taken where a job asks for nothing.
const usualMachine = "n1-standard-4"

// family makes machines whose memory grows with their processors.
func family(name string, mib int64, cpus ...int) []provider.Machine {
	var out []provider.Machine
	for _, n := range cpus {
		out = append(out, provider.Machine{Name: fmt.Sprintf("%s-%d", name, n), CPUs: n, Memory: int64(n) * mib * job.MiB})
	}
	return out
}

// attached are machines of a family with GPUs beside: for each number of them the
// most processors that they go with.
// https://cloud.google.com/compute/docs/gpus#n1-gpus
func attached(gpu string, most map[int]int, machines []provider.Machine) []provider.Machine {
	var out []provider.Machine
	for _, m := range machines {
		for n, cpus := range most {
			if m.CPUs <= cpus {
				m.GPU, m.GPUs = gpu, n
				out = append(out, m)
			}
		}
	}
	return out
}

// accelerated are machines that come with their GPUs.
func accelerated(gpu string, sizes map[string][3]int) []provider.Machine {
	var out []provider.Machine
	for name, s := range sizes {
		out = append(out, provider.Machine{Name: name, CPUs: s[0], Memory: int64(s[1]) * job.GiB, GPU: gpu, GPUs: s[2]})
	}
	return out
}

// machines are the types that are known here. Types and sizes are those of
// https://cloud.google.com/vertex-ai/docs/predictions/configure-compute; which of
// them a location has, the service says.
func machines() []provider.Machine {
	n1 := slices.Concat(family("n1-standard", 3840, 2, 4, 8, 16, 32), family("n1-highmem", 6656, 2, 4, 8, 16, 32))
	return slices.Concat(
		n1, family("n1-highcpu", 921, 4, 8, 16, 32),
		family("n2-standard", 4096, 2, 4, 8, 16, 32, 48, 64, 80), family("n2-highmem", 8192, 2, 4, 8, 16, 32, 48, 64, 80),
		attached("nvidia-t4", map[int]int{1: 24, 2: 48, 4: 96}, n1),
		attached("nvidia-p4", map[int]int{1: 24, 2: 48, 4: 96}, n1),
		attached("nvidia-p100", map[int]int{1: 16, 2: 32, 4: 96}, n1),
		attached("nvidia-v100", map[int]int{1: 12, 2: 24, 4: 48, 8: 96}, n1),
		accelerated("nvidia-l4", map[string][3]int{
			"g2-standard-4": {4, 16, 1}, "g2-standard-8": {8, 32, 1}, "g2-standard-12": {12, 48, 1}, "g2-standard-16": {16, 64, 1},
			"g2-standard-24": {24, 96, 2}, "g2-standard-32": {32, 128, 1}, "g2-standard-48": {48, 192, 4}, "g2-standard-96": {96, 384, 8},
		}),
		accelerated("nvidia-a100", map[string][3]int{
			"a2-highgpu-1g": {12, 85, 1}, "a2-highgpu-2g": {24, 170, 2}, "a2-highgpu-4g": {48, 340, 4}, "a2-highgpu-8g": {96, 680, 8}, "a2-megagpu-16g": {96, 1360, 16},
		}),
		accelerated("nvidia-a100-80gb", map[string][3]int{"a2-ultragpu-1g": {12, 170, 1}, "a2-ultragpu-2g": {24, 340, 2}, "a2-ultragpu-4g": {48, 680, 4}, "a2-ultragpu-8g": {96, 1360, 8}}),
		accelerated("nvidia-h100-80gb", map[string][3]int{"a3-highgpu-1g": {26, 234, 1}, "a3-highgpu-2g": {52, 468, 2}, "a3-highgpu-4g": {104, 936, 4}, "a3-highgpu-8g": {208, 1872, 8}}),
	)
}

// accelerators are what the service calls the GPUs.
func accelerators() map[string]pb.AcceleratorType {
	return map[string]pb.AcceleratorType{
		"nvidia-t4": pb.AcceleratorType_NVIDIA_TESLA_T4, "nvidia-p4": pb.AcceleratorType_NVIDIA_TESLA_P4,
		"nvidia-p100": pb.AcceleratorType_NVIDIA_TESLA_P100, "nvidia-v100": pb.AcceleratorType_NVIDIA_TESLA_V100,
		"nvidia-l4": pb.AcceleratorType_NVIDIA_L4, "nvidia-a100": pb.AcceleratorType_NVIDIA_TESLA_A100,
		"nvidia-a100-80gb": pb.AcceleratorType_NVIDIA_A100_80GB, "nvidia-h100-80gb": pb.AcceleratorType_NVIDIA_H100_80GB,
	}
}

// choose is the machine of a job.
func choose(c job.Compute) (provider.Machine, *machine.Unmet) {
	return machine.Offer{Service: "batch prediction", Usual: usualMachine, Types: machines()}.Choose(c)
}
