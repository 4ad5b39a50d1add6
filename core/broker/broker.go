package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Options are what a Broker stands on. All of them but Step are required.
type Options struct {
	Ledger  *ledger.Ledger // nil where there is none yet: then nothing but Index, Survey, Draft, Inspect and Alive may be called
	Open    storage.Opener // of destinations and inputs
	Backend Factory
	Clock   clockwork.Clock
	Jitter  func() float64 // in [0, 1): spreads the calls of many watchers
	Version string         // of crossbatch, recorded with a run

	// Model opens the model of a run, for providers that need it staged. Nil: a
	// file of this machine.
	Model func(ctx context.Context, artifact string) (*model.Package, error)

	// Report is told of a run while what it needs is staged, by one goroutine at a time
	// for each run. May be nil.
	Report func(Run)

	// Step is called before and after every native call and every step of
	// publishing, with the step's name. Crash tests end the process in it.
	Step func(point string)
}

// Factory makes the backend of a provider block.
type Factory func(ctx context.Context, b ledger.Block) (provider.Backend, error)

// Broker runs jobs. It is safe for concurrent use.
type Broker struct {
	o Options

	mu       sync.Mutex
	backends map[string]provider.Backend
	seen     map[string]provider.State  // of natives, so that no state goes backwards
	staged   map[string]*staging.Staged // by where it lies: it never changes
}

// New makes a Broker. The caller closes it.
func New(o Options) *Broker {
	if o.Step == nil {
		o.Step = func(string) {}
	}
	if o.Model == nil {
		o.Model = model.Open
	}
	return &Broker{o: o, backends: map[string]provider.Backend{}, seen: map[string]provider.State{}, staged: map[string]*staging.Staged{}}
}

// Close closes the backends.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, be := range b.backends {
		errs = append(errs, be.Close())
	}
	b.backends = map[string]provider.Backend{}
	return errors.Join(errs...)
}

// LedgerID is the id of the ledger, NoLedger where there is none yet.
func (b *Broker) LedgerID() string {
	if b.o.Ledger == nil {
		return NoLedger
	}
	return b.o.Ledger.ID()
}

// backend is the backend of a block; equal blocks share one.
func (b *Broker) backend(ctx context.Context, block ledger.Block) (provider.Backend, error) {
	key := block.Identity()
	b.mu.Lock()
	defer b.mu.Unlock()
	if be, ok := b.backends[key]; ok {
		return be, nil
	}
	be, err := b.o.Backend(ctx, block)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", block, err)
	}
	b.backends[key] = be
	return be, nil
}

// wrap says where an error of a backend comes from.
func (r *run) wrap(be provider.Backend, op string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var e *provider.Error
	if !errors.As(err, &e) {
		return &provider.Error{Code: be.Code(err), Provider: r.intent.Provider.String(), Op: op, Run: r.id, Err: err}
	}
	out := *e
	out.Provider, out.Op, out.Run = r.intent.Provider.String(), op, r.id
	return &out
}

// clamp keeps the states of a native job from going backwards.
func (b *Broker) clamp(o provider.Observation) provider.Observation {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.State = b.seen[o.Native.ID].Clamp(o.State)
	b.seen[o.Native.ID] = o.State
	return o
}
