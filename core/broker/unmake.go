package broker

import (
	"context"
	"slices"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
)

// unmake removes what a run made where it ran, and what it worked with. It returns the
// objects that stay.
func (d *destroyer) unmake(ctx context.Context, r *run) ([]Object, error) {
	be, err := d.backend(ctx, r.intent.Provider)
	if err != nil {
		return nil, err
	}
	natives, err := d.ended(ctx, be, r)
	if err != nil {
		return nil, err
	}
	if !be.Capabilities().KeepsJobs {
		for _, n := range natives {
			if err := d.remove(ctx, be, r, n); err != nil {
				return nil, err
			}
		}
	}
	objects, err := d.objects(ctx, be, r)
	if err != nil {
		return nil, err
	}
	d.Broker.o.Step("before delete staging")
	err = staging.RemoveRun(ctx, d.Broker.o.Open, above(r.intent.Staging, "runs/"+r.id+"/"), r.id)
	d.Broker.o.Step("after delete staging")
	if err != nil {
		return nil, err
	}
	return d.release(ctx, be, r, objects)
}

// objects are the owned objects of a run. One that was made for it by a process that
// died before it could write so is looked for.
func (d *destroyer) objects(ctx context.Context, be provider.Backend, r *run) ([]provider.Native, error) {
	out := r.objects()
	number := max(len(r.attempts), 1)
	unstaged := r.staged == nil && be.Capabilities().Staging != nil
	if len(out) > 0 || unstaged || slices.ContainsFunc(r.attempts, func(a *attempt) bool { return len(a.sent) > 0 }) {
		return out, nil // who sent a start was bound to all that it needs
	}
	shards, err := d.input(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := d.step(ctx, be, r, shards, number)
	if err != nil && !lasting(err) {
		return nil, err
	}
	if err != nil {
		return nil, nil // what cannot be translated was not sent
	}
	for _, q := range s.t.Requests {
		if q.Role != provider.Ensure {
			break
		}
		q, err := substitute(q, s.attempt())
		if err != nil {
			break // it needs what an earlier one would have answered
		}
		n, err := s.find(ctx, q)
		if code := be.Code(err); code == provider.NotFound || code == provider.Conflict {
			break
		}
		if err != nil {
			return nil, r.wrap(be, "find "+q.Op, err)
		}
		out = append(out, n)
	}
	return out, nil
}

func (b *Broker) remove(ctx context.Context, be provider.Backend, r *run, n provider.Native) error {
	b.o.Step("before delete " + n.Name)
	err := be.Delete(ctx, n)
	b.o.Step("after delete " + n.Name)
	return r.wrap(be, "delete", err)
}

// ended are the native jobs of a run, none of which is at work any more. One that
// nobody saw end, because the run was forgotten by force or the attempt abandoned, is
// cancelled.
func (d *destroyer) ended(ctx context.Context, be provider.Backend, r *run) ([]provider.Native, error) {
	natives := r.natives()
	var working []provider.Native
	lost := map[string]bool{} // attempts that may have started what the ledger does not know
	for _, a := range r.attempts {
		if a.ended == nil {
			for _, n := range a.started {
				working = append(working, n)
			}
		}
		if len(a.sent) > len(a.started) && (a.ended == nil || a.abandoned || unclear(a.ended.Code)) {
			lost[provider.NativeName(r.intent.Job.Address, r.id, a.number, 0, 1)] = true
		}
	}
	if len(lost) > 0 {
		for o, err := range be.List(ctx, provider.Query{Since: r.begun.Add(-skew)}) {
			if err != nil {
				return nil, r.wrap(be, "list", err)
			}
			if lost[provider.AttemptName(o.Native.Name)] && !slices.ContainsFunc(natives, func(n provider.Native) bool { return same(n, o.Native) }) {
				natives = append(natives, o.Native)
				if !o.State.Terminal() {
					working = append(working, o.Native)
				}
			}
		}
	}
	for _, n := range working {
		if err := d.stop(ctx, be, r, n); err != nil {
			return nil, err
		}
	}
	return natives, nil
}

// stop cancels a native job and waits for its end.
func (d *destroyer) stop(ctx context.Context, be provider.Backend, r *run, n provider.Native) error {
	if err := be.Cancel(ctx, n); err != nil {
		if be.Code(err) == provider.NotFound {
			return nil
		}
		return r.wrap(be, "cancel", err)
	}
	wait := newPause(be.Capabilities().Poll, d.Broker.o.Jitter)
	for {
		o, err := be.Describe(ctx, n)
		if err != nil && be.Code(err) != provider.NotFound {
			return r.wrap(be, "describe", err)
		}
		if err != nil || o.State.Terminal() {
			return nil
		}
		if err := d.sleep(ctx, wait.next(false)); err != nil {
			return err
		}
	}
}

// release removes the owned objects that no other run uses. Of several runs that are
// destroyed together the last one does.
func (d *destroyer) release(ctx context.Context, be provider.Backend, r *run, objects []provider.Native) (kept []Object, err error) {
	d.deciding.Lock()
	defer d.deciding.Unlock()
	d.leaving[r.key] = true
	for _, n := range objects {
		by, err := d.users.drop(ctx, be, r, n, d.leaving)
		if err != nil {
			return nil, err
		}
		if len(by) > 0 {
			kept = append(kept, Object{n, by})
			d.kept = append(d.kept, keptObject{be, r, n})
		}
	}
	return kept, nil
}

// unused looks once more at the objects that stayed: who destroyed their users at the
// same time may have left them for us. What cannot be looked at is left to gc.
func (d *destroyer) unused(ctx context.Context) {
	if len(d.kept) > 0 {
		d.users.forget()
	}
	for _, k := range d.kept {
		by, err := d.users.drop(ctx, k.be, k.r, k.n, d.leaving)
		if err != nil {
			return
		}
		if len(by) == 0 {
			out := &d.out[d.chosen[k.r.key]]
			out.Kept = slices.DeleteFunc(out.Kept, func(o Object) bool { return same(o.Native, k.n) })
		}
	}
}
