package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Unmet says that a job is not run, since one that it needs did not end well.
type Unmet struct {
	Job   string       // that it needs
	State broker.State // how that ended; empty: it was not run
	Err   error        // why it was not run
}

func (u *Unmet) Error() string {
	var deeper *Unmet
	how := "cannot run"
	switch {
	case u.State == broker.Partial:
		how = "is partial, and input.allow_partial is not set"
	case u.State == broker.Cancelled:
		how = "was cancelled"
	case u.State == broker.Forgotten:
		how = "is forgotten"
	case u.State != "":
		how = string(u.State)
	case errors.As(u.Err, &deeper):
		how = "is not run either"
	case errors.Is(u.Err, ledger.ErrBlocked):
		how = "is blocked"
	}
	return fmt.Sprintf("not run: %s %s", u.Job, how)
}

// Unwrap is why the job that is needed was not run.
func (u *Unmet) Unwrap() error { return u.Err }

// serves is nil if a job may start after one that it needs has ended so.
func serves(d broker.Desired, address string, e Ending) error {
	good := e.State == broker.Succeeded || e.State == broker.Partial && d.Job.Input.AllowPartial
	if e.Err == nil && good {
		return nil
	}
	return &Unmet{Job: address, State: e.State, Err: e.Err}
}

// Await says what the jobs of a plan that a job needs make of it. It is false where
// they are all over and their results may be read: then the job is planned as any
// other, as a reader of the results of these runs. It depends on nothing but what it is
// given.
func Await(d broker.Desired, needs []Item) (out Item, runs map[string]string, decided bool) {
	runs = map[string]string{}
	var waits []string
	for _, n := range needs {
		address := n.Wanted.Job.Address
		switch {
		case n.Action == Refused:
			return Refuse(d, &Unmet{Job: address, Err: n.Err}), nil, true
		case n.Action != Nothing:
			waits = append(waits, address)
			continue
		}
		e := Ending{Run: n.Run, State: broker.Succeeded}
		if n.Partial {
			e.State = broker.Partial
		}
		if err := serves(d, address, e); err != nil {
			return Refuse(d, err), nil, true
		}
		runs[address] = n.Run
	}
	if len(waits) == 0 {
		return Item{}, runs, false
	}
	return Item{Wanted: d, Action: Deferred, WaitsFor: waits, Reasons: []string{"known after " + list(waits)}}, nil, true
}

// list is words as people list them.
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// Chain is what it takes to plan jobs that need others.
type Chain struct {
	Jobs map[string]job.Identity // of the job files, by address, whether they are planned or not

	// Look checks a job that needs others against its model and its data. It is called
	// once these are over, for one job at a time.
	Look func(context.Context, broker.Desired) (broker.Desired, error)
}

// InOrder says what becomes of wanted runs, in their order, as Items does; a job that
// needs others after those, which may only be known once they are over. errs says
// which jobs cannot run, and why. Jobs that need others have not been looked at yet.
func (p *Planner) InOrder(ctx context.Context, wanted []broker.Desired, errs []error, c Chain) ([]Item, error) {
	out := make([]Item, len(wanted))
	at := map[string]int{}
	for n, d := range wanted {
		at[d.Job.Address] = n
	}
	for _, level := range levels(wanted, at) {
		var ready []broker.Desired
		var where []int
		for _, n := range level {
			d, decided := wanted[n], errs[n] != nil
			if decided {
				out[n] = Refuse(d, errs[n])
			} else if len(d.Job.Needs()) > 0 {
				d, out[n], decided = p.after(ctx, d, out, at, c)
			}
			if !decided {
				ready, where = append(ready, d), append(where, n)
			}
		}
		items, err := p.Items(ctx, ready)
		if err != nil {
			return nil, err
		}
		for i, n := range where {
			out[n] = items[i]
		}
	}
	return out, ctx.Err()
}

// after is a job that needs others, ready to be planned, unless what becomes of it is
// decided by them.
func (p *Planner) after(ctx context.Context, d broker.Desired, items []Item, at map[string]int, c Chain) (broker.Desired, Item, bool) {
	d, err := p.Outside(ctx, d, at, c.Jobs)
	if err != nil {
		return d, Refuse(d, err), true
	}
	var needs []Item
	for _, n := range inside(d, at) {
		needs = append(needs, items[n])
	}
	out, runs, decided := Await(d, needs)
	if decided {
		return d, out, true
	}
	d.Job.Input = d.Job.Input.Reading(runs)
	if d, err = c.Look(ctx, d); err != nil {
		return d, Refuse(d, err), true
	}
	return d, out, false
}

// inside are the jobs among those of a plan that a job waits for, by their index. A
// preview waits for none: it reads what is there.
func inside(d broker.Desired, at map[string]int) []int {
	if d.Preview != nil {
		return nil
	}
	var out []int
	for _, address := range d.Job.Needs() {
		if n, ok := at[address]; ok {
			out = append(out, n)
		}
	}
	return out
}

// Outside makes a job read the results in force of the jobs that it needs and that are
// not among those of a plan, given by their addresses. It is an error when one of them
// has none that may be read.
func (p *Planner) Outside(ctx context.Context, d broker.Desired, at map[string]int, jobs map[string]job.Identity) (broker.Desired, error) {
	runs := map[string]string{}
	for _, address := range d.Job.Needs() {
		if _, ok := at[address]; ok && d.Preview == nil {
			continue
		}
		r, err := p.b.InForce(ctx, jobs[address], p.runs)
		switch {
		case errors.Is(err, storage.ErrNoResult) && d.Preview != nil:
			return d, fmt.Errorf("a preview waits for no other run, and reads what %s has published: %w; run %s first", address, err, address)
		case errors.Is(err, storage.ErrNoResult):
			return d, fmt.Errorf("it needs %s, which is not chosen: %w; run %s first, or choose it, too", address, err, address)
		case err != nil:
			return d, err
		case r.Partial && !d.Job.Input.AllowPartial:
			return d, fmt.Errorf("it needs %s, whose result (run %s) is partial: run %s again, or set input.allow_partial", address, r.Run, address)
		}
		runs[address] = r.Run
	}
	d.Job.Input = d.Job.Input.Reading(runs)
	return d, nil
}

// levels are the jobs, by their index, each behind all that it waits for. Those of a
// ring, which no job file has, come at the end.
func levels(wanted []broker.Desired, at map[string]int) [][]int {
	depth := make([]int, len(wanted))
	const open = -1
	var visit func(n int) int
	visit = func(n int) int {
		if depth[n] != 0 {
			return max(depth[n], 0)
		}
		depth[n] = open
		below := 0
		for _, m := range inside(wanted[n], at) {
			below = max(below, visit(m))
		}
		depth[n] = below + 1
		return depth[n]
	}
	var out [][]int
	for n := range wanted {
		for d := visit(n); len(out) < d; {
			out = append(out, nil)
		}
	}
	for n, d := range depth {
		out[d-1] = append(out[d-1], n)
	}
	return out
}
