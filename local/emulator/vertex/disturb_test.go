package vertex

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc/codes"
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
	s := &script{next: map[string][]Disturbance{
		"CreateBatchPredictionJob":  {{Code: codes.ResourceExhausted, Message: "slow down"}, {Drop: true}},
		"CreateBatchPredictionJob+": {{Drop: true}, {Code: codes.Internal, Message: "oops"}},
	}}
	w := newWorld(t, Options{Disturb: s.disturb, Queueing: time.Hour})
	_, err := w.try(aJob(named("none")))
	w.refused(err, codes.ResourceExhausted, "slow down")
	_, err = w.try(aJob(named("none")))
	w.refused(err, codes.Unavailable, "")
	_, err = w.try(aJob(named("lost")))
	w.refused(err, codes.Unavailable, "")
	_, err = w.try(aJob(named("broken")))
	w.refused(err, codes.Internal, "oops")
	w.create(aJob(named("fine")))
	if got := w.list(""); got != "fine broken lost" {
		t.Errorf("there are %q", got)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[0]
	const start = `{"batchPredictionJob":{"dedicatedResources":{"machineSpec":{"machineType":"n1-standard-4"},"startingReplicaCount":1},"displayName":"none","inputConfig":{"gcsSource":{"uris":[`
	if c.Service != "aiplatform" || c.Operation != "CreateBatchPredictionJob" || c.Location != region || c.After || !strings.HasPrefix(string(c.Input), start) || !strings.HasSuffix(string(c.Input), `},"parent":"`+parent+`"}`) {
		t.Errorf("the call is %+v with %s", c, c.Input)
	}
}

func TestStaleList(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	stale := Disturbance{Stale: 5 * time.Second}
	s := &script{next: map[string][]Disturbance{"ListBatchPredictionJobs": {stale, stale, stale, stale}}}
	w := newWorld(t, Options{Clock: clock, Disturb: s.disturb, Queueing: time.Hour})
	j := w.create(aJob())
	if got := w.list(""); got != "" {
		t.Errorf("a stale list has %q", got)
	}
	clock.Advance(5 * time.Second)
	if got := w.list(""); got != "j" {
		t.Errorf("after 5 s it has %q", got)
	}
	if err := w.stop(j.GetName()); err != nil {
		t.Fatal(err)
	}
	w.ends(j.GetName())
	if got := w.list(`state="JOB_STATE_PENDING"`); got != "j" {
		t.Errorf("as it was, the job is pending: %q", got)
	}
	clock.Advance(5 * time.Second)
	if got := w.list(`state="JOB_STATE_CANCELLED"`); got != "j" {
		t.Errorf("5 s later it is cancelled: %q", got)
	}
}

// TestLateCreate makes a job that no list has for 5 s, whatever it looks for.
func TestLateCreate(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	s := &script{next: map[string][]Disturbance{"CreateBatchPredictionJob": {{Late: 5 * time.Second}}}}
	w := newWorld(t, Options{Clock: clock, Disturb: s.disturb, Queueing: time.Hour})
	j := w.create(aJob(labelled("attempt", "1")))
	w.get(j.GetName())
	clock.Advance(4 * time.Second)
	if got := w.list("labels.attempt=1") + w.list(""); got != "" {
		t.Errorf("after 4 s there is %q", got)
	}
	clock.Advance(time.Second)
	if got := w.list("labels.attempt=1"); got != "j" {
		t.Errorf("after 5 s there is %q", got)
	}
}

func TestDelay(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	s := &script{next: map[string][]Disturbance{"ListBatchPredictionJobs": {{Delay: time.Hour}, {Delay: time.Hour}}}}
	w := newWorld(t, Options{Clock: clock, Disturb: s.disturb})
	done := make(chan error, 1)
	list := func(ctx context.Context) {
		_, _, err := w.ListBatchPredictionJobs(ctx, &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent}).InternalFetch(0, "")
		done <- err
	}
	go list(t.Context())
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
	ctx, cancel := context.WithCancel(t.Context())
	go list(ctx)
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	w.refused(<-done, codes.Canceled, "")
}
