package main

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// machine is where a table was made.
type machine struct {
	CPU         string  `json:"cpu"`
	Cores       int     `json:"cores"`
	Memory      float64 `json:"memory_gib,omitempty"`
	OS          string  `json:"os"`
	Go          string  `json:"go"`
	Node        string  `json:"node,omitempty"`
	ONNXRuntime string  `json:"onnxruntime"`
	Crossbatch  string  `json:"crossbatch"`
}

// machine asks the system. What it does not tell is left out.
func (b *bench) machine(ctx context.Context) machine {
	m := machine{
		CPU: runtime.GOARCH, Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		ONNXRuntime: b.library.Version, Crossbatch: b.firstLine(ctx, b.binary, "version"),
	}
	if name := after("/proc/cpuinfo", "model name", ":"); name != "" {
		m.CPU = name
	}
	if name := after("/etc/os-release", "PRETTY_NAME", "="); name != "" {
		m.OS = strings.Trim(name, `"`) + ", " + m.OS
	}
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(after("/proc/meminfo", "MemTotal", ":"), " kB"), 64); err == nil {
		m.Memory = kb / (1 << 20)
	}
	if b.node != "" {
		m.Node = strings.TrimPrefix(b.firstLine(ctx, b.node, "--version"), "v")
	}
	return m
}

func (b *bench) firstLine(ctx context.Context, args ...string) string {
	r, err := execute(ctx, process{args: args})
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(r.stdout), "\n")
	return first
}

// after finds the first line of a file that begins with a name, and returns what
// stands behind the separator.
func after(path, name, separator string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, separator); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
