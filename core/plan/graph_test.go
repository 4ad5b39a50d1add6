package plan_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
)

// drawn is a plan of jobs that need some of those before them, in any order of the
// file, each with what may become of it.
func drawn(t *rapid.T) []plan.Item {
	n := rapid.IntRange(1, 12).Draw(t, "jobs")
	items := make([]plan.Item, n)
	for i := range items {
		d := broker.Desired{Job: job.Job{Address: fmt.Sprintf("job.j%d", i)}}
		var needs []plan.Item
		for before := range i {
			address := items[before].Wanted.Job.Address
			switch rapid.SampledFrom([]string{"", "", "read", "wait", "both"}).Draw(t, "needs") {
			case "read":
				d.Job.Input.From = append(d.Job.Input.From, job.JobRead{Job: address})
			case "wait":
				d.Job.DependsOn = append(d.Job.DependsOn, address)
			case "both":
				d.Job.Input.From = append(d.Job.Input.From, job.JobRead{Job: address})
				d.Job.DependsOn = append(d.Job.DependsOn, address)
			default:
				continue
			}
			needs = append(needs, items[before])
		}
		d.Job.Input.AllowPartial = rapid.Bool().Draw(t, "allow partial")
		item, runs, decided := plan.Await(d, needs)
		if !decided {
			d.Job.Input = d.Job.Input.Reading(runs)
			item = plan.Item{Wanted: d, Action: rapid.SampledFrom([]plan.Action{plan.Run, plan.Rerun, plan.Attach, plan.Nothing, plan.Blocked, plan.Refused}).Draw(t, "action")}
			switch item.Action {
			case plan.Nothing:
				item.Run, item.Partial = "of "+d.Job.Address, rapid.Bool().Draw(t, "partial")
			case plan.Blocked:
				item.Err = ledger.ErrBlocked
			case plan.Refused:
				item.Err = errors.New("it cannot run")
			}
		}
		items[i] = item
	}
	return rapid.Permutation(items).Draw(t, "order")
}

// ending is how a job that is begun may end.
func ending(t *rapid.T, i plan.Item) plan.Ending {
	if i.Err != nil {
		return plan.Ending{Err: i.Err}
	}
	e := plan.Ending{Run: "of " + i.Wanted.Job.Address, State: broker.Succeeded}
	switch {
	case i.Action == plan.Nothing && i.Partial:
		e.State = broker.Partial
	case i.Action != plan.Nothing:
		e.State = rapid.SampledFrom([]broker.State{broker.Succeeded, broker.Succeeded, broker.Partial, broker.Failed, broker.Cancelled}).Draw(t, "state")
		if rapid.IntRange(0, 9).Draw(t, "error") == 0 {
			e = plan.Ending{Err: errors.New("it could not be begun")}
		}
	}
	return e
}

// Whatever the graph, and in whatever order its jobs end: each job is begun once, after
// all that it needs has ended well, or it is not run at all, since something it needs did not.
func TestGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := drawn(t)
		at, ends := map[string]int{}, map[string]*plan.Ending{}
		for n, i := range items {
			at[i.Wanted.Job.Address] = n
		}
		good := func(n int) bool { // by the words of the job file's own rules
			for _, address := range items[n].Wanted.Job.Needs() {
				e := ends[address]
				if e == nil || e.Err != nil || e.State != broker.Succeeded && (e.State != broker.Partial || !items[n].Wanted.Job.Input.AllowPartial) {
					return false
				}
			}
			return true
		}
		g := plan.NewGraph(items)
		begun, unmet := map[int]bool{}, map[int]bool{}
		active := g.Start()
		check := func(ready []int) {
			for _, n := range ready {
				if begun[n] || unmet[n] {
					t.Fatalf("%s is begun twice", items[n].Wanted.Job.Address)
				}
				begun[n] = true
				if items[n].Action != plan.Deferred {
					continue
				}
				if !good(n) {
					t.Fatalf("%s is begun before all that it needs ended well", items[n].Wanted.Job.Address)
				}
				for _, f := range g.Item(n).Wanted.Job.Input.From {
					if f.Run != "of "+f.Job {
						t.Fatalf("%s reads run %q of %s", items[n].Wanted.Job.Address, f.Run, f.Job)
					}
				}
			}
		}
		check(active)
		for len(active) > 0 {
			k := rapid.IntRange(0, len(active)-1).Draw(t, "next")
			n := active[k]
			active = slices.Delete(active, k, k+1)
			e := ending(t, items[n])
			ends[items[n].Wanted.Job.Address] = &e
			ready, not := g.End(n, e)
			for _, u := range not {
				if begun[u] || unmet[u] || g.Err(u) == nil || !strings.HasPrefix(g.Err(u).Error(), "not run: job.j") {
					t.Fatalf("%s, which has begun: %t, was told of: %t, is not run: %v", items[u].Wanted.Job.Address, begun[u], unmet[u], g.Err(u))
				}
				unmet[u] = true
				ends[items[u].Wanted.Job.Address] = &plan.Ending{Err: g.Err(u)}
			}
			check(ready)
			active = append(active, ready...)
			if more, others := g.End(n, plan.Ending{State: broker.Succeeded}); len(more)+len(others) > 0 {
				t.Fatalf("%s ends twice", items[n].Wanted.Job.Address)
			}
		}
		for n, i := range items {
			if begun[n] == unmet[n] || g.Waiting(n) || i.Action == plan.Deferred && unmet[n] == good(n) {
				t.Fatalf("%s (%s): begun %t, unmet %t, waiting %t", i.Wanted.Job.Address, i.Action, begun[n], unmet[n], g.Waiting(n))
			}
		}
	})
}

// What a plan says of a job that needs others.
func TestAwait(t *testing.T) {
	up := func(name string, a plan.Action) plan.Item {
		return plan.Item{Wanted: broker.Desired{Job: job.Job{Address: "job." + name}}, Action: a, Run: "of " + name}
	}
	partial := up("c", plan.Nothing)
	partial.Partial = true
	refused := plan.Refuse(up("d", plan.Run).Wanted, errors.New("why"))
	blocked := up("e", plan.Blocked)
	blocked.Err = ledger.ErrBlocked
	for name, c := range map[string]struct {
		needs   []plan.Item
		allow   bool
		action  plan.Action // empty: it is planned as any other
		reasons string
	}{
		"all is there":       {[]plan.Item{up("a", plan.Nothing), up("b", plan.Nothing)}, false, "", ""},
		"one begins":         {[]plan.Item{up("a", plan.Nothing), up("b", plan.Run)}, false, plan.Deferred, "known after job.b"},
		"several":            {[]plan.Item{up("a", plan.Rerun), up("b", plan.Attach), blocked, up("f", plan.Deferred)}, false, plan.Deferred, "known after job.a, job.b, job.e and job.f"},
		"partial":            {[]plan.Item{up("a", plan.Run), partial}, false, plan.Refused, "not run: job.c is partial, and input.allow_partial is not set"},
		"partial is allowed": {[]plan.Item{partial}, true, "", ""},
		"one cannot run":     {[]plan.Item{up("a", plan.Run), refused}, false, plan.Refused, "not run: job.d cannot run"},
	} {
		d := broker.Desired{Job: job.Job{Address: "job.x", Input: job.Input{AllowPartial: c.allow}}}
		got, runs, decided := plan.Await(d, c.needs)
		if decided != (c.action != "") || got.Action != c.action || strings.Join(got.Reasons, "; ") != c.reasons || got.Run != "" || got.Fingerprint != "" {
			t.Errorf("%s: %+v", name, got)
		}
		for _, n := range c.needs {
			if !decided && runs[n.Wanted.Job.Address] != n.Run {
				t.Errorf("%s: reads %v", name, runs)
			}
		}
	}
	for want, err := range map[string]error{
		"not run: job.a failed":            &plan.Unmet{Job: "job.a", State: broker.Failed},
		"not run: job.a was cancelled":     &plan.Unmet{Job: "job.a", State: broker.Cancelled},
		"not run: job.a is forgotten":      &plan.Unmet{Job: "job.a", State: broker.Forgotten},
		"not run: job.a is blocked":        &plan.Unmet{Job: "job.a", Err: fmt.Errorf("%w: by another", ledger.ErrBlocked)},
		"not run: job.a is not run either": &plan.Unmet{Job: "job.a", Err: &plan.Unmet{Job: "job.b", State: broker.Failed}},
	} {
		if err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
