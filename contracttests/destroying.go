package contracttests

import (
	"errors"
	"sync"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// destroying: what was made for a run can be taken away, and nothing else goes.
var destroying = []Invariant{
	{destroyLeavesNothing, destroyed},
	{vanishedMadeAgain, vanished},
}

const (
	destroyLeavesNothing = "destroy_leaves_nothing"
	vanishedMadeAgain    = "vanished_object_is_made_again"
)

// destroyed destroys a run that is over beside one that lives on the same model, then
// that one, and lets the first job run again.
func destroyed(t T, h Harness) {
	p := newPlace(t, h)
	first, want := plain("first", 1, 3, 3)
	second, _ := plain("second", 7, 3, 3)
	a, b := p.desired(first), p.desired(second)
	over, _ := p.succeed(a)
	p.s.Jobs.Hold(0)
	live := p.submit(p.broker(nil), b)
	p.standing(live.Key)

	p.destroy(broker.DestroyOptions{}, a.Identity())
	p.gone(over.Key)
	be := p.backend()
	for _, n := range p.standing(live.Key) {
		p.stillAtWork(be, n)
	}
	for _, n := range p.bound(live.Key) {
		p.is(be, n, provider.Succeeded)
	}
	p.equal(p.read(a.Job.Output.Destination), want)
	if r := p.submit(p.broker(nil), a); r.Key != over.Key || r.State != broker.Succeeded {
		t.Errorf("the result stands, and submit began run %s, which is %s", r.ID, r.State)
	}

	p.destroy(broker.DestroyOptions{Results: true}, a.Identity(), b.Identity())
	p.gone(live.Key)
	for _, key := range []ledger.Key{over.Key, live.Key} {
		for _, n := range p.bound(key) {
			p.unknown(be, n)
		}
	}
	p.empty(a.Job.Output.Destination)
	p.empty(b.Job.Output.Destination)
	p.over()
	if left, err := p.broker(nil).Removals(p.ctx, []job.Identity{a.Identity(), b.Identity()}, broker.DestroyOptions{Results: true}); err != nil || len(left) > 0 {
		t.Errorf("destroyed again: %+v, %v", left, err)
	}

	p.s.Jobs.Hold(-1)
	again, out := p.succeed(a)
	if again.Key == over.Key {
		t.Errorf("what was destroyed with its results satisfies its job")
	}
	p.equal(out, want)
	problems, err := p.openLedger().Fsck(p.ctx)
	p.must(err)
	for _, f := range problems {
		t.Errorf("%s: %s", f.Object, f.Message)
	}
}

// vanished removes the owned objects of a run between the moment when they were there
// and its first start, as a hand or a destroy that came at a bad moment does.
func vanished(t T, h Harness) {
	p := newPlace(t, h)
	s, want := plain("vanished", 1, 3, 3)
	d := p.desired(s)
	be := p.backend()
	var once sync.Once
	var gone []provider.Native
	b := p.broker(&tamper{before: func(c call) (err error) {
		if c.Op == "send" && c.Request.Role == provider.Start {
			once.Do(func() {
				for _, key := range p.keys() {
					gone = append(gone, p.bound(key)...)
				}
				for _, n := range gone {
					err = errors.Join(err, be.Delete(p.ctx, n))
				}
			})
		}
		return err
	}})
	r := p.finish(b, p.submit(b, d).Key)
	p.ended(r, broker.Succeeded)
	if r.Attempt != 1 {
		t.Errorf("it took %d attempts", r.Attempt)
	}
	p.made(p.starts(d))
	p.equal(p.read(d.Job.Output.Destination), want)
	for _, n := range gone {
		p.is(be, n, provider.Succeeded)
	}
}

// destroy destroys the runs of jobs, all of which must be possible.
func (p *place) destroy(o broker.DestroyOptions, jobs ...job.Identity) {
	p.t.Helper()
	b := p.broker(nil)
	removals, err := b.Removals(p.ctx, jobs, o)
	p.must(err)
	if len(removals) != len(jobs) {
		p.t.Errorf("%d runs are to be destroyed, want one for each of %d jobs", len(removals), len(jobs))
	}
	for _, d := range b.Destroy(p.ctx, removals, o) {
		if d.Err != nil || d.Run.Destroyed == nil {
			p.t.Errorf("destroying run %s: %v", d.Run.ID, d.Err)
		}
	}
}

// gone checks that nothing is left of a run where it ran, nor where it worked.
func (p *place) gone(key ledger.Key) {
	p.t.Helper()
	be := p.backend()
	if !be.Capabilities().KeepsJobs {
		for _, n := range p.natives(key) {
			p.unknown(be, n)
		}
	}
	folder := p.history(key)[0].Intent.Staging
	b, prefix, err := p.open(p.ctx, folder)
	p.must(err)
	defer func() { _ = b.Close() }()
	for o, err := range b.Objects(p.ctx, prefix) {
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			p.t.Fatalf("listing %s: %v", folder, err)
		}
		p.t.Errorf("%s is left in %s", o.Key, folder)
	}
}

// bound are the owned objects that a run was bound to.
func (p *place) bound(key ledger.Key) []provider.Native {
	p.t.Helper()
	var out []provider.Native
	for _, e := range p.history(key) {
		if e.Kind == ledger.Bound {
			out = append(out, *e.Native)
		}
	}
	return out
}

func (p *place) unknown(be provider.Backend, n provider.Native) {
	p.t.Helper()
	if o, err := be.Describe(p.ctx, n); be.Code(err) != provider.NotFound {
		p.t.Errorf("%s is not gone: %s, %v", n.ID, o.State, err)
	}
}

func (p *place) stillAtWork(be provider.Backend, n provider.Native) {
	p.t.Helper()
	if o, err := be.Describe(p.ctx, n); err != nil || o.State.Terminal() {
		p.t.Errorf("%s is %s, %v", n.ID, o.State, err)
	}
}
