package onnx

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// loading guards the binding's own process-wide state, which is unlocked: the
// library may be loaded once, and never be unloaded while sessions live.
var loading sync.Mutex

// Runtime is a loaded ONNX Runtime. There is one in a process; it is never
// unloaded. It is safe for concurrent use.
type Runtime struct {
	Library Library
	Version string // as the library says, "1.27.0"
}

// Load loads a library into this process. Loading the same one again is free;
// a second, different one is an error, as the binding keeps its state in the
// process.
func Load(lib Library) (*Runtime, error) {
	loading.Lock()
	defer loading.Unlock()
	if !ort.IsInitialized() {
		ort.SetSharedLibraryPath(lib.Path)
		// What fails comes back as an error; logged, it would stand on stderr once
		// more for each half of a batch.
		if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
			return nil, loadError(lib, err)
		}
		loaded = lib
	} else if loaded.Path != lib.Path {
		return nil, fmt.Errorf("ONNX Runtime %s is loaded already; this process cannot load %s beside it", loaded.Path, lib.Path)
	}
	return &Runtime{Library: lib, Version: ort.GetVersion()}, nil
}

// loaded is what Load gave to the binding, guarded by loading.
var loaded Library

func loadError(lib Library, err error) error {
	msg := err.Error()
	switch {
	case strings.Contains(msg, "API version"), strings.Contains(msg, "Error setting ORT API base"):
		return fmt.Errorf("%s is too old or not an ONNX Runtime (version 1.24 or later is needed): run `crossbatch runtime install`: %w", lib.Path, err)
	default:
		return fmt.Errorf("loading ONNX Runtime from %s (found by %s): %w; `crossbatch runtime install` fetches one that works", lib.Path, lib.Source, err)
	}
}

// errNoInputs: the binding panics on a model without inputs.
var errNoInputs = errors.New("a model without inputs cannot score records")
