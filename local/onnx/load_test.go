package onnx

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/model"
)

func TestLoadTwice(t *testing.T) {
	rt := loadedRuntime(t)
	again, err := Load(rt.Library)
	if err != nil || again.Version != rt.Version || rt.Version != Version {
		t.Errorf("loading again: %+v, %v; version %s", again, err, rt.Version)
	}
	_, err = Load(Library{Path: "/other/libonnxruntime.so"})
	if err == nil || !strings.Contains(err.Error(), "cannot load /other/libonnxruntime.so beside it") {
		t.Errorf("another library: %v", err)
	}
}

func TestLoadOfNoLibrary(t *testing.T) {
	loadedRuntime(t)
	text := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(text, []byte("not a library\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, "/nowhere/libonnxruntime.so"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", inChild+"="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "loading ONNX Runtime from "+path+" (found by CROSSBATCH_ONNXRUNTIME): ") ||
			!strings.Contains(lines[0], "`crossbatch runtime install`") || lines[1] != "then "+Version {
			t.Errorf("%s", out)
		}
	}
}

func TestParseDevice(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "auto": "", "AUTO ": "", "cpu": "cpu", "cuda": "cuda", "cuda:0": "cuda", "CUDA:2": "cuda:2",
		"webgpu": "webgpu", "tensorrt": "tensorrt",
	} {
		d, err := ParseDevice(in)
		if err != nil || d.String() != want {
			t.Errorf("%q: %v, %v", in, d, err)
		}
		if back, err := ParseDevice(d.String()); err != nil || back != d {
			t.Errorf("%q: reads back as %v, %v", in, back, err)
		}
	}
	for _, in := range []string{"gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:1", "auto:1", ":1", "cuda:1:2"} {
		if d, err := ParseDevice(in); err == nil || !strings.Contains(err.Error(), "write auto, cpu, cuda") {
			t.Errorf("%q: %v, %v", in, d, err)
		}
	}
}

func TestDevices(t *testing.T) {
	rt := loadedRuntime(t)
	devices := rt.Devices()
	if len(devices) == 0 || devices[0] != CPU() {
		t.Fatalf("%v", devices)
	}
	hasCUDA := slices.Contains(devices, Device{Name: "cuda"})
	auto, err := rt.Choose(Device{})
	if err != nil || hasCUDA != (auto.Name == "cuda") || !hasCUDA && auto != CPU() {
		t.Errorf("auto is %v, %v", auto, err)
	}
	if d, err := rt.Choose(CPU()); err != nil || d != CPU() {
		t.Errorf("cpu is %v, %v", d, err)
	}
	if !hasCUDA {
		_, err := rt.Choose(Device{Name: "cuda"})
		if !errors.Is(err, ErrNoDevice) || !strings.HasPrefix(err.Error(), "device not available: cuda: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("cuda: %v", err)
		}
	}
	if _, err := rt.Choose(Device{Name: "qnn"}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("qnn: %v", err)
	}
}

func TestModelThatDoesNotLoad(t *testing.T) {
	rt := loadedRuntime(t)
	for _, m := range []Model{{Bytes: []byte("text")}, {Path: "/nowhere/model.onnx"}} {
		_, err := rt.NewSession(m, []string{"x"}, []Output{{Name: "y"}}, Options{Device: CPU()})
		if err == nil || errors.Is(err, ErrNoDevice) || strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "ONNX Runtime does not load the model on cpu: ") {
			t.Errorf("%v", err)
		}
	}
	if _, err := rt.NewSession(Model{Bytes: probeModel()}, nil, []Output{{Name: "y"}}, Options{Device: CPU()}); err == nil {
		t.Error("a model without inputs must be refused")
	}
}

func TestNamesThatTheModelLacks(t *testing.T) {
	rt := loadedRuntime(t)
	for _, names := range [][2]string{{"x", "none"}, {"none", "y"}} {
		s, err := rt.NewSession(Model{Bytes: probeModel()}, []string{names[0]}, []Output{{Name: names[1]}}, Options{Device: CPU()})
		if err != nil {
			continue // said at once: as good
		}
		if _, err := s.Run([]Tensor{NewTensor(model.Float32, []int64{1})}); err == nil {
			t.Errorf("%v: no error", names)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
