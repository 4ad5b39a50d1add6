package vertex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	emulator "github.com/crossbatch/crossbatch/local/emulator/vertex"
	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
	"github.com/crossbatch/crossbatch/local/modelserver"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// variants are the ways in which the service may be, where its documents leave it
// open.
func variants() map[string]emulator.Options {
	return map[string]emulator.Options{
		"likelier": {},
		"otherwise": {
			Uncertain: emulator.Uncertain{
				CreatedQueued: true, PartlyIsPartially: true, NothingIsFailed: true, StatsWhileRunning: true, OutputInfoEarly: true, CancelComesLate: true,
				CancelledWithoutError: true, CancelOverIsOK: true, QuotaRefusesCreate: true, FolderUnnamed: true, LogResource: "ml_job",
			},
			Predict: predict.Options{Uncertain: predict.Uncertain{TextKept: true, BatchesSpanFiles: true, KeyKept: true, ParametersDropped: true, ScalarsRefused: true}},
		},
	}
}

// area is a project of its own for an invariant, whose containers are our scoring
// server. They can be made to stand still after so many requests: in the suite, a
// shard is one.
type area struct {
	*world
	owner *Backend // looks behind the suite's back
	calls atomic.Int64

	mu      sync.Mutex
	hold    int
	changed chan struct{} // closed when hold changes
	servers map[*box]bool
}

// box is a container that runs.
type box struct {
	area     *area
	score    http.Handler
	predict  string // its route
	answered int
	held     int
	dead     chan struct{}
}

func newArea(t contracttests.T, o emulator.Options) *area {
	a := &area{hold: -1, changed: make(chan struct{}), servers: map[*box]bool{}}
	o.Start, o.Predict.Replicas = a.start, 64
	o.Disturb = func(_ context.Context, c emulator.Call) (none emulator.Disturbance) {
		if !c.After {
			a.calls.Add(1)
		}
		return none
	}
	a.world = newWorld(t, o)
	a.owner = a.backend(a.config())
	t.Cleanup(func() { a.Hold(-1) })
	return a
}

// setup is the area as the suite sees it.
func (a *area) setup() contracttests.Setup {
	config, err := json.Marshal(a.config())
	if err != nil {
		a.Fatalf("%v", err)
	}
	return contracttests.Setup{
		Block: ledger.Block{Kind: Kind, Alias: "emulated", Config: config}, Area: "gs://" + bucket + "/area/", Open: a.open,
		Jobs: a, Calls: func() int { return int(a.calls.Load()) }, Page: page, Secret: testSecret,
		Backend: func(_ context.Context, b ledger.Block) (provider.Backend, error) {
			c, err := ParseConfig(b.Config)
			if err != nil {
				return nil, err
			}
			be, err := New(c, a.deps())
			return eager{be}, err
		},
	}
}

// eager is looked at more often than a service would bear, and shows jobs sooner.
type eager struct{ *Backend }

func (e eager) Capabilities() provider.Capabilities {
	c := e.Backend.Capabilities()
	c.Poll = provider.Poll{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond}
	c.Visibility = time.Second
	return c
}

var runtimeOf = sync.OnceValues(func() (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(context.Background())
	if err != nil {
		return nil, fmt.Errorf("run `make runtime` first: %w", err)
	}
	return onnx.Load(lib)
})

// start starts what `crossbatch serve` runs.
func (a *area) start(ctx context.Context, c container.Container) (none container.Server, err error) {
	env, err := modelserver.ReadEnvironment(func(name string) string { return c.Environment[name] })
	if err != nil {
		return none, err
	}
	m, err := modelserver.ParseMapping(env.Scorer)
	if err != nil {
		return none, err
	}
	rt, err := runtimeOf()
	if err != nil {
		return none, err
	}
	device, err := rt.Choose(onnx.Device{Name: "cpu"})
	if err != nil {
		return none, err
	}
	dir := a.TempDir()
	server, err := modelserver.New(modelserver.Options{
		Runtime: rt, Device: device, Mapping: &m, Concurrency: env.Concurrency, MaxPayload: env.MaxPayload, Budget: env.Budget,
		HealthRoute: env.HealthRoute, PredictRoute: env.PredictRoute,
		Clock: clockwork.NewRealClock(), Log: slog.New(slog.NewTextHandler(c.Output, nil)),
		Model: func(ctx context.Context) (*model.Package, error) {
			path, err := modelserver.FetchModel(ctx, storage.Opener(a.open), env.Model, dir)
			if err != nil {
				return nil, err
			}
			return model.Open(ctx, path)
		},
	})
	if err != nil {
		return none, err
	}
	if err := server.Load(ctx); err != nil {
		return none, errors.Join(err, server.Close())
	}
	b := &box{area: a, score: server, predict: env.PredictRoute, dead: make(chan struct{})}
	a.mu.Lock()
	a.servers[b] = true
	a.mu.Unlock()
	h := httptest.NewServer(b)
	return container.Server{Endpoint: h.URL, Stop: func() {
		a.mu.Lock()
		delete(a.servers, b)
		a.mu.Unlock()
		h.CloseClientConnections()
		_ = server.Close()
		h.Close()
	}}, nil
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
		b.area.mu.Lock()
		hold, changed := b.area.hold, b.area.changed
		if hold < 0 || b.answered < hold {
			b.answered++
			b.area.mu.Unlock()
			return true
		}
		b.held++
		b.area.mu.Unlock()
		again := false
		select {
		case <-changed:
			again = true
		case <-b.dead:
		case <-ctx.Done():
		}
		b.area.mu.Lock()
		b.held--
		b.area.mu.Unlock()
		if !again {
			return false
		}
	}
}

// jobs are the batch prediction jobs by state, as the service lists them.
func (a *area) jobs(ctx context.Context) (all int, running int, err error) {
	c, err := a.owner.connect(ctx)
	if err != nil {
		return 0, 0, err
	}
	in := &pb.ListBatchPredictionJobsRequest{Parent: a.owner.config.parent(), PageSize: page}
	for {
		jobs, next, err := c.page(ctx, in)
		if err != nil {
			return 0, 0, err
		}
		for _, j := range jobs {
			if all++; j.GetState() == pb.JobState_JOB_STATE_RUNNING {
				running++
			}
		}
		if next == "" {
			return all, running, nil
		}
		in.PageToken = next
	}
}

func (a *area) Count(ctx context.Context) (int, error) {
	all, _, err := a.jobs(ctx)
	return all, err
}

func (a *area) Hold(shards int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hold = shards
	close(a.changed)
	a.changed = make(chan struct{})
}

// standing counts the containers that hold a request back.
func (a *area) standing() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for b := range a.servers {
		if b.held > 0 {
			n++
		}
	}
	return n
}

// Standing waits until all jobs that run stand still, n among them.
func (a *area) Standing(ctx context.Context, n provider.Native) error {
	return poll(ctx, func() (bool, error) {
		o, err := a.owner.Describe(ctx, n)
		if err == nil && o.State.Terminal() {
			err = fmt.Errorf("%s is %s: %s", n.Name, o.State, o.Detail)
		}
		if err != nil {
			return false, err
		}
		_, running, err := a.jobs(ctx)
		return running > 0 && a.standing() == running, err
	})
}

// Kill ends the containers that stand still. The invariants that kill have one job.
func (a *area) Kill(ctx context.Context, n provider.Native) error {
	a.mu.Lock()
	for b := range a.servers {
		if b.held > 0 {
			close(b.dead)
		}
	}
	a.mu.Unlock()
	return poll(ctx, func() (bool, error) {
		o, err := a.owner.Describe(ctx, n)
		return o.State.Terminal(), err
	})
}
