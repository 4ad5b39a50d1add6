package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/local/onnx"
)

// nodePackage is the version that crossbatch installs, so that both run the same
// library.
const nodePackage = "onnxruntime-node@" + onnx.Version

// bench is what a run of the benchmark needs.
type bench struct {
	options
	self    string // this program
	library library
	models  map[string]string // by asset's name, without folder and extension
	peer    string            // the plain Go program
	node    string            // empty: there is no row c
	script  string
	pin     []string // what keeps a process on one core
	notes   []string
}

// library is ONNX Runtime as crossbatch found it.
type library struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

func (b *bench) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
	b.log(format, args...)
}

// newBench makes everything but data.
func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, models: map[string]string{}}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(b.binary); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: run `make build` first", b.binary)
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, err
	}
	status, err := execute(ctx, process{args: []string{b.binary, "runtime", "status", "--json"}})
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime is missing, run `make runtime` first: %w", err)
	}
	if err := json.Unmarshal(status.stdout, &b.library); err != nil {
		return nil, fmt.Errorf("reading the status of ONNX Runtime: %w", err)
	}
	names, err := fs.Glob(assets, "models/*.onnx")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path, err := unpack(name, b.dir)
		if err != nil {
			return nil, err
		}
		b.models[strings.TrimSuffix(filepath.Base(name), ".onnx")] = path
	}
	if err := b.buildPeer(ctx); err != nil {
		return nil, err
	}
	if err := b.findNode(ctx); err != nil {
		return nil, err
	}
	b.findPin(ctx)
	return b, nil
}

func (b *bench) buildPeer(ctx context.Context) error {
	b.peer = filepath.Join(b.dir, "peer")
	_, err := execute(ctx, process{args: []string{"go", "build", "-o", b.peer, "github.com/crossbatch/crossbatch/local/engine/bench/peer"}})
	if err != nil {
		return fmt.Errorf("building the Go program to compare with (run this in the repository): %w", err)
	}
	return nil
}

// findNode installs the Node script and its package. Without Node the benchmark
// goes on without row c.
func (b *bench) findNode(ctx context.Context) error {
	path, err := exec.LookPath("node")
	if err != nil {
		b.note("Row c is left out: node is not on the PATH.")
		return nil
	}
	dir := filepath.Join(b.dir, "node")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if b.script, err = unpack("peer/peer.mjs", dir); err != nil {
		return err
	}
	if !installed(dir) {
		b.log("installing %s", nodePackage)
		_, err := execute(ctx, process{
			args: []string{"npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", dir, nodePackage},
			dir:  dir,
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.note("Row c is left out: npm could not install %s: %v", nodePackage, err)
			return nil
		}
	}
	b.node = path
	return nil
}

// installed says that the Node package is there in the version that is wanted.
func installed(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "onnxruntime-node", "package.json"))
	if err != nil {
		return false
	}
	var p struct {
		Version string `json:"version"`
	}
	return json.Unmarshal(text, &p) == nil && p.Version == onnx.Version
}

// findPin keeps a process on one core where the system can; GOMAXPROCS=1 alone
// leaves the garbage collector and ONNX Runtime free to use others.
func (b *bench) findPin(ctx context.Context) {
	if _, err := execute(ctx, process{args: []string{"taskset", "-c", "0", "true"}}); err == nil {
		b.pin = []string{"taskset", "-c", "0"}
	}
}
