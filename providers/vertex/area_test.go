package vertex

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	emulator "github.com/crossbatch/crossbatch/local/emulator/vertex"
	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
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
// server.
type area struct {
	*world
	owner *Backend // looks behind the suite's back
	yard  *containertest.Yard
	calls atomic.Int64
}

func newArea(t contracttests.T, o emulator.Options) *area {
	a := &area{}
	o.Start = func(ctx context.Context, c container.Container) (container.Server, error) {
		return a.yard.Start(ctx, c)
	}
	o.Predict.Replicas = 64
	o.Disturb = func(_ context.Context, c emulator.Call) (none emulator.Disturbance) {
		if !c.After {
			a.calls.Add(1)
		}
		return none
	}
	a.world = newWorld(t, o)
	a.owner = a.backend(a.config())
	a.yard = containertest.New(t, a, a.open)
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
		Jobs: a.yard, Calls: func() int { return int(a.calls.Load()) }, Page: page, Secret: testSecret,
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

func (a *area) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	return a.owner.Describe(ctx, n)
}

// Jobs counts the batch prediction jobs as the service lists them.
func (a *area) Jobs(ctx context.Context) (all, running int, err error) {
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
