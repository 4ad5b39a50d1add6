package vertex

import (
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
)

// accelerators are how many of a kind a machine type goes with. A type that comes
// with them has no others, and none without.
type accelerators map[aiplatformpb.AcceleratorType][]int32

// attachable are those of n1 machines.
var attachable = accelerators{
	aiplatformpb.AcceleratorType_NVIDIA_TESLA_T4:   {1, 2, 4},
	aiplatformpb.AcceleratorType_NVIDIA_TESLA_P4:   {1, 2, 4},
	aiplatformpb.AcceleratorType_NVIDIA_TESLA_P100: {1, 2, 4},
	aiplatformpb.AcceleratorType_NVIDIA_TESLA_V100: {1, 2, 4, 8},
}

// families are machine types without accelerators of their own, by the numbers of
// their processors.
// https://docs.cloud.google.com/vertex-ai/docs/predictions/configure-compute
var families = map[string][]int{
	"n1-standard": {2, 4, 8, 16, 32}, "n1-highmem": {2, 4, 8, 16, 32}, "n1-highcpu": {2, 4, 8, 16, 32},
	"n2-standard": {2, 4, 8, 16, 32}, "n2-highmem": {2, 4, 8, 16, 32}, "n2-highcpu": {2, 4, 8, 16, 32},
	"n2d-standard": {2, 4, 8, 16, 32}, "n2d-highmem": {2, 4, 8, 16, 32}, "n2d-highcpu": {2, 4, 8, 16, 32},
	"e2-standard": {2, 4, 8, 16, 32}, "e2-highmem": {2, 4, 8, 16}, "e2-highcpu": {2, 4, 8, 16, 32},
	"c2-standard": {4, 8, 16, 30, 60}, "c2d-standard": {2, 4, 8, 16, 32, 56, 112},
	"c3-standard": {4, 8, 22, 44, 88, 176}, "c3-highmem": {4, 8, 22, 44, 88, 176}, "c3-highcpu": {4, 8, 22, 44, 88, 176},
}

// equipped are machine types that come with accelerators.
var equipped = map[string]struct {
	of    aiplatformpb.AcceleratorType
	count int32
}{
	"g2-standard-4": {aiplatformpb.AcceleratorType_NVIDIA_L4, 1}, "g2-standard-8": {aiplatformpb.AcceleratorType_NVIDIA_L4, 1},
	"g2-standard-12": {aiplatformpb.AcceleratorType_NVIDIA_L4, 1}, "g2-standard-16": {aiplatformpb.AcceleratorType_NVIDIA_L4, 1},
	"g2-standard-24": {aiplatformpb.AcceleratorType_NVIDIA_L4, 2}, "g2-standard-32": {aiplatformpb.AcceleratorType_NVIDIA_L4, 1},
	"g2-standard-48": {aiplatformpb.AcceleratorType_NVIDIA_L4, 4}, "g2-standard-96": {aiplatformpb.AcceleratorType_NVIDIA_L4, 8},
	"a2-highgpu-1g": {aiplatformpb.AcceleratorType_NVIDIA_TESLA_A100, 1}, "a2-highgpu-2g": {aiplatformpb.AcceleratorType_NVIDIA_TESLA_A100, 2},
	"a2-highgpu-4g": {aiplatformpb.AcceleratorType_NVIDIA_TESLA_A100, 4}, "a2-highgpu-8g": {aiplatformpb.AcceleratorType_NVIDIA_TESLA_A100, 8},
	"a2-megagpu-16g": {aiplatformpb.AcceleratorType_NVIDIA_TESLA_A100, 16},
	"a2-ultragpu-1g": {aiplatformpb.AcceleratorType_NVIDIA_A100_80GB, 1}, "a2-ultragpu-2g": {aiplatformpb.AcceleratorType_NVIDIA_A100_80GB, 2},
	"a2-ultragpu-4g": {aiplatformpb.AcceleratorType_NVIDIA_A100_80GB, 4}, "a2-ultragpu-8g": {aiplatformpb.AcceleratorType_NVIDIA_A100_80GB, 8},
	"a3-highgpu-1g": {aiplatformpb.AcceleratorType_NVIDIA_H100_80GB, 1}, "a3-highgpu-2g": {aiplatformpb.AcceleratorType_NVIDIA_H100_80GB, 2},
	"a3-highgpu-4g": {aiplatformpb.AcceleratorType_NVIDIA_H100_80GB, 4}, "a3-highgpu-8g": {aiplatformpb.AcceleratorType_NVIDIA_H100_80GB, 8},
	"a3-megagpu-8g": {aiplatformpb.AcceleratorType_NVIDIA_H100_MEGA_80GB, 8}, "a3-ultragpu-8g": {aiplatformpb.AcceleratorType_NVIDIA_H200_141GB, 8},
}

// machineAccelerators are those that a machine type goes with. ok is false when there
// is no such type; needs says that it must have some.
func machineAccelerators(machine string) (may accelerators, needs, ok bool) {
	if e, found := equipped[machine]; found {
		return accelerators{e.of: {e.count}}, true, true
	}
	at := strings.LastIndexByte(machine, '-')
	if at < 0 || !slices.ContainsFunc(families[machine[:at]], func(n int) bool { return fmt.Sprint(n) == machine[at+1:] }) {
		return nil, false, false
	}
	if strings.HasPrefix(machine, "n1-") {
		return attachable, false, true
	}
	return nil, false, true
}

const machineField = "batch_prediction_job.dedicated_resources.machine_spec"

func (v *violations) machine(m *aiplatformpb.MachineSpec) {
	may, needs, ok := machineAccelerators(m.GetMachineType())
	kind, count := m.GetAcceleratorType(), m.GetAcceleratorCount()
	none := kind == aiplatformpb.AcceleratorType_ACCELERATOR_TYPE_UNSPECIFIED
	switch {
	case m.GetMachineType() == "":
		v.required(machineField + ".machine_type")
	case !ok:
		v.add(machineField+".machine_type", "Machine type %q is not supported.", m.GetMachineType())
	case none != (count == 0) || count < 0:
		v.add(machineField+".accelerator_count", "Accelerator type and a positive accelerator count must be set together.")
	case none && needs:
		v.add(machineField+".accelerator_type", "Machine type %q needs its accelerators to be specified.", m.GetMachineType())
	case !none && !slices.Contains(may[kind], count):
		v.add(machineField+".accelerator_type", "Machine type %q is not supported with %d accelerators of type %s.", m.GetMachineType(), count, kind)
	}
	switch {
	case m.GetGpuPartitionSize() != "":
		v.notEmulated(machineField+".gpu_partition_size", "A GPU partition size")
	case m.GetTpuTopology() != "":
		v.add(machineField+".tpu_topology", "A TPU topology goes with TPU machines only.")
	}
}
