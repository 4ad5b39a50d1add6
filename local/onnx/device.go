package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/crossbatch/crossbatch/core/model"
)

// ErrNoDevice says that a device was asked for which this machine, or the
// installed library, does not offer.
var ErrNoDevice = errors.New("device not available")

// Device is where a session runs: "cpu", "cuda" with an index, or another
// execution provider of ONNX Runtime by its own name.
type Device struct {
	Name  string // cpu, cuda, or an execution provider's name in lower case
	Index int    // cuda only
}

// String is the form that ParseDevice reads.
func (d Device) String() string {
	if d.Index > 0 {
		return d.Name + ":" + strconv.Itoa(d.Index)
	}
	return d.Name
}

// CPU is the device that every library offers.
func CPU() Device { return Device{Name: "cpu"} }

// named are the execution providers that are asked for by name, and what ONNX
// Runtime calls them.
func named() map[string]string {
	return map[string]string{
		"coreml": "CoreML", "directml": "DML", "migraphx": "MIGraphX",
		"openvino": "OpenVINO", "qnn": "QNN", "tensorrt": "NvTensorRtRtx",
		"webgpu": "WebGPU", "xnnpack": "XNNPACK",
	}
}

// ParseDevice reads "auto", "cpu", "cuda", "cuda:1" or another name. "auto" and
// "" are the Device without a name, which Choose resolves. Whether the device
// is there is a matter of Probe.
func ParseDevice(s string) (Device, error) {
	name, index, indexed := strings.Cut(strings.ToLower(strings.TrimSpace(s)), ":")
	d := Device{Name: name}
	if indexed {
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 || name != "cuda" {
			return Device{}, fmt.Errorf("device %q: write auto, cpu, cuda or cuda:N", s)
		}
		d.Index = n
	}
	switch {
	case name == "auto", name == "":
		return Device{}, nil
	case name == "cpu", name == "cuda", named()[name] != "":
		return d, nil
	}
	return Device{}, fmt.Errorf("device %q: write auto, cpu, cuda, cuda:N, or another execution provider of ONNX Runtime (coreml, directml, migraphx, openvino, qnn, tensorrt, webgpu, xnnpack)", s)
}

// Choose resolves a device that was asked for. "auto" is cuda where it works,
// else cpu; every other device must work, or the error is ErrNoDevice: nothing
// falls back silently.
func (r *Runtime) Choose(d Device) (Device, error) {
	if d.Name == "" {
		cuda := Device{Name: "cuda"}
		if runtime.GOOS != "darwin" && r.Probe(cuda) == nil {
			return cuda, nil
		}
		return CPU(), nil
	}
	if err := r.Probe(d); err != nil {
		return Device{}, err
	}
	return d, nil
}

// Probe runs a model of one node on the device.
func (r *Runtime) Probe(d Device) error {
	s, err := r.NewSession(Model{Bytes: probeModel()}, []string{"x"}, []Output{{Name: "y"}}, Options{Device: d, Threads: 1})
	if errors.Is(err, ErrNoDevice) {
		return err
	}
	if err != nil { // the model is sound, so it is the device
		return fmt.Errorf("%w: %s: %w", ErrNoDevice, d, err)
	}
	defer func() { _ = s.Close() }()
	in := NewTensor(model.Float32, []int64{1})
	if _, err := s.Run([]Tensor{in}); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoDevice, d, err)
	}
	return nil
}

// Devices lists the devices that work on this machine, cpu first.
func (r *Runtime) Devices() []Device {
	all := []Device{CPU(), {Name: "cuda"}}
	for _, name := range []string{"coreml", "directml", "migraphx", "openvino", "qnn", "tensorrt", "webgpu", "xnnpack"} {
		all = append(all, Device{Name: name})
	}
	var out []Device
	for _, d := range all {
		if d.Name == "webgpu" && !mayHaveVulkan() {
			continue
		}
		if r.Probe(d) == nil {
			out = append(out, d)
		}
	}
	return out
}

// mayHaveVulkan keeps WebGPU from being tried where it cannot work: without
// Vulkan's loader, Linux builds of ONNX Runtime complain on stderr.
func mayHaveVulkan() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	return slices.ContainsFunc(systemFolders("linux", os.Getenv), func(dir string) bool {
		return regular(filepath.Join(dir, "libvulkan.so.1"))
	})
}

// use adds the device's execution provider to the session's options.
func (d Device) use(o *ort.SessionOptions) error {
	var err error
	switch d.Name {
	case "cpu":
		return nil
	case "cuda":
		err = useCUDA(o, d.Index)
	default:
		err = o.AppendExecutionProvider(named()[d.Name], nil)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %s", ErrNoDevice, d, oneLine(err))
	}
	return nil
}

func useCUDA(o *ort.SessionOptions, index int) error {
	c, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer func() { _ = c.Destroy() }()
	if err := c.Update(map[string]string{"device_id": strconv.Itoa(index)}); err != nil {
		return err
	}
	return o.AppendExecutionProviderCUDA(c)
}
