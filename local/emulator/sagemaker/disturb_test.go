package sagemaker

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"
	"github.com/jonboulle/clockwork"
)

// script disturbs the next calls of an operation.
type script struct {
	mu    sync.Mutex
	next  map[string][]Disturbance // by operation, and "+" behind it for after
	calls []Call
}

func (s *script) disturb(_ context.Context, c Call) Disturbance {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
	name := c.Operation
	if c.After {
		name += "+"
	}
	if len(s.next[name]) == 0 {
		return Disturbance{}
	}
	d := s.next[name][0]
	s.next[name] = s.next[name][1:]
	return d
}

func TestDisturb(t *testing.T) {
	throttle := Disturbance{Status: http.StatusBadRequest, Code: "ThrottlingException", Message: "Rate exceeded"}
	broken := Disturbance{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: "oops"}
	full := Disturbance{Status: http.StatusBadRequest, Code: "ResourceLimitExceeded", Message: "full"}
	s := &script{next: map[string][]Disturbance{
		"CreateModel":         {throttle, broken},
		"CreateTransformJob":  {full},
		"CreateTransformJob+": {{Drop: true}, broken},
	}}
	w := newWorld(t, Options{Disturb: s.disturb})
	w.put("in/a", "1\n")
	patient := sdk.New(sdk.Options{
		BaseEndpoint: aws.String(w.url), Region: region, HTTPClient: w.http, Credentials: secret,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond }),
	})
	if _, err := patient.CreateModel(t.Context(), &sdk.CreateModelInput{ModelName: aws.String("m"), PrimaryContainer: &types.ContainerDefinition{Image: aws.String("i")}}); err != nil {
		t.Errorf("a throttle and a 500 were not got over: %v", err)
	}
	_, err := w.CreateTransformJob(t.Context(), aJob("j"))
	w.refused(err, "ResourceLimitExceeded", "full")
	if _, err := w.CreateTransformJob(t.Context(), aJob("j")); err == nil {
		t.Error("the answer was to be lost")
	}
	_, err = w.CreateTransformJob(t.Context(), aJob("j"))
	w.refused(err, "ResourceInUse", "already exists")
	_, err = w.CreateTransformJob(t.Context(), aJob("k"))
	w.refused(err, "InternalFailure", "oops")
	w.ends("j")
	w.ends("k")
	var in map[string]json.RawMessage
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.Operation != "CreateTransformJob" || !c.After {
			continue
		}
		if err := json.Unmarshal(c.Input, &in); err != nil || string(in["TransformResources"]) != `{"InstanceCount":1,"InstanceType":"ml.m5.xlarge"}` || c.Region != region || c.Service != "sagemaker" {
			t.Errorf("the call is %+v with %s", c, c.Input)
		}
	}
}

func TestAJobThatShallFail(t *testing.T) {
	s := &script{next: map[string][]Disturbance{"CreateTransformJob": {{Fail: "CapacityError: none is left"}}}}
	w := newWorld(t, Options{Disturb: s.disturb})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.create(aJob("j"))
	w.create(aJob("k"))
	w.ends("k")
	var out *sdk.DescribeTransformJobOutput
	for out == nil || out.TransformJobStatus == types.TransformJobStatusInProgress {
		var err error
		if out, err = w.DescribeTransformJob(t.Context(), &sdk.DescribeTransformJobInput{TransformJobName: aws.String("j")}); err != nil {
			t.Fatal(err)
		}
	}
	if out.TransformJobStatus != types.TransformJobStatusFailed || aws.ToString(out.FailureReason) != "CapacityError: none is left" || out.TransformStartTime != nil {
		t.Errorf("the job is %s: %s, started %v", out.TransformJobStatus, aws.ToString(out.FailureReason), out.TransformStartTime)
	}
}

func TestStaleList(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	stale := []Disturbance{{Stale: 5 * time.Second}, {Stale: 5 * time.Second}, {Stale: 5 * time.Second}, {Stale: 5 * time.Second}}
	s := &script{next: map[string][]Disturbance{"ListTransformJobs": stale, "ListModels": {{Stale: time.Second}}}}
	w := newWorld(t, Options{Clock: clock, Disturb: s.disturb, Queueing: time.Minute})
	w.createModel("m")
	w.put("in/a", "1\n")
	w.create(aJob("j"))
	if models, err := w.ListModels(t.Context(), &sdk.ListModelsInput{}); err != nil || len(models.Models) != 0 {
		t.Errorf("a stale list has %+v %v", models, err)
	}
	if got := w.list(sdk.ListTransformJobsInput{}); got != "" {
		t.Errorf("a stale list has %q", got)
	}
	clock.Advance(5 * time.Second)
	if got := w.list(sdk.ListTransformJobsInput{}); got != "j" {
		t.Errorf("after 5 s it has %q", got)
	}
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	w.ends("j")
	if got := w.list(sdk.ListTransformJobsInput{StatusEquals: types.TransformJobStatusInProgress}); got != "j" {
		t.Errorf("as it was, the job is in progress: %q", got)
	}
	clock.Advance(5 * time.Second)
	if got := w.list(sdk.ListTransformJobsInput{StatusEquals: types.TransformJobStatusCompleted}); got != "j" {
		t.Errorf("5 s later it is over: %q", got)
	}
}

func TestDelay(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	s := &script{next: map[string][]Disturbance{"ListModels": {{Delay: time.Hour}}}}
	w := newWorld(t, Options{Clock: clock, Disturb: s.disturb})
	done := make(chan error, 1)
	go func() {
		_, err := w.ListModels(t.Context(), &sdk.ListModelsInput{})
		done <- err
	}()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Errorf("it was answered ahead of time: %v", err)
	default:
	}
	clock.Advance(time.Hour)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
