package main

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
)

// walk begins the jobs of a plan, each as soon as what it needs has ended well, and
// sees all of it through.
type walk struct {
	*app
	s           *session
	items       []plan.Item
	parallelism int          // how many are begun at once
	detach      bool         // nothing is seen through: what waits for a live run is not begun
	cancel      bool         // the runs, on a signal
	besides     []ledger.Key // further runs that are seen through

	graph   *plan.Graph
	planner *plan.Planner
	look    looker
	queue   []int // to be begun
	done    []submitted
	byKey   map[ledger.Key]int // of the runs that are watched
	seen    seen
	errs    []error // of besides
}

// over is a run that is watched no longer: it has ended, or err says what is wrong.
type over struct {
	key ledger.Key
	err error
}

// seen are runs as a watcher saw them last.
type seen struct {
	mu   sync.Mutex
	runs map[ledger.Key]broker.Run
}

func (s *seen) report(r broker.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[r.Key] = r
}

func (s *seen) of(key ledger.Key) (broker.Run, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.runs[key]
	return r, ok
}

// run walks, and tells what became of every job, in the plan's order. What is wrong
// with one stops no other but those that need it.
func (w *walk) run(ctx context.Context) []submitted {
	w.graph, w.done = plan.NewGraph(w.items), make([]submitted, len(w.items))
	w.byKey, w.seen.runs = map[ledger.Key]int{}, map[ledger.Key]broker.Run{}
	w.planner, w.look.app, w.look.home = plan.NewPlanner(w.s.Broker), w.app, w.s.home
	for n, i := range w.items {
		w.done[n] = submitted{action: i.Action, run: toBe(i.Wanted)}
	}
	begun := make(chan int, len(w.items))
	more := make(chan ledger.Key, len(w.items)+len(w.besides))
	ended := make(chan over, cap(more))
	stopped := make(chan struct{})
	if w.detach {
		close(stopped)
	} else {
		go func() {
			defer close(stopped)
			w.watch(ctx, more, ended)
		}()
	}
	live := 0
	watch := func(key ledger.Key) {
		if !w.detach {
			live++
			more <- key
		}
	}
	for _, key := range w.besides {
		watch(key)
	}
	w.queue = w.graph.Start()
	active, interrupted := 0, ctx.Done()
	for active > 0 || ctx.Err() == nil && (live > 0 || len(w.queue) > 0) {
		for ; len(w.queue) > 0 && active < w.parallelism && ctx.Err() == nil; active++ {
			n := w.queue[0]
			w.queue = w.queue[1:]
			i := w.graph.Item(n)
			go func() {
				w.done[n] = w.one(ctx, i)
				begun <- n
			}()
		}
		select {
		case n := <-begun:
			active--
			switch d := w.done[n]; {
			case d.err != nil || d.run.State.Over():
				w.end(n)
			default:
				w.byKey[d.run.Key] = n
				watch(d.run.Key)
			}
		case o := <-ended:
			live--
			w.over(o)
		case <-interrupted:
			interrupted = nil
		}
	}
	close(more)
	<-stopped
	w.finish(ctx)
	return w.done
}

// watch sees runs through, until there are no more of them.
func (w *walk) watch(ctx context.Context, more <-chan ledger.Key, ended chan<- over) {
	defer w.s.view.Close()
	_, _ = w.s.Watch(ctx, nil, broker.WatchOptions{ // what is wrong with a run, Done tells
		More: more,
		Report: func(r broker.Run) {
			w.s.view.Report(r)
			w.seen.report(r)
		},
		Done: func(key ledger.Key, err error) { ended <- over{key, err} },
	})
}

// one begins a job, whose turn it is. What was deferred is planned first.
func (w *walk) one(ctx context.Context, i plan.Item) submitted {
	if i.Action == plan.Deferred {
		i = w.planner.Settle(ctx, i, w.look.look)
	}
	out := w.app.one(ctx, w.s, i)
	if out.err != nil {
		out.run = toBe(i.Wanted)
		if ctx.Err() != nil {
			out.err = errInterrupted
		}
	}
	return out
}

// over takes that a run is watched no longer.
func (w *walk) over(o over) {
	n, ok := w.byKey[o.key]
	if !ok { // one of besides
		w.errs = append(w.errs, o.err)
		return
	}
	if r, ok := w.seen.of(o.key); ok {
		r.Joined = w.done[n].run.Joined
		w.done[n].run = r
	}
	delete(w.byKey, o.key)
	w.done[n].err = o.err
	w.end(n)
}

// end takes what became of a job, and what follows from it for others.
func (w *walk) end(n int) {
	d := w.done[n]
	ready, unmet := w.graph.End(n, plan.Ending{Run: d.run.ID, State: d.run.State, Err: d.err})
	w.queue = append(w.queue, ready...)
	for _, u := range unmet {
		w.done[u].err = w.graph.Err(u)
	}
}

// finish says of what goes on how it is, and of what was not begun why.
func (w *walk) finish(ctx context.Context) {
	if ctx.Err() != nil && w.cancel {
		keys := slices.Sorted(maps.Keys(w.byKey))
		runs, err := w.cancelNow(ctx, w.s, keys)
		for key, n := range w.byKey {
			if r, ok := runs[key]; ok {
				r.Joined = w.done[n].run.Joined
				w.done[n].run = r
			} else if err != nil {
				w.done[n].err = err
			}
		}
	} else {
		for key, n := range w.byKey {
			if r, ok := w.seen.of(key); ok {
				r.Joined = w.done[n].run.Joined
				w.done[n].run = r
			}
		}
	}
	for _, n := range w.queue {
		w.done[n].err = errInterrupted
	}
	for n := range w.items {
		if w.graph.Waiting(n) {
			w.done[n].waits = w.graph.WaitsFor(n)
		}
	}
}

// toBe stands for the run of a job until there is one.
func toBe(d broker.Desired) broker.Run {
	return broker.Run{
		Project: d.Job.Project, Address: d.Job.Address, Provider: d.Job.Placement.Providers[0].String(), Destination: d.Job.Output.Destination,
	}
}

// looker looks at jobs once what they need is over, one at a time.
type looker struct {
	*app
	home string // the .crossbatch folder of the job files

	mu sync.Mutex
	r  *resolver
}

// look checks a job against its model and its data, and digests its input.
func (l *looker) look(ctx context.Context, d broker.Desired) (broker.Desired, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.r == nil {
		rt, err := l.loadRuntime(ctx)
		if err != nil {
			return d, err
		}
		t := l.terminal()
		t.Bars = false // those of the runs are on the screen
		l.r = &resolver{app: l.app, home: l.home, runtime: rt, digests: openDigests(), view: view.NewChecking(t, l.now)}
	}
	return l.r.again(ctx, d)
}

// identities are those of the jobs of job files, by their addresses.
func identities(set *jobfile.Set) map[string]job.Identity {
	out := map[string]job.Identity{}
	for _, j := range set.Jobs {
		out[j.Address] = j.Identity()
	}
	return out
}
