package sagemaker

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
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/modelserver"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// area is an account of its own for an invariant, whose containers are our scoring
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
	answered int
	held     int
	dead     chan struct{}
}

func newArea(t contracttests.T, o emulator.Options) *area {
	a := &area{hold: -1, changed: make(chan struct{}), servers: map[*box]bool{}}
	o.Start, o.Transform.Instances = a.start, 64
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
		Block: ledger.Block{Kind: Kind, Alias: "emulated", Config: config}, Area: "s3://" + bucket + "/area/", Open: a.open,
		Jobs: a, Calls: func() int { return int(a.calls.Load()) }, Page: page, Secret: testSecret,
		Backend: func(_ context.Context, b ledger.Block) (provider.Backend, error) {
			c, err := ParseConfig(b.Config)
			if err != nil {
				return nil, err
			}
			be, err := New(c, Deps{Open: a.open, Clock: clockwork.NewRealClock(), AWS: credentialed})
			return eager{be}, err
		},
	}
}

// eager is looked at more often than a service would bear.
type eager struct{ *Backend }

func (e eager) Capabilities() provider.Capabilities {
	c := e.Backend.Capabilities()
	c.Poll = provider.Poll{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond}
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
	server, err := modelserver.New(modelserver.Options{
		Runtime: rt, Device: device, Mapping: &m, Concurrency: env.Concurrency, MaxPayload: env.MaxPayload, Strategy: env.Strategy, Budget: env.Budget,
		Clock: clockwork.NewRealClock(), Log: slog.New(slog.NewTextHandler(c.Output, nil)),
		Model: func(ctx context.Context) (*model.Package, error) {
			path, err := modelserver.ModelFile(filepath.Join(c.Folder, "model"))
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
	running := &box{area: a, score: server, dead: make(chan struct{})}
	a.mu.Lock()
	a.servers[running] = true
	a.mu.Unlock()
	h := httptest.NewServer(running)
	return container.Server{Endpoint: h.URL, Stop: func() {
		a.mu.Lock()
		delete(a.servers, running)
		a.mu.Unlock()
		h.CloseClientConnections()
		_ = server.Close()
		h.Close()
	}}, nil
}

// ServeHTTP lets a request through, unless it has to stand still.
func (c *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/invocations" {
		c.score.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body) // else nobody notices that the client is gone
	if err != nil || !c.pass(r.Context()) {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.score.ServeHTTP(w, r)
}

// pass waits until the container may answer one more; false when it is dead.
func (c *box) pass(ctx context.Context) bool {
	for {
		c.area.mu.Lock()
		hold, changed := c.area.hold, c.area.changed
		if hold < 0 || c.answered < hold {
			c.answered++
			c.area.mu.Unlock()
			return true
		}
		c.held++
		c.area.mu.Unlock()
		again := false
		select {
		case <-changed:
			again = true
		case <-c.dead:
		case <-ctx.Done():
		}
		c.area.mu.Lock()
		c.held--
		c.area.mu.Unlock()
		if !again {
			return false
		}
	}
}

// jobs are the transform jobs by state, as the service lists them.
func (a *area) jobs(ctx context.Context) (all int, running int, err error) {
	c, err := a.owner.connect(ctx)
	if err != nil {
		return 0, 0, err
	}
	pages := sdk.NewListTransformJobsPaginator(c.jobs, &sdk.ListTransformJobsInput{MaxResults: aws.Int32(page)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, err
		}
		for _, s := range out.TransformJobSummaries {
			if all++; s.TransformJobStatus == types.TransformJobStatusInProgress {
				running++
			}
		}
	}
	return all, running, nil
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
	for c := range a.servers {
		if c.held > 0 {
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
		return a.standing() == running, err
	})
}

// Kill ends the containers that stand still. The invariants that kill have one job.
func (a *area) Kill(ctx context.Context, n provider.Native) error {
	a.mu.Lock()
	for c := range a.servers {
		if c.held > 0 {
			close(c.dead)
		}
	}
	a.mu.Unlock()
	return poll(ctx, func() (bool, error) {
		o, err := a.owner.Describe(ctx, n)
		return o.State.Terminal(), err
	})
}

// poll asks until something holds.
func poll(ctx context.Context, ok func() (bool, error)) error {
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
