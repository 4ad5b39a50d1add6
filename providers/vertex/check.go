package vertex

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
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
		Poll:    b.poll(),
		Staging: &provider.Staging{Place: b.config.Staging, Write: job.JSONL, Identity: true, Sealed: true},
	}
}

// poll is how often the service bears to be looked at; an emulator on this machine
// bears more.
func (b *Backend) poll() provider.Poll {
	if u, err := url.Parse(b.config.Endpoint); err == nil {
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
			return provider.Poll{Min: 200 * time.Millisecond, Max: 2 * time.Second}
		}
	}
	return provider.Poll{Min: 30 * time.Second, Max: time.Minute}
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
	if err := b.reach(ctx, b.config.Staging); err != nil {
		return provider.Facts{}, b.failed("looking at the staging place "+b.config.Staging, err)
	}
	return provider.Facts{
		Account: b.config.Project, Region: b.config.Location, Console: b.console(""),
		Notes: map[string]string{"api": "google.cloud.aiplatform.v1"},
	}, nil
}

// reach is why a place cannot be read; nil: it can.
func (b *Backend) reach(ctx context.Context, uri string) error {
	bucket, prefix, err := b.deps.Open(ctx, uri)
	if err != nil {
		return err
	}
	for _, err = range bucket.Objects(ctx, prefix) {
		break // one tells as much as all
	}
	return errors.Join(err, bucket.Close())
}

// What is not there.
const (
	noPayload = "Vertex AI cuts requests by the number of their records alone"
	noEnv     = "a registered model has an environment of its own"
)

// Check says how each field holds here.
func (b *Backend) Check(s provider.Spec) []provider.Finding {
	j := s.Job
	ours := j.Model.Artifact != ""
	scored := func(how string) provider.Finding {
		if ours {
			return provider.Emulated.Because(how)
		}
		return provider.Lost.Because("the user's own model gets records as they are and answers what it likes")
	}
	special := map[string]provider.Finding{
		"model.artifact":        b.checkArtifact(j.Model),
		"model.container":       checkContainer(j.Model.Container),
		"model.registered":      b.checkRegistered(j.Model.Registered),
		"input.format":          provider.Emulated.Because("all input is staged as JSON Lines"),
		"input.partitions":      provider.Emulated.Because("what the parts of paths tell is staged with the records"),
		"input.key":             scored("the scorer carries the key"),
		"input.empty":           provider.Emulated.Because("judged when the input is listed"),
		"input.staging":         provider.Emulated.Because("input is always staged: records are known again by a field that is put in"),
		"input.csv":             provider.Emulated.Because("CSV is staged as JSON Lines"),
		"input.tensor":          scored("the scorer feeds the model"),
		"input.limit":           provider.Emulated.Because("only the first records are staged"),
		"output.destination":    provider.Watched.Because("results are published once a watcher finds the job done"),
		"output.format":         provider.Watched.Because("written when results are published"),
		"output.compression":    provider.Watched.Because("written when results are published"),
		"output.keep":           scored("the scorer carries fields along"),
		"output.select":         scored("the scorer picks outputs"),
		"output.existing":       provider.Emulated.Because("judged at submission and again before publishing"),
		"batching.payload":      checkPayload(j.Batching),
		"batching.concurrency":  scored("the scorer calls the model for so many requests at a time"),
		"compute.spot":          checkSpot(j.Compute.Spot),
		"limits.timeout":        provider.Watched.Because("a watcher cancels the job; the scorer also ends by itself after the time that is left"),
		"limits.failed_records": provider.Watched.Because("judged when results are published"),
		"limits.retries":        provider.Watched.Because("an attempt follows once a watcher finds the last one failed"),
		"limits.cost":           provider.Emulated.Because("judged before a run begins"),
		"placement.failover":    provider.Watched.Because("another provider is tried once a watcher finds this one failed"),
		"labels":                {Level: provider.Exact, Message: "labels of the job"},
	}
	if len(j.Model.Registered) > 0 && len(j.Env) > 0 {
		special["env"] = provider.Lost.Because(noEnv)
	}
	if _, none := choose(j.Compute); none != nil {
		special[none.field] = provider.Lost.Because(none.why)
	}
	var out []provider.Finding
	for _, field := range provider.Fields() {
		f, ok := special[field]
		if !ok {
			f.Level = provider.Exact
		}
		f.Field = field
		out = append(out, f)
	}
	return out
}

func checkSpot(wanted bool) provider.Finding {
	if wanted {
		return provider.Lost.Because("spot machines are in the service's preview API (v1beta1) alone")
	}
	return provider.Finding{Level: provider.Exact}
}

func (b *Backend) checkArtifact(m job.Model) provider.Finding {
	if m.Artifact != "" && b.config.Image == "" {
		return provider.Lost.Because("the provider block names no image, which is what scores a model given by its artifact")
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
