package contracttests

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// starting: a run has one native job (one a part), whatever happens.
var starting = []Invariant{
	{"cancelled_context_creates_nothing", cancelledContext},
	{"second_submit_joins", secondSubmit},
	{"sixteen_submits_start_one", sixteenSubmits},
	{"lost_reply_starts_one", lostReply},
	{lateArrivalCancelled, lateArrival},
	{"failed_submit_leaves_nothing_running", failedSubmit},
	{"one_destination_one_run", oneDestination},
}

func cancelledContext(t T, h Harness) {
	p := newPlace(t, h)
	s, _ := plain("cancelled", 1, 3)
	d := p.desired(s)
	translation, err := p.backend().Translate(p.spec(d))
	p.must(err)
	ctx, cancel := context.WithCancel(p.ctx)
	cancel()
	if _, err := p.broker(nil).Submit(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("submit under a cancelled context: %v, want %v", err, context.Canceled)
	}
	be := p.backend()
	for _, q := range translation.Requests {
		if _, err := be.Send(ctx, q); err == nil {
			t.Errorf("send %s under a cancelled context succeeded", q.ID)
		}
	}
	p.made(0)
}

func secondSubmit(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("twice", 2, 4, 2)
	d := p.desired(s)
	first := p.submit(p.broker(nil), d)
	second := p.submit(p.broker(nil), d)
	end := p.finish(p.broker(nil), first.Key)
	third := p.submit(p.broker(nil), d)
	p.ended(end, broker.Succeeded)
	for _, r := range []broker.Run{second, third} {
		if r.ID != first.ID || !r.Joined {
			t.Errorf("submitting again gave run %s (joined: %t), the first one is %s", r.ID, r.Joined, first.ID)
		}
	}
	p.made(p.starts(d))
	p.equal(p.read(d.Job.Output.Destination), want)
}

func sixteenSubmits(t T, h Harness) {
	const many = 16
	p := newPlace(t, h)
	s, want := plain("sixteen", 3, 3, 3)
	d := p.desired(s)

	// The first answer is held back until another process has gone as far, so
	// that at least two of them are at it together. Time stands still until all is
	// sent: what a service may take to show a job is no race against this machine.
	met, sent := make(chan struct{}), make(chan struct{})
	meet, send := sync.OnceFunc(func() { close(met) }), sync.OnceFunc(func() { close(sent) })
	var mu sync.Mutex
	started, all := map[string]bool{}, p.starts(d)
	begun := func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		started[id] = true
		if len(started) == all {
			send()
		}
		return len(started) == 1
	}
	var first sync.Once
	m := &tamper{after: func(c call) error {
		if c.Op != "send" && c.Op != "find" || c.Request.Role != provider.Start {
			return nil
		}
		isFirst := false
		if c.Op == "send" && begun(c.Request.ID) {
			first.Do(func() { isFirst = true })
		}
		if !isFirst {
			meet()
			return nil
		}
		select {
		case <-met:
			return nil
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}}
	// A send that is refused because the name is taken has met as well.
	m.failed = func(c call) {
		if c.Op == "send" || c.Op == "find" {
			meet()
		}
	}
	p.clock = held{Clock: p.clock, ctx: p.ctx, until: sent}
	brokers := make([]*broker.Broker, many)
	for i := range brokers {
		brokers[i] = p.broker(m)
	}
	runs, errs := make([]broker.Run, many), make([]error, many)
	var wg sync.WaitGroup
	for i, b := range brokers {
		wg.Go(func() { runs[i], errs[i] = b.Submit(p.ctx, d) })
	}
	wg.Wait()
	for i := range runs {
		switch {
		case errs[i] != nil:
			t.Errorf("submit %d: %v", i, errs[i])
		case runs[i].ID != runs[0].ID:
			t.Errorf("submit %d made run %s, another one %s", i, runs[i].ID, runs[0].ID)
		}
	}
	keys := p.keys()
	if len(keys) != 1 {
		t.Fatalf("the ledger holds %d runs, want 1", len(keys))
	}
	p.ended(p.finish(p.broker(nil), keys[0]), broker.Succeeded)
	p.made(p.starts(d))
	p.equal(p.read(d.Job.Output.Destination), want)
}

func lostReply(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("lost", 5, 2, 5)
	d := p.desired(s)
	lost := map[string]bool{}
	var mu sync.Mutex
	m := &tamper{after: func(c call) error {
		mu.Lock()
		defer mu.Unlock()
		if c.Op != "send" || lost[c.Request.ID] {
			return nil
		}
		lost[c.Request.ID] = true
		return provider.Errorf(provider.Unavailable, "the connection was lost before the answer came")
	}}
	r := p.insist(m, d)
	p.ended(p.finish(p.broker(nil), r.Key), broker.Succeeded)
	p.made(p.starts(d))
	p.equal(p.read(d.Job.Output.Destination), want)
}

const lateArrivalCancelled = "late_arrival_is_cancelled"

// lateArrival: where the service has no key for a start, an attempt whose job was
// not seen in time is given up, and the next one does its work. When the first job
// shows up after all, it is cancelled, and told.
func lateArrival(t T, h Harness) {
	p := newPlace(t, h)
	if g := p.backend().Capabilities().Guarantee; g != provider.Lookup {
		t.Logf("a start of a service that is %s is never given up", g)
		return
	}
	p.s.Jobs.Hold(0)
	s, want := plain("belated", 6, 3, 2)
	d := p.desired(s)
	var mu sync.Mutex
	first := ""
	hidden := func(c call) bool {
		mu.Lock()
		defer mu.Unlock()
		if c.Op == "send" && c.Request.Role == provider.Start && first == "" {
			first = c.Request.Name
		}
		return c.Request.Name == first && c.Request.Role == provider.Start
	}
	m := &tamper{
		after: func(c call) error {
			if c.Op == "send" && hidden(c) {
				return provider.Errorf(provider.Unavailable, "the connection was lost before the answer came")
			}
			return nil
		},
		before: func(c call) error {
			if c.Op == "find" && hidden(c) {
				return provider.Errorf(provider.NotFound, "it is not seen yet")
			}
			return nil
		},
	}
	b := p.broker(m)
	key := p.insist(m, d).Key
	runs, err := b.Watch(p.ctx, []ledger.Key{key}, broker.WatchOptions{Once: true})
	p.must(err)
	if notes := runs[key].Notes; len(notes) != 1 || !strings.Contains(notes[0], first) {
		t.Errorf("the watcher says %q of %s, which came late", notes, first)
	}
	p.s.Jobs.Hold(-1)
	r := p.finish(b, key)
	p.ended(r, broker.Succeeded)
	if r.Attempt != 2 {
		t.Errorf("the run took %d attempts, want 2", r.Attempt)
	}
	p.equal(p.read(d.Job.Output.Destination), want)
	p.made(1 + p.starts(d))
	p.over()
	for o, err := range p.backend().List(p.ctx, provider.Query{}) {
		p.must(err)
		if o.Native.Name == first && o.State == provider.Succeeded {
			t.Errorf("%s, which came late, was let go on", first)
		}
	}
}

// insist submits until that succeeds, as a user does who is told to try again.
func (p *place) insist(m *tamper, d broker.Desired) broker.Run {
	p.t.Helper()
	var last error
	for range 20 {
		r, err := p.broker(m).Submit(p.ctx, d)
		if err == nil {
			return r
		}
		if last = err; !provider.CodeOf(err).Resend() {
			break
		}
	}
	p.t.Fatalf("submit: %v", last)
	return broker.Run{}
}

func failedSubmit(t T, h Harness) {
	p := newPlace(t, h)
	p.refusedByBackend()
	p = newPlace(t, h)
	p.refusedOnTheWay()
}

// refusedByBackend submits a run whose model is not there.
func (p *place) refusedByBackend() {
	s, _ := plain("refused", 7, 3, 3)
	d := p.desired(s)
	gone := filepath.Join(p.dir, "models", "gone.onnx")
	p.must(os.Rename(p.model.Artifact, gone+".moved"))
	d.Model.Artifact, d.Job.Model.Artifact = gone, gone
	b := p.broker(nil)
	if _, err := b.Submit(p.ctx, d); err != nil {
		p.t.Logf("submit without a model: %v", err)
	}
	if keys := p.keys(); len(keys) > 0 {
		p.ended(p.finish(b, keys[0]), broker.Failed)
	}
	p.over()
	p.empty(d.Job.Output.Destination)
}

// refusedOnTheWay submits a run whose last native job is refused while those
// before it run.
func (p *place) refusedOnTheWay() {
	p.s.Jobs.Hold(0)
	s, _ := plain("halfway", 8, 3, 3)
	d := p.desired(s)
	m := &tamper{before: func(c call) error {
		if c.Op == "send" && c.Request.Role == provider.Start && c.Request.Part == c.Request.Parts-1 {
			return provider.Errorf(provider.PermissionDenied, "you may not start that")
		}
		return nil
	}}
	b := p.broker(m)
	r, err := b.Submit(p.ctx, d)
	if err != nil {
		p.t.Fatalf("submit: %v", err)
	}
	r = p.finish(b, r.Key)
	p.ended(r, broker.Failed)
	if r.Code != provider.PermissionDenied {
		p.t.Errorf("the run failed with code %s (%s), want %s", r.Code, r.Reason, provider.PermissionDenied)
	}
	p.over()
	p.empty(d.Job.Output.Destination)
}

func oneDestination(t T, h Harness) {
	p := newPlace(t, h)
	p.s.Jobs.Hold(0)
	s, _ := plain("shared", 9, 3, 1)
	d := p.desired(s)
	b := p.broker(nil)
	first := p.submit(b, d)

	other, want := plain("shared", 20, 2, 4)
	other.dir = "shared later"
	e := p.desired(other)
	e.Job.Output.Destination = d.Job.Output.Destination
	_, err := p.broker(nil).Submit(p.ctx, e)
	var blocked *ledger.Blocked
	if !errors.As(err, &blocked) || !errors.Is(err, ledger.ErrBlocked) {
		t.Fatalf("another run for a destination in use: %v, want to be blocked", err)
	}
	p.made(p.starts(d))

	p.s.Jobs.Hold(-1)
	p.ended(p.finish(b, first.Key), broker.Succeeded)
	second := p.submit(b, e)
	p.ended(p.finish(b, second.Key), broker.Succeeded)
	out := p.read(d.Job.Output.Destination)
	if out.manifest.Run != second.ID {
		t.Errorf("the result is of run %s, want %s", out.manifest.Run, second.ID)
	}
	p.equal(out, want)
	p.made(p.starts(d) + p.starts(e))
}
