package vertex

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	pb "cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Describe tells how a batch prediction job is doing.
func (b *Backend) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	c, err := b.connect(ctx)
	if err != nil {
		return provider.Observation{}, err
	}
	if err := b.known(n); err != nil {
		return provider.Observation{}, err
	}
	j, err := b.get(ctx, c, n)
	if err != nil {
		return provider.Observation{}, err
	}
	o := observation(n, j)
	if o.State.Terminal() && !flawless(j) {
		b.blame(ctx, j, &o)
	}
	return o, nil
}

func (b *Backend) get(ctx context.Context, c *clients, n provider.Native) (*pb.BatchPredictionJob, error) {
	within, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	j, err := c.jobs.GetBatchPredictionJob(within, &pb.GetBatchPredictionJobRequest{Name: n.ID})
	return j, b.failedIn(ctx, "looking at "+n.Name, err)
}

// flawless says that a job claims to have answered every record.
func flawless(j *pb.BatchPredictionJob) bool {
	s := j.GetCompletionStats()
	return j.GetState() == pb.JobState_JOB_STATE_SUCCEEDED && s.GetFailedCount() == 0 && s.GetIncompleteCount() <= 0 && len(j.GetPartialFailures()) == 0
}

// observation reads a job. PARTIALLY_SUCCEEDED is a success here as SUCCEEDED is:
// which records are answered, the results tell. EXPIRED is an end, too.
func observation(n provider.Native, j *pb.BatchPredictionJob) provider.Observation {
	o := provider.Observation{
		Native: n, Detail: strings.TrimPrefix(j.GetState().String(), "JOB_STATE_"), Progress: progress(j),
		Started: at(j.GetStartTime()), Ended: at(j.GetEndTime()),
	}
	switch j.GetState() {
	case pb.JobState_JOB_STATE_QUEUED, pb.JobState_JOB_STATE_UNSPECIFIED:
		o.State = provider.Queued
	case pb.JobState_JOB_STATE_PENDING:
		o.State = provider.Preparing
	case pb.JobState_JOB_STATE_SUCCEEDED, pb.JobState_JOB_STATE_PARTIALLY_SUCCEEDED:
		o.State = provider.Succeeded
	case pb.JobState_JOB_STATE_FAILED:
		o.State, o.Code = provider.Failed, reasonCode(codes.Code(j.GetError().GetCode()), j.GetError().GetMessage())
	case pb.JobState_JOB_STATE_EXPIRED:
		o.State, o.Code = provider.Failed, provider.Timeout
	case pb.JobState_JOB_STATE_CANCELLING:
		o.State = provider.Cancelling
	case pb.JobState_JOB_STATE_CANCELLED:
		o.State = provider.Cancelled
	default: // RUNNING, PAUSED, UPDATING, and what the SDK does not know yet
		o.State = provider.Running
	}
	if text := j.GetError().GetMessage(); text != "" && o.State != provider.Cancelled {
		o.Detail += ": " + text
	}
	return o
}

func at(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// progress is what the job counts, which it may do only at its end. Records that
// our scorer answers with an error are answered.
func progress(j *pb.BatchPredictionJob) *provider.Progress {
	s := j.GetCompletionStats()
	if s == nil {
		return nil
	}
	counts := record.Counts{OK: s.GetSuccessfulCount(), Failed: s.GetFailedCount()}
	counts.In = counts.OK + counts.Failed
	return &provider.Progress{Counts: counts}
}

// reasonCode is the code of what ended a job. Its texts are those that the service's
// troubleshooting page and its users quote.
func reasonCode(c codes.Code, message string) provider.Code {
	switch {
	case strings.Contains(message, "model server never became ready"):
		return provider.ModelError
	case strings.Contains(message, "Quota exhausted"), strings.Contains(message, "quota"):
		return provider.QuotaExceeded
	case strings.Contains(message, "stockout"), strings.Contains(message, "resources available"), strings.Contains(message, "not enough resources"):
		return provider.NoCapacity
	}
	switch code := coded(c, message); code {
	case provider.OK, provider.Unavailable, provider.Throttled, provider.NotFound, provider.Canceled:
		return provider.Internal // a replica that ran out of memory is told as INTERNAL
	case provider.Invalid:
		return provider.DataError
	default:
		return code
	}
}

// blame adds what the job says of records that it did not answer. What cannot be
// found out is left out: the failure itself must be told in any case.
func (b *Backend) blame(ctx context.Context, j *pb.BatchPredictionJob, o *provider.Observation) {
	for _, f := range j.GetPartialFailures() {
		o.Detail += "; " + f.GetMessage()
	}
	if s := j.GetCompletionStats(); s.GetFailedCount() > 0 {
		o.Detail += fmt.Sprintf("; %d records were not answered", s.GetFailedCount())
	}
	cause, err := b.cause(ctx, j)
	switch {
	case err != nil:
		o.Detail += fmt.Sprintf(" (its errors cannot be read: %s)", codeOf(err))
	case cause != "":
		o.Detail += ": " + cause
	}
}

// page is how many jobs a page of a list holds. The service's own bound is not
// documented; it may answer fewer.
const page = 100

// runLabelSet is true of the jobs that were made here.
const runLabelSet = "labels." + runLabel + ":*"

// List yields the batch prediction jobs of crossbatch in the location, the latest
// first, as the service lists them; that it does so is not documented.
func (b *Backend) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return func(yield func(provider.Observation, error) bool) {
		in := &pb.ListBatchPredictionJobsRequest{Parent: b.config.parent(), Filter: runLabelSet, PageSize: page, ReadMask: listed()}
		if !q.Since.IsZero() {
			in.Filter += fmt.Sprintf(" AND create_time>=%q", q.Since.UTC().Format(time.RFC3339Nano))
		}
		for {
			c, err := b.connect(ctx)
			if err != nil {
				yield(provider.Observation{}, err)
				return
			}
			jobs, next, err := c.page(ctx, in)
			if err != nil {
				yield(provider.Observation{}, b.failedIn(ctx, "listing batch prediction jobs", err))
				return
			}
			for _, j := range jobs {
				if j.GetLabels()[runLabel] == "" {
					continue
				}
				if !yield(observation(b.native(j), j), nil) {
					return
				}
			}
			if next == "" {
				return
			}
			in.PageToken = next
		}
	}
}
