package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// Asked is a job that is asked for, placed on each of its places: the one that is tried
// first at the front. That one has been looked at, unless the job needs others.
type Asked struct {
	Places []broker.Desired
	Err    error // why it cannot run
}

// Look checks a placed job against its model and its data, and digests its input.
type Look func(context.Context, broker.Desired) (broker.Desired, error)

// Files is what jobs that need others are planned with.
type Files struct {
	Jobs map[string]job.Identity // of the job files, by address, whether they are asked for or not
	Look Look                    // is called for one job at a time
}

// InOrder says what becomes of jobs, in their order, on the first of their places that
// can run them; of a job that needs others after those. What is known of it only once
// these are over is not looked at before. It is an error only when ctx is over.
func (p *Planner) InOrder(ctx context.Context, asked []Asked, f Files) ([]Item, error) {
	out := make([]Item, len(asked))
	at := map[string]int{}
	for n, a := range asked {
		at[a.Places[0].Job.Address] = n
	}
	for _, level := range levels(asked, at) {
		var ready []broker.Desired
		var where []int
		others := map[int][]broker.Desired{}
		for _, n := range level {
			places, decided := asked[n].Places, asked[n].Err != nil
			if decided {
				out[n] = Choose([]Item{Refuse(places[0], asked[n].Err)}, refs(places[1:]))
			} else if len(places[0].Job.Needs()) > 0 {
				places, out[n], decided = p.after(ctx, places, out, at, f)
			}
			if !decided {
				ready, where, others[n] = append(ready, places[0]), append(where, n), places[1:]
			}
		}
		items, err := p.Items(ctx, ready)
		if err != nil {
			return nil, err
		}
		for i, n := range where {
			out[n] = p.choose(ctx, items[i], others[n], f.Look)
		}
	}
	return out, ctx.Err()
}

// after is a job that needs others, ready to be planned, unless what becomes of it is
// decided by them.
func (p *Planner) after(ctx context.Context, places []broker.Desired, items []Item, at map[string]int, f Files) ([]broker.Desired, Item, bool) {
	d := places[0]
	refused := func(i Item) ([]broker.Desired, Item, bool) {
		return nil, Choose([]Item{i}, refs(places[1:])), true
	}
	runs, err := p.outside(ctx, d, at, f.Jobs)
	if err != nil {
		return refused(Refuse(d, err))
	}
	places = reading(places, runs)
	var needs []Item
	for _, n := range inside(d, at) {
		needs = append(needs, items[n])
	}
	out, runs, decided := Await(places[0], needs)
	switch {
	case decided && out.Action == Refused:
		return refused(out)
	case decided:
		out.Others, out.Candidates = places[1:], open(places, out.Reasons[0])
		return nil, out, true
	}
	places = reading(places, runs)
	if places[0], err = f.Look(ctx, places[0]); err != nil {
		return refused(Refuse(d, err))
	}
	return places, out, false
}

// choose is what becomes of a job on the first of its places that can run it; first is
// what becomes of it on the first of them all.
func (p *Planner) choose(ctx context.Context, first Item, others []broker.Desired, look Look) Item {
	tried := []Item{first}
	for len(others) > 0 && tried[len(tried)-1].Elsewhere() && ctx.Err() == nil {
		d, err := look(ctx, others[0])
		others = others[1:]
		if err != nil {
			tried = append(tried, Refuse(d, err))
			break
		}
		tried = append(tried, p.Item(ctx, d))
	}
	return Choose(tried, refs(others))
}

// Settle says what becomes of a job that was deferred, now that all is over that it
// needs.
func (p *Planner) Settle(ctx context.Context, i Item, look Look) Item {
	d, err := look(ctx, i.Wanted)
	if err != nil {
		return Refuse(i.Wanted, err)
	}
	return p.choose(ctx, p.Item(ctx, d), i.Others, look)
}

func refs(places []broker.Desired) []job.ProviderRef {
	var out []job.ProviderRef
	for _, d := range places {
		out = append(out, d.Job.Placement.Providers[0])
	}
	return out
}

// open are the places of a job of which nobody can say yet which is taken.
func open(places []broker.Desired, why string) []Candidate {
	var out []Candidate
	for _, ref := range refs(places) {
		out = append(out, Candidate{Provider: ref.String(), Price: priceOn(ref.Kind), Reason: why})
	}
	return out
}

// reading is a job that reads the results of these runs, on each of its places.
func reading(places []broker.Desired, runs map[string]string) []broker.Desired {
	places = slices.Clone(places)
	for n := range places {
		places[n].Job.Input = places[n].Job.Input.Reading(runs)
	}
	return places
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

// outside are the runs whose results are in force of the jobs that a job needs and does
// not wait for. It is an error when one of them has none that may be read.
func (p *Planner) outside(ctx context.Context, d broker.Desired, at map[string]int, jobs map[string]job.Identity) (map[string]string, error) {
	runs := map[string]string{}
	for _, address := range d.Job.Needs() {
		if _, ok := at[address]; ok && d.Preview == nil {
			continue
		}
		r, err := p.b.InForce(ctx, jobs[address], p.runs)
		switch {
		case errors.Is(err, storage.ErrNoResult) && d.Preview != nil:
			return nil, fmt.Errorf("a preview waits for no other run, and reads what %s has published: %w; run %s first", address, err, address)
		case errors.Is(err, storage.ErrNoResult):
			return nil, fmt.Errorf("it needs %s, which is not chosen: %w; run %s first, or choose it, too", address, err, address)
		case err != nil:
			return nil, err
		case r.Partial && !d.Job.Input.AllowPartial:
			return nil, fmt.Errorf("it needs %s, whose result (run %s) is partial: run %s again, or set input.allow_partial", address, r.Run, address)
		}
		runs[address] = r.Run
	}
	return runs, nil
}

// levels are the jobs, by their index, each behind all that it waits for.
func levels(asked []Asked, at map[string]int) [][]int {
	depth := make([]int, len(asked)) // from 1; 0: not known yet
	const visiting = -1
	var visit func(n int) int
	visit = func(n int) int {
		if depth[n] == 0 {
			depth[n] = visiting // a ring, which no job file has, is cut here
			below := 0
			for _, m := range inside(asked[n].Places[0], at) {
				below = max(below, visit(m))
			}
			depth[n] = below + 1
		}
		return depth[n]
	}
	var out [][]int
	for n := range asked {
		for d := visit(n); len(out) < d; {
			out = append(out, nil)
		}
	}
	for n, d := range depth {
		out[d-1] = append(out[d-1], n)
	}
	return out
}
