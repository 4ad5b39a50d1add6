// Package containertest is containers that really score, and that a test can make to
// stand still or die: those of a provider that is tried against its emulator.
//
// It must not know which service they belong to.
package containertest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/modelserver"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Service is how a yard sees the jobs whose containers it has: behind the back of
// what is tested.
type Service interface {
	// Describe tells how a native job is doing.
	Describe(ctx context.Context, n provider.Native) (provider.Observation, error)

	// Jobs counts the native jobs, and those whose containers run.
	Jobs(ctx context.Context) (all, running int, err error)
}

// T is what a yard needs of a *testing.T.
type T interface {
	TempDir() string
	Cleanup(f func())
}

// Yard is the containers of one test. Each runs what `crossbatch serve` runs. It is
// contracttests.Jobs, where a request is a shard.
type Yard struct {
	t       T
	service Service
	open    storage.Opener

	mu      sync.Mutex
	hold    int
	changed chan struct{} // closed when hold changes
	running map[*box]bool
}

// New makes a Yard of the jobs of service, whose containers fetch their models from
// buckets that open opens. They go on until they are held, and again when the test
// ends, before what was made before the yard is closed: the emulator.
func New(t T, service Service, open storage.Opener) *Yard {
	y := &Yard{t: t, service: service, open: open, hold: -1, changed: make(chan struct{}), running: map[*box]bool{}}
	t.Cleanup(func() { y.Hold(-1) })
	return y
}

// Start starts a container, as a service does: it is a container.Start.
func (y *Yard) Start(ctx context.Context, c container.Container) (none container.Server, err error) {
	env, err := modelserver.ReadEnvironment(func(name string) string { return c.Environment[name] })
	if err != nil {
		return none, err
	}
	m, err := modelserver.ParseMapping(env.Scorer)
	if err != nil {
		return none, err
	}
	lib, err := onnx.Finder{}.Find(ctx)
	if err != nil {
		return none, fmt.Errorf("run `make runtime` first: %w", err)
	}
	rt, err := onnx.Load(lib)
	if err != nil {
		return none, err
	}
	device, err := rt.Choose(onnx.Device{Name: "cpu"})
	if err != nil {
		return none, err
	}
	dir := y.t.TempDir()
	score, err := modelserver.New(modelserver.Options{
		Runtime: rt, Device: device, Mapping: &m, Concurrency: env.Concurrency, MaxPayload: env.MaxPayload, Strategy: env.Strategy, Budget: env.Budget,
		HealthRoute: env.HealthRoute, PredictRoute: env.PredictRoute,
		Clock: clockwork.NewRealClock(), Log: slog.New(slog.NewTextHandler(c.Output, nil)),
		Model: func(ctx context.Context) (*model.Package, error) {
			path, err := modelserver.FetchModel(ctx, y.open, cmp.Or(env.Model, filepath.Join(c.Folder, "model")), dir)
			if err != nil {
				return nil, err
			}
			return model.Open(ctx, path)
		},
	})
	if err != nil {
		return none, err
	}
	if err := score.Load(ctx); err != nil {
		return none, errors.Join(err, score.Close())
	}
	b := &box{yard: y, score: score, predict: cmp.Or(env.PredictRoute, "/invocations"), dead: make(chan struct{})}
	y.mu.Lock()
	y.running[b] = true
	y.mu.Unlock()
	h := httptest.NewServer(b)
	return container.Server{Endpoint: h.URL, Stop: func() {
		y.mu.Lock()
		delete(y.running, b)
		y.mu.Unlock()
		h.CloseClientConnections()
		_ = score.Close()
		h.Close()
	}}, nil
}

// Hold makes each container stand still once it has answered so many requests. Below
// zero lets all go on.
func (y *Yard) Hold(requests int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.hold = requests
	close(y.changed)
	y.changed = make(chan struct{})
}

// Count is how many jobs there are, over or not.
func (y *Yard) Count(ctx context.Context) (int, error) {
	all, _, err := y.service.Jobs(ctx)
	return all, err
}

// Standing waits until all jobs that run stand still, n among them. One container is
// enough for a job that has several.
func (y *Yard) Standing(ctx context.Context, n provider.Native) error {
	return Poll(ctx, func() (bool, error) {
		o, err := y.service.Describe(ctx, n)
		if err == nil && o.State.Terminal() {
			err = fmt.Errorf("%s is %s: %s", n.Name, o.State, o.Detail)
		}
		if err != nil {
			return false, err
		}
		_, running, err := y.service.Jobs(ctx)
		return running > 0 && len(y.standing()) == running, err
	})
}

// Kill ends the containers that stand still, and waits until n is over. What it ends
// has to be n's.
func (y *Yard) Kill(ctx context.Context, n provider.Native) error {
	for _, b := range y.standing() {
		close(b.dead)
	}
	return Poll(ctx, func() (bool, error) {
		o, err := y.service.Describe(ctx, n)
		return o.State.Terminal(), err
	})
}

// standing are the containers that hold a request back.
func (y *Yard) standing() (held []*box) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for b := range y.running {
		if b.held > 0 {
			held = append(held, b)
		}
	}
	return held
}

// Poll asks until something holds: for tests that wait for what runs beside them.
func Poll(ctx context.Context, ok func() (bool, error)) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// box is a container that runs.
type box struct {
	yard     *Yard
	score    http.Handler
	predict  string // its route
	answered int
	held     int
	dead     chan struct{}
}

// ServeHTTP lets a request through, unless it has to stand still.
func (b *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != b.predict {
		b.score.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body) // else nobody notices that the client is gone
	if err != nil || !b.pass(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	b.score.ServeHTTP(w, r)
}

// pass waits until the container may answer one more; false when it is dead.
func (b *box) pass(ctx context.Context) bool {
	for {
		select {
		case <-b.dead:
			return false
		default:
		}
		b.yard.mu.Lock()
		hold, changed := b.yard.hold, b.yard.changed
		if hold < 0 || b.answered < hold {
			b.answered++
			b.yard.mu.Unlock()
			return true
		}
		b.held++
		b.yard.mu.Unlock()
		again := false
		select {
		case <-changed:
			again = true
		case <-b.dead:
		case <-ctx.Done():
		}
		b.yard.mu.Lock()
		b.held--
		b.yard.mu.Unlock()
		if !again {
			return false
		}
	}
}
