package sagemaker

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Describe tells how a transform job is doing. The service tells no progress.
func (b *Backend) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Observation{}, err
	}
	if known(n, modelKind) == nil {
		return b.describeModel(ctx, c, n)
	}
	if err := known(n, jobKind); err != nil {
		return provider.Observation{}, err
	}
	o, err := b.describe(ctx, c, n)
	if err == nil && o.State == provider.Failed {
		b.blame(ctx, c, &o)
	}
	return o, err
}

// describeModel says whether a model is there.
func (b *Backend) describeModel(ctx context.Context, c *clients, n provider.Native) (provider.Observation, error) {
	out, err := c.jobs.DescribeModel(ctx, &sdk.DescribeModelInput{ModelName: aws.String(n.Name)})
	if err != nil {
		return provider.Observation{}, b.failed("looking at the model "+n.Name, err)
	}
	return provider.Observation{Native: n, State: provider.Succeeded, Started: aws.ToTime(out.CreationTime)}, nil
}

// describe does not look for the reason of a failure.
func (b *Backend) describe(ctx context.Context, c *clients, n provider.Native) (provider.Observation, error) {
	out, err := c.jobs.DescribeTransformJob(ctx, &sdk.DescribeTransformJobInput{TransformJobName: aws.String(n.Name)})
	if err != nil {
		return provider.Observation{}, b.failed("looking at "+n.Name, err)
	}
	o := observation(n, out.TransformJobStatus, aws.ToString(out.FailureReason))
	o.Started, o.Ended = aws.ToTime(out.TransformStartTime), aws.ToTime(out.TransformEndTime)
	if o.State == provider.Running && out.TransformStartTime == nil {
		o.State, o.Detail = provider.Preparing, o.Detail+": it waits for its machines"
	}
	return o, nil
}

func observation(n provider.Native, status types.TransformJobStatus, reason string) provider.Observation {
	o := provider.Observation{Native: n, Detail: string(status)}
	switch status {
	case types.TransformJobStatusCompleted:
		o.State = provider.Succeeded
	case types.TransformJobStatusFailed:
		o.State, o.Code = provider.Failed, reasonCode(reason)
		if reason != "" {
			o.Detail += ": " + reason
		}
	case types.TransformJobStatusStopped:
		o.State = provider.Cancelled
	case types.TransformJobStatusStopping:
		o.State = provider.Cancelling
	default: // InProgress, and what the SDK does not know yet
		o.State = provider.Running
	}
	return o
}

// reasonCode is the code of a FailureReason, whose texts are not documented: these
// are seen. A container that crashed or answered badly may fare better on another
// machine, so that is no ModelError.
func reasonCode(reason string) provider.Code {
	switch {
	case strings.HasPrefix(reason, "CapacityError"), strings.Contains(reason, "InsufficientInstanceCapacity"):
		return provider.NoCapacity
	case strings.Contains(reason, "AccessDenied"), strings.Contains(reason, "not authorized"), strings.Contains(reason, "Access denied"):
		return provider.PermissionDenied
	case strings.Contains(reason, "ping health check"):
		return provider.ModelError
	case strings.HasPrefix(reason, "ClientError"):
		return provider.DataError
	}
	return provider.Internal
}

// blame looks in the job's log for why it failed. What cannot be found out is left
// out: the failure itself must be told in any case.
func (b *Backend) blame(ctx context.Context, c *clients, o *provider.Observation) {
	cause, err := b.cause(ctx, c, o.Native.Name)
	switch {
	case err != nil:
		o.Detail += fmt.Sprintf(" (its log cannot be read: %s)", codeOf(err))
	case cause.text != "":
		o.Detail += ": " + cause.text
		if cause.code != provider.OK {
			o.Code = cause.code
		}
	}
}

// page is the most of a list's page.
const page = 100

// List yields the transform jobs of crossbatch in the region, the latest first.
// Since a list tells less than Describe, one that runs may still be waiting for its
// machines, and why one failed stands in FailureReason alone.
func (b *Backend) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return func(yield func(provider.Observation, error) bool) {
		in := &sdk.ListTransformJobsInput{
			NameContains: aws.String(namePrefix), MaxResults: aws.Int32(page),
			SortBy: types.SortByCreationTime, SortOrder: types.SortOrderDescending,
		}
		if !q.Since.IsZero() {
			// Jobs made at the time are asked for, the filter wants those after it.
			in.CreationTimeAfter = aws.Time(q.Since.Add(-time.Millisecond))
		}
		for {
			c, err := b.connect(ctx)
			if err != nil {
				yield(provider.Observation{}, err)
				return
			}
			out, err := c.jobs.ListTransformJobs(ctx, in)
			if err != nil {
				yield(provider.Observation{}, b.failed("listing transform jobs", err))
				return
			}
			for _, s := range out.TransformJobSummaries {
				name := aws.ToString(s.TransformJobName)
				if !strings.HasPrefix(name, namePrefix) {
					continue
				}
				o := observation(b.native(jobID, jobKind, name, aws.ToString(s.TransformJobArn)), s.TransformJobStatus, aws.ToString(s.FailureReason))
				o.Ended = aws.ToTime(s.TransformEndTime)
				if !yield(o, nil) {
					return
				}
			}
			if aws.ToString(out.NextToken) == "" {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}
