package sagemaker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
)

// counter counts the calls of each operation.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) disturb(_ context.Context, call emulator.Call) (none emulator.Disturbance) {
	if !call.After {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[call.Operation]++
	}
	return none
}

// since forgets what was counted and returns it.
func (c *counter) since() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.calls
	c.calls = map[string]int{}
	return out
}

// fleet is runs whose native jobs were all started, as the broker finds them.
type fleet struct {
	w      *world
	b      *broker.Broker
	ledger *ledger.Ledger
	keys   []ledger.Key
}

// newFleet puts runs into a ledger, and their jobs into the service, without what
// submitting them would stage and look at.
func newFleet(t testing.TB, w *world, runs int) *fleet {
	t.Helper()
	bucket, err := storage.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), bucket, "", ledger.Options{Clock: clockwork.NewRealClock()})
	if err != nil {
		t.Fatal(err)
	}
	be := w.backend(w.config())
	b := broker.New(broker.Options{
		Ledger: l, Open: w.open, Clock: clockwork.NewRealClock(), Jitter: func() float64 { return 0 }, Version: "test",
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return eager{be}, nil },
	})
	t.Cleanup(func() {
		_ = b.Close()
		_ = bucket.Close()
	})
	f := &fleet{w: w, b: b, ledger: l}
	for i := range runs {
		f.keys = append(f.keys, f.begin(t, be, fleetSpec(t, l, i)))
	}
	return f
}

func fleetName(i int) string { return fmt.Sprintf("n%04d", i) }

// fleetSpec is the first attempt of a run of the fleet.
func fleetSpec(t testing.TB, l *ledger.Ledger, i int) provider.Spec {
	s := inPlace(t)
	s.Ledger, s.Job.Address, s.Job.Output.Destination = l.ID(), "job."+fleetName(i), "s3://lake/out/"+fleetName(i)+"/"
	s.Run = job.RunID(l.ID(), s.Job.Identity(), testDigest, 0)
	s.Output = "s3://lake/staging/runs/" + s.Run + "/a1/"
	return s
}

func startOf(t testing.TB, be *Backend, s provider.Spec) provider.Request {
	t.Helper()
	tr, err := be.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	return tr.Requests[len(tr.Requests)-1]
}

// begin makes a run and its native job.
func (f *fleet) begin(t testing.TB, be *Backend, s provider.Spec) ledger.Key {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	config, err := json.Marshal(f.w.config())
	must(err)
	tr, err := be.Translate(s)
	must(err)
	ensure := be.Send
	if len(f.keys) > 0 { // they share the model
		ensure = be.Find
	}
	model, err := ensure(t.Context(), tr.Requests[0])
	must(err)
	n, err := be.Send(t.Context(), tr.Requests[1])
	must(err)
	digest, err := f.ledger.PutShards(t.Context(), s.Input.Shards)
	must(err)
	key, _, err := f.ledger.Begin(t.Context(), s.Job.Identity(), ledger.IntentBody{
		Job: s.Job, Provider: ledger.Block{Kind: Kind, Alias: "emulated", Config: config}, Fingerprint: testDigest, Model: s.Model,
		Format: s.Input.Format, Input: digest, Staging: "s3://lake/staging/runs/" + s.Run + "/", Scoring: ledger.Scoring{Made: s.Made},
	}, s.Run)
	must(err)
	for i, e := range []ledger.Event{
		{Kind: ledger.Staged, Staged: &ledger.StagedBody{Mapping: s.Staged.MappingURI}},
		{Kind: ledger.Bound, Attempt: 1, Request: modelID, Native: &model},
		{Kind: ledger.Started, Attempt: 1, Request: jobID, Native: &n},
	} {
		e.Seq, e.Run = i+2, s.Run
		_, err := f.ledger.Append(t.Context(), key, e)
		must(err)
	}
	return key
}

// look is one round over all runs.
func (f *fleet) look(t testing.TB) map[ledger.Key]broker.Run {
	t.Helper()
	runs, err := f.b.Watch(t.Context(), f.keys, broker.WatchOptions{Once: true})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// lagging makes the list of jobs late: by what it tells, or in coming.
type lagging struct {
	mu    sync.Mutex
	stale time.Duration
	slow  chan struct{} // closed: nothing is held back
	at    chan struct{} // told of each list that is
}

func (l *lagging) disturb(ctx context.Context, c emulator.Call) (d emulator.Disturbance) {
	if c.Operation != "ListTransformJobs" || c.After {
		return d
	}
	l.mu.Lock()
	stale, slow := l.stale, l.slow
	l.mu.Unlock()
	if slow != nil {
		l.at <- struct{}{}
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
	return emulator.Disturbance{Stale: stale}
}

func (l *lagging) set(stale time.Duration, slow chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale, l.slow = stale, slow
}

// A list that is 5 s behind, on the wire: the jobs are not in it yet, then they run
// though they have ended. Nothing is started for it, and no state goes back.
func TestAListFiveSecondsBehind(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	late := &lagging{stale: 5 * time.Second}
	const runs = fewDescribed + 2
	w := newWorld(t, emulator.Options{Clock: clock, Queueing: time.Hour, Disturb: late.disturb})
	w.inputs()
	f := newFleet(t, w, runs)
	f.upload(t)
	f.are(t, "not in the list yet", broker.Preparing)
	clock.Advance(5 * time.Second)
	f.are(t, "in the list", broker.Running)
	if err := clock.BlockUntilContext(t.Context(), runs); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	be := w.backend(w.config())
	for _, n := range f.natives(t) {
		if o := w.ended(be, n); o.State != provider.Succeeded {
			t.Fatalf("%s is %s: %s", n.Name, o.State, o.Detail)
		}
	}
	f.are(t, "over, and the list does not know", broker.Running)
	if n := len(f.natives(t)); n != runs {
		t.Errorf("there are %d jobs, want %d", n, runs)
	}
	clock.Advance(5 * time.Second)
	for key, r := range f.look(t) {
		if r.State != broker.Succeeded || r.Attempt != 1 {
			t.Errorf("run %s is %s at attempt %d: %s", key, r.State, r.Attempt, r.Reason)
		}
	}
	if n := len(f.natives(t)); n != runs {
		t.Errorf("in the end there are %d jobs, want %d", n, runs)
	}
}

// A list that takes its time is waited for, and nothing else is done meanwhile.
func TestASlowListOnlyDelays(t *testing.T) {
	c := &counter{calls: map[string]int{}}
	late := &lagging{at: make(chan struct{})}
	const runs = fewDescribed + 2
	w := newWorld(t, emulator.Options{Queueing: 24 * time.Hour, Disturb: func(ctx context.Context, call emulator.Call) emulator.Disturbance {
		c.disturb(ctx, call)
		return late.disturb(ctx, call)
	}})
	f := newFleet(t, w, runs)
	slow := make(chan struct{})
	late.set(0, slow)
	c.since()
	done := make(chan map[ledger.Key]broker.Run)
	go func() {
		defer close(done)
		out, err := f.b.Watch(t.Context(), f.keys, broker.WatchOptions{Once: true})
		if err != nil {
			t.Error(err)
			return
		}
		done <- out
	}()
	<-late.at
	select {
	case out := <-done:
		t.Errorf("nobody waited for the list: %v", out)
	default:
	}
	close(slow)
	for key, r := range <-done {
		if r.State != broker.Running || r.Attempt != 1 || r.Unreachable != "" {
			t.Errorf("run %s is %s: %s", key, r.State, r.Unreachable)
		}
	}
	if diff := cmp.Diff(map[string]int{"ListTransformJobs": 1}, c.since()); diff != "" {
		t.Errorf("it cost (-want +got)\n%s", diff)
	}
}

// fewDescribed is up to how many jobs the broker asks for one by one.
const fewDescribed = 3

// are looks at all runs and wants them in a state, at their first attempt.
func (f *fleet) are(t testing.TB, when string, want broker.State) {
	t.Helper()
	for key, r := range f.look(t) {
		if r.State != want || r.Attempt != 1 || r.Unreachable != "" {
			t.Errorf("%s: run %s is %s at attempt %d, want %s at 1: %s%s", when, key, r.State, r.Attempt, want, r.Reason, r.Unreachable)
		}
	}
}

// upload writes what the jobs read besides their input.
func (f *fleet) upload(t testing.TB) {
	t.Helper()
	be := f.w.backend(f.w.config())
	for i := range f.keys {
		tr, err := be.Translate(fleetSpec(t, f.ledger, i))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range tr.Uploads {
			f.w.put(map[string]string{strings.TrimPrefix(u.URI, "s3://"+bucket+"/"): u.Body})
		}
	}
}

// natives are all jobs, as one who is not late lists them.
func (f *fleet) natives(t testing.TB) []provider.Native {
	t.Helper()
	var out []provider.Native
	for i := range f.keys {
		s := fleetSpec(t, f.ledger, i)
		be := f.w.backend(f.w.config())
		n, err := be.Find(t.Context(), startOf(t, be, s))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
		again := s
		again.Attempt = 2
		if _, err := be.Find(t.Context(), startOf(t, be, again)); err == nil {
			out = append(out, provider.Native{})
		}
	}
	return out
}
