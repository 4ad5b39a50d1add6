package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// The causes that a job's work is ended with before its time.
var (
	errCancelled = errors.New("the job was cancelled")
	errExpired   = errors.New("the job expired")
)

// maxPartialFailures is how many the service shows.
const maxPartialFailures = 20

// begin lets a job go its way. Full is why it may not. It is called under the lock.
func (s *Server) begin(j *job, t predict.Task, full error) {
	ctx, cancel := context.WithCancelCause(s.life)
	j.cancel = cancel
	s.running.Go(func() {
		defer cancel(nil)
		if s.o.ExpireAfter > 0 {
			defer s.o.Clock.AfterFunc(s.o.ExpireAfter, func() { cancel(errExpired) }).Stop()
		}
		report, err := s.work(ctx, j, t, full)
		if errors.Is(err, errCancelled) {
			_ = s.wait(s.life, s.o.Stopping) // when the server is closed nobody looks any more
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finish(j, t, report, err)
	})
}

// work queues, runs, and takes as long as it shall.
func (s *Server) work(ctx context.Context, j *job, t predict.Task, full error) (predict.Report, error) {
	none := predict.Report{Counts: predict.Counts{Incomplete: -1}}
	if err := s.wait(ctx, s.o.Queueing); err != nil {
		return none, err
	}
	s.advance(j, queued, pending)
	if full != nil {
		return none, &predict.Failure{Code: status.Code(full), Message: status.Convert(full).Message()}
	}
	return s.predict.Run(ctx, t, predict.Hooks{
		Started: func(replicas int) {
			s.mu.Lock()
			j.replicas = replicas
			s.mu.Unlock()
			s.advance(j, pending, running, func(of *aiplatformpb.BatchPredictionJob) {
				if s.o.Uncertain.OutputInfoEarly {
					of.OutputInfo = outputInfo(t.Output)
				}
			})
		},
		Progress: func(c predict.Counts) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if c.Succeeded+c.Failed > j.counts.Succeeded+j.counts.Failed {
				j.counts.Succeeded, j.counts.Failed = c.Succeeded, c.Failed
			}
		},
		Log: func(line string) {
			if !j.silent {
				s.logs.add(s.now(), j.place, line)
			}
		},
	})
}

// advance lets a job from one state into the next, unless it is in another.
func (s *Server) advance(j *job, from, to aiplatformpb.JobState, change ...func(*aiplatformpb.BatchPredictionJob)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.now().GetState() == from {
		s.become(j, to, change...)
	}
}

// finish ends a job. It is called under the lock.
func (s *Server) finish(j *job, t predict.Task, r predict.Report, err error) {
	state, why := succeeded, ""
	code := codes.OK
	var f *predict.Failure
	switch {
	case err == nil && r.Failed == 0 && len(r.Unreadable) == 0:
	case err == nil && r.Succeeded == 0 && s.o.Uncertain.NothingIsFailed:
		state, code, why = failed, codes.Internal, "All instances failed."
	case err == nil && s.o.Uncertain.PartlyIsPartially:
		state = partly
	case err == nil:
	case errors.Is(err, errCancelled):
		state, code, why = cancelled, codes.Canceled, "The job was cancelled."
		if s.o.Uncertain.CancelledWithoutError {
			code = codes.OK
		}
	case errors.Is(err, errExpired):
		state = expired
	case errors.As(err, &f):
		state, code, why = failed, f.Code, f.Message
	default: // the server is being closed
		return
	}
	j.counts = r.Counts
	s.become(j, state, func(of *aiplatformpb.BatchPredictionJob) {
		if code != codes.OK {
			of.Error = failure(code, why)
		}
		for _, u := range r.Unreadable[:min(len(r.Unreadable), maxPartialFailures)] {
			of.PartialFailures = append(of.PartialFailures, failure(codes.InvalidArgument, u))
		}
		of.ResourcesConsumed, of.CompletionStats = j.consumed(s.now(), of), stats(r.Counts)
		if state == succeeded || state == partly {
			of.OutputInfo = outputInfo(t.Output)
		}
	})
}

func outputInfo(folder string) *aiplatformpb.BatchPredictionJob_OutputInfo {
	return &aiplatformpb.BatchPredictionJob_OutputInfo{
		OutputLocation: &aiplatformpb.BatchPredictionJob_OutputInfo_GcsOutputDirectory{GcsOutputDirectory: strings.TrimSuffix(folder, "/")},
	}
}

const (
	defaultPort  = 8080
	defaultBatch = 64
)

// task is a job's work, defaults filled in. It is called under the lock.
func (s *Server) task(j *job, spec *aiplatformpb.BatchPredictionJob, model *aiplatformpb.Model) predict.Task {
	c, artifact := model.GetContainerSpec(), model.GetArtifactUri()
	machine := spec.GetDedicatedResources().GetMachineSpec()
	endpoint, deployed := s.newID(), s.newID()
	port := int32(defaultPort)
	if len(c.GetPorts()) > 0 {
		port = c.GetPorts()[0].GetContainerPort()
	}
	instance := spec.GetInstanceConfig()
	t := predict.Task{
		Job: j.id, Image: c.GetImageUri(), Command: append(append([]string{}, c.GetCommand()...), c.GetArgs()...),
		HealthRoute:  or(c.GetHealthRoute(), fmt.Sprintf("/v1/endpoints/%s/deployedModels/%s", endpoint, deployed)),
		PredictRoute: or(c.GetPredictRoute(), fmt.Sprintf("/v1/endpoints/%s/deployedModels/%s:predict", endpoint, deployed)),
		ReadyFor:     c.GetDeploymentTimeout().AsDuration(), Artifact: artifact, Replicas: j.asked,
		Inputs:   spec.GetInputConfig().GetGcsSource().GetUris(),
		Instance: predict.Instance{Type: instance.GetInstanceType(), Key: instance.GetKeyField(), Included: instance.GetIncludedFields(), Excluded: instance.GetExcludedFields()},
		Batch:    defaultBatch, Output: slashed(spec.GetOutputConfig().GetGcsDestination().GetOutputUriPrefix()) + s.folder(spec, model) + "/",
	}
	if n := spec.GetManualBatchTuningParameters().GetBatchSize(); n > 0 {
		t.Batch = int(n)
	}
	if p := spec.GetModelParameters(); p != nil {
		text, _ := protojson.Marshal(p) // it came as such
		t.Parameters = json.RawMessage(text)
	}
	for _, v := range c.GetEnv() {
		t.User = append(t.User, predict.Variable{Name: v.GetName(), Value: v.GetValue()})
	}
	t.Environment = map[string]string{
		"AIP_HTTP_PORT": fmt.Sprint(port), "AIP_HEALTH_ROUTE": t.HealthRoute, "AIP_PREDICT_ROUTE": t.PredictRoute,
		"AIP_MODE": "PREDICTION", "AIP_MODE_VERSION": "1.0.0", "AIP_FRAMEWORK": "CUSTOM_CONTAINER",
		"AIP_PROJECT_NUMBER": s.o.ProjectNumber, "AIP_MACHINE_TYPE": machine.GetMachineType(),
		"AIP_ENDPOINT_ID": endpoint, "AIP_MODEL_NAME": endpoint, "AIP_DEPLOYED_MODEL_ID": deployed, "AIP_VERSION_NAME": deployed,
	}
	if a := machine.GetAcceleratorType(); a != aiplatformpb.AcceleratorType_ACCELERATOR_TYPE_UNSPECIFIED {
		t.Environment["AIP_ACCELERATOR_TYPE"] = a.String()
	}
	return t
}

func slashed(prefix string) string { return strings.TrimSuffix(prefix, "/") + "/" }
