package sagemaker

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// area is an account of its own for an invariant, whose containers are our scoring
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
	o.Transform.Instances = 64
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
		Block: ledger.Block{Kind: Kind, Alias: "emulated", Config: config}, Area: "s3://" + bucket + "/area/", Open: a.open,
		Jobs: a.yard, Calls: func() int { return int(a.calls.Load()) }, Page: page, Secret: testSecret,
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

func (a *area) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	return a.owner.Describe(ctx, n)
}

// Jobs counts the transform jobs as the service lists them.
func (a *area) Jobs(ctx context.Context) (all, running int, err error) {
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
