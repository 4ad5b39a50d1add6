package vertex

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	rpc "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// The states of a job.
const (
	queued    = aiplatformpb.JobState_JOB_STATE_QUEUED
	pending   = aiplatformpb.JobState_JOB_STATE_PENDING
	running   = aiplatformpb.JobState_JOB_STATE_RUNNING
	succeeded = aiplatformpb.JobState_JOB_STATE_SUCCEEDED
	failed    = aiplatformpb.JobState_JOB_STATE_FAILED
	stopping  = aiplatformpb.JobState_JOB_STATE_CANCELLING
	cancelled = aiplatformpb.JobState_JOB_STATE_CANCELLED
	expired   = aiplatformpb.JobState_JOB_STATE_EXPIRED
	partly    = aiplatformpb.JobState_JOB_STATE_PARTIALLY_SUCCEEDED
)

func over(state aiplatformpb.JobState) bool {
	return slices.Contains([]aiplatformpb.JobState{succeeded, failed, cancelled, expired, partly}, state)
}

const jobKind = "batchPredictionJobs"

// job is a batch prediction job.
type job struct {
	place
	created   time.Time
	listed    time.Time // from then on lists have it
	modelName string    // the display name of its registered model
	machine   string
	asked     int  // replicas, which count against the quota
	replicas  int  // that it really has
	silent    bool // its containers' logs are not kept
	cancel    func(error)
	counts    predict.Counts
	versions  []version // oldest first
}

// version is what the job was from some time on. It is not changed any more.
type version struct {
	at time.Time
	of *aiplatformpb.BatchPredictionJob
}

func (j *job) now() *aiplatformpb.BatchPredictionJob { return j.versions[len(j.versions)-1].of }

// at is what it was then; nil before it was made.
func (j *job) at(t time.Time) *aiplatformpb.BatchPredictionJob {
	var out *aiplatformpb.BatchPredictionJob
	for _, v := range j.versions {
		if v.at.After(t) {
			break
		}
		out = v.of
	}
	return out
}

// become lets a job into a state. It is called under the lock.
func (s *Server) become(j *job, state aiplatformpb.JobState, change ...func(*aiplatformpb.BatchPredictionJob)) {
	at := s.now()
	next := proto.CloneOf(j.now())
	next.State, next.UpdateTime = state, timestamppb.New(at)
	switch state {
	case running:
		next.StartTime = timestamppb.New(at)
	case succeeded, failed, cancelled: // no others, as is documented
		next.EndTime = timestamppb.New(at)
	}
	for _, c := range change {
		c(next)
	}
	j.versions = append(j.versions, version{at, next})
}

// read is a job as it is shown, with what is filled in while it runs. It is called
// under the lock.
func (s *Server) read(j *job, of *aiplatformpb.BatchPredictionJob) *aiplatformpb.BatchPredictionJob {
	out := proto.CloneOf(of)
	if out.GetStartTime() != nil && !over(out.GetState()) {
		out.ResourcesConsumed = j.consumed(s.now(), out)
		if s.o.Uncertain.StatsWhileRunning {
			out.CompletionStats = stats(j.counts)
		}
	}
	return out
}

func (j *job) consumed(until time.Time, of *aiplatformpb.BatchPredictionJob) *aiplatformpb.ResourcesConsumed {
	if of.GetStartTime() == nil {
		return nil
	}
	return &aiplatformpb.ResourcesConsumed{ReplicaHours: until.Sub(of.GetStartTime().AsTime()).Hours() * float64(j.replicas)}
}

func stats(c predict.Counts) *aiplatformpb.CompletionStats {
	return &aiplatformpb.CompletionStats{SuccessfulCount: c.Succeeded, FailedCount: c.Failed, IncompleteCount: c.Incomplete}
}

// jobService is the part of JobService that batch prediction is.
type jobService struct {
	aiplatformpb.UnimplementedJobServiceServer
	*Server
}

// CreateBatchPredictionJob makes a job, and lets it run.
func (s *jobService) CreateBatchPredictionJob(ctx context.Context, in *aiplatformpb.CreateBatchPredictionJobRequest) (*aiplatformpb.BatchPredictionJob, error) {
	location, err := s.location(in.GetParent())
	if err != nil {
		return nil, err
	}
	spec := in.GetBatchPredictionJob()
	if err := check(spec, location); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, refusal(codes.Unavailable, "The emulator is being stopped.")
	}
	model, err := s.modelOf(spec, location)
	if err != nil {
		return nil, err
	}
	resources := spec.GetDedicatedResources()
	at := s.now()
	j := &job{
		place: place{location, s.newID()}, created: at, listed: at.Add(disturbance(ctx).Late), modelName: model.GetDisplayName(),
		machine: resources.GetMachineSpec().GetMachineType(), asked: max(int(resources.GetStartingReplicaCount()), 1), silent: spec.GetDisableContainerLogging(), counts: predict.Counts{Incomplete: -1},
	}
	full := s.overQuota(j)
	if full != nil && s.o.Uncertain.QuotaRefusesCreate {
		return nil, full
	}
	if why := disturbance(ctx).Fail; why != "" {
		full = refusal(codes.ResourceExhausted, "%s", why)
	}
	first := s.shown(spec, model)
	first.Name = s.name(jobKind, j.place)
	first.CreateTime, first.UpdateTime = timestamppb.New(at), timestamppb.New(at)
	if first.State = pending; s.o.Uncertain.CreatedQueued {
		first.State = queued
	}
	j.versions = []version{{at, first}}
	s.jobs[j.place] = j
	s.begin(j, s.task(j, spec, model), full)
	return proto.CloneOf(first), nil
}

// shown is a specification as the service gives it back: without what is only for
// input, and what only the service may say.
func (s *Server) shown(spec *aiplatformpb.BatchPredictionJob, model *aiplatformpb.Model) *aiplatformpb.BatchPredictionJob {
	out := proto.CloneOf(spec)
	out.Error, out.PartialFailures, out.ResourcesConsumed, out.CompletionStats = nil, nil, nil, nil
	out.OutputInfo, out.StartTime, out.EndTime, out.SatisfiesPzs, out.SatisfiesPzi, out.ModelVersionId = nil, nil, nil, false, false, ""
	if out.UnmanagedContainerModel != nil {
		out.UnmanagedContainerModel.ContainerSpec = nil
	} else {
		out.Model, out.ModelVersionId = model.GetName(), model.GetVersionId()
	}
	return out
}

// overQuota is why a job may not run now. It is called under the lock.
func (s *Server) overQuota(j *job) error {
	limit, ok := s.o.Quotas[j.machine]
	if !ok {
		return nil
	}
	used := 0
	for _, other := range s.jobs {
		if other.location == j.location && other.machine == j.machine && !over(other.now().GetState()) {
			used += other.asked
		}
	}
	if used+j.asked <= limit {
		return nil
	}
	// The text is the service's, of its troubleshooting page.
	return refusal(codes.ResourceExhausted, "Quota exhausted. Please reach out to ai-platform-unified-feedback@google.com for batch prediction quota increase.")
}

// job finds a job by its name. It is called under the lock.
func (s *Server) job(name string) (*job, error) {
	at, err := s.find(name, jobKind)
	if err != nil {
		return nil, err
	}
	if j := s.jobs[at]; j != nil {
		return j, nil
	}
	return nil, absent(name)
}

// GetBatchPredictionJob shows a job.
func (s *jobService) GetBatchPredictionJob(_ context.Context, in *aiplatformpb.GetBatchPredictionJobRequest) (*aiplatformpb.BatchPredictionJob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.job(in.GetName())
	if err != nil {
		return nil, err
	}
	return s.read(j, j.now()), nil
}

// CancelBatchPredictionJob asks a job to end.
func (s *jobService) CancelBatchPredictionJob(_ context.Context, in *aiplatformpb.CancelBatchPredictionJobRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.job(in.GetName())
	if err != nil {
		return nil, err
	}
	switch state := j.now().GetState(); {
	case over(state) && !s.o.Uncertain.CancelOverIsOK:
		return nil, refusal(codes.FailedPrecondition, "The job %s is in state %s and can not be cancelled.", in.GetName(), state)
	case !over(state) && state != stopping:
		s.become(j, stopping)
		if !s.o.Uncertain.CancelComesLate {
			j.cancel(errCancelled)
		}
	}
	return &emptypb.Empty{}, nil
}

// DeleteBatchPredictionJob forgets a job that is over.
func (s *jobService) DeleteBatchPredictionJob(_ context.Context, in *aiplatformpb.DeleteBatchPredictionJobRequest) (*longrunningpb.Operation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.job(in.GetName())
	if err != nil {
		return nil, err
	}
	if state := j.now().GetState(); !over(state) {
		return nil, refusal(codes.FailedPrecondition, "The job %s is in state %s: only jobs that are over can be deleted. Cancel it first.", in.GetName(), state)
	}
	delete(s.jobs, j.place)
	return s.deleted(j.location)
}

// folder is the name of a job's output folder. It tells Pacific time, in spite of
// its Z, as recorded outputs do; daylight saving is left out here.
func (s *Server) folder(spec *aiplatformpb.BatchPredictionJob, model *aiplatformpb.Model) string {
	at := strings.NewReplacer("-", "_", ":", "_", ".", "_").Replace(s.now().Add(-8 * time.Hour).Format("2006-01-02T15:04:05.000Z"))
	name := spec.GetDisplayName()
	switch {
	case model.GetName() != "":
		name = model.GetDisplayName()
	case s.o.Uncertain.FolderUnnamed:
		return "prediction-" + at
	}
	name = strings.Map(func(c rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", c) {
			return c
		}
		return '_'
	}, name)
	return "prediction-" + name + "-" + at
}

func failure(code codes.Code, message string) *rpc.Status {
	return &rpc.Status{Code: int32(code), Message: message} //nolint:gosec // there are 17 codes
}
