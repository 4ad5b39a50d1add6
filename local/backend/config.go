package backend

import (
	"context"
	"os/exec"
	"sync"
	"sync/atomic"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Kind is the kind of provider blocks that this package serves.
const Kind = "local"

// Config is a provider block.
type Config struct {
	Alias  string
	Device string // auto, cpu, cuda, cuda:N or an execution provider of ONNX Runtime; empty: auto
	Runs   string // folder below which the attempts of all runs of a ledger lie, as RUN/aATTEMPT
}

// Deps are what a Backend stands on. All of them are required.
type Deps struct {
	Clock clockwork.Clock
	// Worker makes the command whose process calls Work for a folder, with its
	// descriptor 3 as WorkerDeps.Ready. The backend settles what else it inherits.
	Worker func(dir string) (*exec.Cmd, error)
	// Library finds ONNX Runtime. It need not be loaded here.
	Library func(context.Context) (onnx.Library, error)
}

// Backend is the local provider.
type Backend struct {
	config Config
	deps   Deps
	closed atomic.Bool

	mu       sync.Mutex
	children map[int]bool // workers that this process started and has not reaped
}

var _ provider.Backend = (*Backend)(nil)

// New makes a Backend. It touches nothing.
func New(c Config, d Deps) *Backend {
	return &Backend{config: c, deps: d, children: map[int]bool{}}
}

// Close ends the use of the Backend. Workers go on.
func (b *Backend) Close() error {
	b.closed.Store(true)
	b.reap()
	return nil
}

// usable says whether a call may begin.
func (b *Backend) usable(ctx context.Context) error {
	if b.closed.Load() {
		return provider.ErrClosed
	}
	return ctx.Err()
}
