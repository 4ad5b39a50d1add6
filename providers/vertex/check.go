package vertex

import (
	"context"
	"fmt"
	"maps"
	"time"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/block"
	"github.com/crossbatch/crossbatch/core/storage"
)

// visibility is how long after its creation a job may be missing from lists, the
// call itself included. That lists may lag at all is not documented.
const visibility = answerTimeout + time.Minute

// Capabilities are those of batch prediction.
func (b *Backend) Capabilities() provider.Capabilities {
	return provider.Capabilities{
		// CreateBatchPredictionJob has no request id, and names jobs itself.
		Guarantee: provider.Lookup, Visibility: visibility,
		KeepsOnCancel: true,
		// 600 calls a minute, of which 60 may make or delete jobs:
		// https://cloud.google.com/vertex-ai/docs/quotas
		Rate:    provider.Rate{PerSecond: 8, Burst: 10},
		Starts:  provider.Rate{PerSecond: 0.8, Burst: 5},
		Poll:    block.Poll(b.config.Endpoint),
		Staging: &provider.Staging{Place: b.config.Staging, Write: job.JSONL, Identity: true, Sealed: true},
	}
}

// Inspect asks for one job, to see whether the credentials, the location and the
// endpoint are what they should be, and looks at the staging bucket: a run that has
// begun keeps the block that it began with.
func (b *Backend) Inspect(ctx context.Context) (provider.Facts, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Facts{}, err
	}
	_, _, err = c.page(ctx, &pb.ListBatchPredictionJobsRequest{Parent: b.config.parent(), Filter: runLabelSet, PageSize: 1, ReadMask: listed()})
	if err != nil {
		return provider.Facts{}, b.failed("looking at Vertex AI in "+b.config.Location, err)
	}
	if err := storage.Reach(ctx, b.deps.Open, b.config.Staging); err != nil {
		return provider.Facts{}, b.failed("looking at the staging place "+b.config.Staging, err)
	}
	return provider.Facts{
		Account: b.config.Project, Region: b.config.Location, Console: b.console(""),
		Notes: map[string]string{"api": "google.cloud.aiplatform.v1"},
	}, nil
}

// What is not there.
const (
	noPayload = "Vertex AI cuts requests by the number of their records alone"
	noEnv     = "a registered model has an environment of its own"
)

// Check says how each field holds here.
func (b *Backend) Check(s provider.Spec) []provider.Finding {
	j := s.Job
	special := provider.SharedFindings(j)
	maps.Copy(special, map[string]provider.Finding{
		"model.artifact":       provider.CheckImage(j.Model, b.config.Image),
		"model.container":      checkContainer(j.Model.Container),
		"model.registered":     b.checkRegistered(j.Model.Registered),
		"input.format":         provider.Emulated.Because("all input is staged as JSON Lines"),
		"input.staging":        provider.Emulated.Because("input is always staged: records are known again by a field that is put in"),
		"input.csv":            provider.Emulated.Because("CSV is staged as JSON Lines"),
		"batching.payload":     checkPayload(j.Batching),
		"batching.concurrency": provider.Scored(j.Model, j.Batching.Concurrency > 0, "the scorer calls the model for so many requests at a time"),
		"compute.spot":         checkSpot(j.Compute.Spot),
		"labels":               {Level: provider.Exact, Message: "labels of the job"},
	})
	if len(j.Model.Registered) > 0 && len(j.Env) > 0 {
		special["env"] = provider.Lost.Because(noEnv)
	}
	if _, none := choose(j.Compute); none != nil {
		special[none.Field] = provider.Lost.Because(none.Why)
	}
	return provider.Findings(special)
}

func checkSpot(wanted bool) provider.Finding {
	if wanted {
		return provider.Lost.Because("spot machines are in the service's preview API (v1beta1) alone")
	}
	return provider.Finding{Level: provider.Exact}
}

func checkContainer(c *job.Container) provider.Finding {
	if c != nil && c.ContentType != job.ContentInstances {
		return provider.Lost.Because(fmt.Sprintf("Vertex AI sends {\"instances\": [...]}, not %s: set content_type to %s", c.ContentType, job.ContentInstances))
	}
	return provider.Finding{Level: provider.Exact}
}

func (b *Backend) checkRegistered(names map[string]string) provider.Finding {
	if len(names) == 0 {
		return provider.Finding{Level: provider.Exact}
	}
	if _, err := b.registered(names[Kind]); err != nil {
		return provider.Lost.Because(err.Error())
	}
	return provider.Finding{Level: provider.Exact}
}

func checkPayload(b job.Batching) provider.Finding {
	if b.Payload > 0 {
		return provider.Lost.Because(noPayload)
	}
	return provider.Finding{Level: provider.Exact}
}
