package contracttests

import (
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// ending: a run ends when it is told to.
var ending = []Invariant{
	{"cancel_before_start_starts_nothing", cancelBefore},
	{"cancel_during_start_ends_it", cancelDuringStart},
	{"cancel_while_running_ends_it", cancelRunning},
	{"cancel_after_end_changes_nothing", cancelAfter},
	{"cancel_is_idempotent", cancelTwice},
	{"deadline_ends_the_run", deadline},
}

func cancelBefore(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("early", 1, 3)
	d := p.desired(s)
	// The first translation is Submit's own check; the second one follows the
	// intent.
	m := &tamper{before: func(c call) error {
		if c.Op == "translate" && c.N > 0 {
			return provider.Errorf(provider.Unavailable, "the process stops here")
		}
		return nil
	}}
	if _, err := p.broker(m).Submit(p.ctx, d); err == nil {
		t.Fatalf("submit succeeded, though nothing could be translated")
	}
	keys := p.keys()
	if len(keys) != 1 {
		t.Fatalf("the ledger holds %d runs, want 1", len(keys))
	}
	b := p.broker(nil)
	p.cancel(b, keys[0])
	p.ended(p.finish(b, keys[0]), broker.Cancelled)
	p.made(0)
	p.empty(d.Job.Output.Destination)
}

func (p *place) cancel(b *broker.Broker, key ledger.Key) broker.Run {
	p.t.Helper()
	r, err := b.Cancel(p.ctx, key, "the suite wants it so")
	if err != nil {
		p.t.Fatalf("cancel: %v", err)
	}
	return r
}

func cancelDuringStart(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	s, _ := plain("starting", 2, 3, 3)
	d := p.desired(s)
	m := &tamper{after: func(c call) error {
		if c.Op == "send" && c.Request.Role == provider.Start {
			return provider.Errorf(provider.Unavailable, "the connection was lost before the answer came")
		}
		return nil
	}, before: func(c call) error {
		if c.Op == "find" && c.Request.Role == provider.Start {
			return provider.Errorf(provider.PermissionDenied, "the process stops here")
		}
		return nil
	}}
	b := p.broker(m)
	_, err := b.Submit(p.ctx, d)
	t.Logf("submit whose start is lost: %v", err)
	keys := p.keys()
	if len(keys) != 1 {
		t.Fatalf("the ledger holds %d runs, want 1", len(keys))
	}
	b = p.broker(nil)
	p.cancel(b, keys[0])
	r := p.finish(b, keys[0])
	if r.State != broker.Cancelled && r.State != broker.Failed { // failed: when it could not be looked for
		t.Errorf("the run is %s, want %s", r.State, broker.Cancelled)
	}
	p.over()
	p.empty(d.Job.Output.Destination)
}

func cancelRunning(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	s, _ := plain("running", 3, 3, 3)
	d := p.desired(s)
	b := p.broker(nil)
	key := p.submit(b, d).Key
	p.standing(key)
	p.cancel(b, key)
	r := p.finish(b, key)
	p.ended(r, broker.Cancelled)
	if !strings.Contains(r.Reason, "the suite wants it so") {
		t.Errorf("the reason of the cancelled run is %q", r.Reason)
	}
	p.over()
	p.made(p.starts(d))
	p.empty(d.Job.Output.Destination)
}

func cancelAfter(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("late", 4, 3, 3)
	d := p.desired(s)
	r, _ := p.succeed(d)
	be := p.backend()
	for _, n := range p.natives(r.Key) {
		if err := be.Cancel(p.ctx, n); err != nil {
			t.Errorf("cancelling %s, which is over: %v", n.ID, err)
		}
		p.is(be, n, provider.Succeeded)
	}
	b := p.broker(nil)
	p.ended(p.cancel(b, r.Key), broker.Succeeded)
	p.ended(p.finish(b, r.Key), broker.Succeeded)
	p.equal(p.read(d.Job.Output.Destination), want)
}

// is checks the state of a native job.
func (p *place) is(be provider.Backend, n provider.Native, want provider.State) {
	p.t.Helper()
	o, err := be.Describe(p.ctx, n)
	switch {
	case err != nil:
		p.t.Errorf("describe %s: %v", n.ID, err)
	case o.State != want:
		p.t.Errorf("%s is %s, want %s", n.ID, o.State, want)
	}
}

func cancelTwice(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	s, _ := plain("again", 5, 3, 3)
	d := p.desired(s)
	b := p.broker(nil)
	key := p.submit(b, d).Key
	ns := p.standing(key)
	for range 3 {
		for _, n := range ns {
			if err := p.backend().Cancel(p.ctx, n); err != nil {
				t.Errorf("cancelling %s: %v", n.ID, err)
			}
		}
		p.cancel(p.broker(nil), key)
	}
	p.ended(p.finish(b, key), broker.Cancelled)
	for _, n := range ns {
		if err := p.backend().Cancel(p.ctx, n); err != nil {
			t.Errorf("cancelling %s, which is cancelled: %v", n.ID, err)
		}
	}
	p.ended(p.cancel(b, key), broker.Cancelled)
	asked := 0
	for _, e := range p.history(key) {
		if e.Kind == ledger.CancelRequested {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("the ledger has %d requests to cancel, want 1", asked)
	}
	p.over()
}

// deadline: unanswered records count as skipped, and what is finished is
// published when there is any.
func deadline(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(1)
	s, want := plain("slow", 6, 3, 3, 3, 3, 3, 3, 3, 3)
	const limit = 3 * time.Second
	s.tune = nil
	d := p.desired(s)
	d.Job.Limits.Timeout = limit
	b := p.broker(nil)
	r := p.submit(b, d)
	inTime := false
	if r.Attempt > 0 && !r.State.Over() {
		p.standing(r.Key)
		inTime = p.clock.Since(r.Begun) < limit
	}
	r = p.finish(b, r.Key)
	if took := p.clock.Since(r.Begun); took < limit {
		t.Errorf("the run ended after %v, before its timeout of %v", took, limit)
	}
	kept := inTime && p.backend().Capabilities().KeepsOnCancel
	switch {
	case r.State == broker.Partial && r.Counts.OK > 0:
		out := p.read(d.Job.Output.Destination)
		if out.manifest.State != record.Partial {
			t.Errorf("the manifest says %s, want %s", out.manifest.State, record.Partial)
		}
		for i := range want {
			switch got := out.part(i); got {
			case "", want[i]:
			default:
				p.same(i, "predictions", got, want[i])
			}
		}
	case r.State == broker.Failed && r.Counts.OK == 0 && !kept:
		if r.Code != provider.Timeout {
			t.Errorf("the run failed with code %s (%s), want %s", r.Code, r.Reason, provider.Timeout)
		}
		p.empty(d.Job.Output.Destination)
	default:
		t.Errorf("the run is %s with %+v (%s)", r.State, r.Counts, r.Reason)
	}
	if c := r.Counts; c.In != 24 || !(record.Counts)(c).Balanced() || c.Skipped == 0 {
		t.Errorf("the run counts %+v, want all 24 records and some of them skipped", c)
	}
	p.over()
}
