package sagemaker

import (
	"context"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/block"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Capabilities are those of Batch Transform. Its rates are not published; describing
// many jobs one by one is known to be throttled.
func (b *Backend) Capabilities() provider.Capabilities {
	s := &provider.Staging{Place: b.config.Staging, Write: job.JSONL, Uniform: true, Uncounted: true}
	for _, format := range []job.Format{job.JSONL, job.CSV} {
		for _, compression := range []string{compress.None, compress.Gzip} {
			s.InPlace = append(s.InPlace, provider.Form{Scheme: scheme, Format: format, Compression: compression})
		}
	}
	return provider.Capabilities{
		Guarantee: provider.Named,
		// The output of a job that is stopped is thrown away:
		// https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTransformJob.html
		KeepsOnCancel: false,
		KeepsJobs:     true, // there is no DeleteTransformJob
		Rate:          provider.Rate{PerSecond: 5, Burst: 10},
		Poll:          block.Poll(b.config.Endpoint),
		Staging:       s,
	}
}

// Inspect asks for one job, to see whether the credentials, the region and the
// endpoint are what they should be, and whether the staging place is there.
func (b *Backend) Inspect(ctx context.Context) (provider.Facts, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Facts{}, err
	}
	if _, err := c.jobs.ListTransformJobs(ctx, &sdk.ListTransformJobsInput{NameContains: aws.String(namePrefix), MaxResults: aws.Int32(1)}); err != nil {
		return provider.Facts{}, b.failed("looking at SageMaker in "+b.config.Region, err)
	}
	if err := storage.Reach(ctx, b.deps.Open, b.config.Staging); err != nil {
		return provider.Facts{}, b.failed("looking at the staging place "+b.config.Staging, err)
	}
	account, _ := b.config.account()
	return provider.Facts{
		Account: account, Region: b.config.Region, Console: b.console(""),
		Notes: map[string]string{"api": "sagemaker/2017-07-24"},
	}, nil
}

// Check says how each field holds here.
func (b *Backend) Check(s provider.Spec) []provider.Finding {
	j := s.Job
	special := provider.SharedFindings(j)
	maps.Copy(special, map[string]provider.Finding{
		"model.artifact":   provider.CheckImage(j.Model, b.config.Image),
		"model.container":  checkContainer(j.Model.Container),
		"model.registered": checkRegistered(j.Model.Registered),
		"input.format":     provider.Emulated.Because("JSON Lines and CSV without a header are read where they lie; all else is staged as JSON Lines"),
		"input.staging":    provider.Emulated.Because("decides what is staged before the job starts"),
		"input.csv":        provider.Emulated.Because("CSV with a header is staged; of other CSV the scorer knows how it is written"),
		"batching.records": provider.Scored(j.Model, j.Batching.Records > 0, "the scorer cuts its calls of the model; requests are cut by batching.payload"),
		"batching.payload": checkPayload(j.Batching),
		"compute.spot":     checkSpot(j.Compute.Spot),
		"labels":           {Level: provider.Exact, Message: "tags of the job; the model has those of the provider block"},
	})
	if n := j.Compute.Instances; n > 1 {
		special["compute.instances"] = provider.Finding{Level: provider.Exact, Message: "an object is never split over instances"}
	}
	m, none := choose(j.Compute)
	if none != nil {
		special[none.Field] = provider.Lost.Because(none.Why)
	} else if ownDisks(m) && b.config.KMSKey != "" {
		special["compute.machine"] = provider.Finding{Level: provider.Exact, Message: "kms_key encrypts the output, not the disks of " + m.Name + ": their hardware has its own key, and the service refuses another"}
	}
	return provider.Findings(special)
}

func checkSpot(wanted bool) provider.Finding {
	if wanted {
		return provider.Lost.Because("Batch Transform has no spot machines")
	}
	return provider.Finding{Level: provider.Exact}
}

func checkContainer(c *job.Container) provider.Finding {
	if c != nil && contentType(job.Format(c.ContentType)) == "" {
		return provider.Lost.Because(fmt.Sprintf("Batch Transform cuts objects into lines; it sends no %s", c.ContentType))
	}
	return provider.Finding{Level: provider.Exact}
}

func checkRegistered(names map[string]string) provider.Finding {
	if len(names) > 0 && names[Kind] == "" {
		return provider.Lost.Because("the model names none that SageMaker keeps")
	}
	return provider.Finding{Level: provider.Exact}
}

func checkPayload(b job.Batching) provider.Finding {
	switch {
	case b.Payload > 0 && b.Payload < job.MiB:
		return provider.Lost.Because("Batch Transform bounds requests in whole MiB, and takes 0 for no bound")
	case b.Payload%job.MiB != 0:
		return provider.Emulated.Because(fmt.Sprintf("rounded down to %d MiB: Batch Transform counts whole ones", b.Payload/job.MiB))
	}
	return provider.Finding{Level: provider.Exact}
}
