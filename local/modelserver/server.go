package modelserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sync/semaphore"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// Why a server answers no more.
var (
	errBudget  = &provider.Error{Code: provider.Timeout, Message: "the run's time budget is over"}
	errStopped = &provider.Error{Code: provider.Unavailable, Message: "the server is stopping"}
)

// Server is the scoring container: an http.Handler over one model. Load it, or let
// Serve do so. It is safe for concurrent use.
type Server struct {
	opts     Options
	declared bool // the payload limit was set by somebody

	life   context.Context // of all that the server does; its cause says why it is over
	end    context.CancelCauseFunc
	budget clockwork.Timer // nil: there is none

	model    atomic.Pointer[loaded]
	lanes    atomic.Pointer[lanes]
	deciding chan struct{} // held by the request that decides how records meet the model
	seen     int           // records of which none told; guarded by deciding
	numbered int           // columns of CSV that nobody names; 0: not known. Guarded by deciding

	tickets chan struct{}       // one for each request that is let in
	memory  *semaphore.Weighted // bytes of requests' bodies
	bodies  sync.Pool

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup // requests at hand

	requests, refused, bytes, records, failed atomic.Int64
}

// loaded is a model that is ready to be shown records.
type loaded struct {
	scorer  *scorer.Scorer
	mapping mapping.Mapping
}

// New makes a server of sound options. Its time budget begins. The caller closes
// it.
func New(o Options) (*Server, error) {
	declared := o.MaxPayload > 0
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	if o.MaxPayload == 0 {
		o.MaxPayload = DefaultPayload
	}
	s := &Server{
		opts: o, declared: declared, deciding: make(chan struct{}, 1),
		tickets: make(chan struct{}, o.Concurrency+max(o.Queue, 0)),
		memory:  semaphore.NewWeighted(held(o.Concurrency, o.MaxPayload)),
	}
	s.life, s.end = context.WithCancelCause(context.Background())
	if o.Budget > 0 {
		s.budget = o.Clock.AfterFunc(o.Budget, func() { s.end(errBudget) })
	}
	return s, nil
}

// held is how many bytes of bodies are at hand at most: as many requests of the
// largest size as are scored at a time.
func held(concurrency int, payload int64) int64 {
	if int64(concurrency) > math.MaxInt64/payload {
		return math.MaxInt64
	}
	return int64(concurrency) * payload
}

// Load loads the model; until then requests are answered with 503. An error is
// that of a server which can never serve. Errors that a user can mend in the
// mapping are provider.Invalid.
func (s *Server) Load(ctx context.Context) error {
	if s.model.Load() != nil {
		return nil
	}
	began := s.opts.Clock.Now()
	pkg, err := s.opts.Model(ctx)
	if err != nil {
		return modelError(err)
	}
	var m mapping.Mapping
	if s.opts.Mapping == nil {
		m = mapping.Of(job.Job{Output: job.Output{Format: job.JSONL}}, pkg.Digest, job.JSONL)
	} else if m = *s.opts.Mapping; m.Model != pkg.Digest {
		return provider.Errorf(provider.Invalid, "the mapping belongs to another model: to one of digest %s, not %s", m.Model, pkg.Digest)
	}
	sc, err := scorer.New(s.opts.Runtime, s.opts.Device, pkg, m.Job())
	if err != nil {
		return modelError(err)
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(err, sc.Close())
	}
	s.model.Store(&loaded{scorer: sc, mapping: m})
	s.opts.Log.Info("ready", "model", pkg.Digest, "bytes", pkg.Size, "device", s.opts.Device.String(),
		"onnxruntime", s.opts.Runtime.Version, "coupled", len(sc.Coupled()) > 0, "seconds", s.opts.Clock.Since(began).Seconds())
	return nil
}

// modelError gives an error of loading its code, where it has none.
func modelError(err error) error {
	var e *provider.Error
	switch {
	case errors.As(err, &e), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, scorer.ErrMapping), errors.Is(err, model.ErrNotONNX):
		return &provider.Error{Code: provider.Invalid, Err: err}
	}
	return &provider.Error{Code: provider.ModelError, Err: err}
}

// enter counts a request in; false once the server is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.calls.Add(1)
	return true
}

// Close cancels what runs, waits for its end and frees the model.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.budget != nil {
		s.budget.Stop()
	}
	s.end(errStopped)
	s.calls.Wait()
	m := s.model.Swap(nil)
	if m == nil {
		return nil
	}
	if err := m.scorer.Close(); err != nil {
		return fmt.Errorf("closing the model: %w", err)
	}
	return nil
}
