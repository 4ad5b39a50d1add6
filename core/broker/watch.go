package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// WatchOptions are how runs are watched.
type WatchOptions struct {
	Once   bool      // one look at each run, then return
	Report func(Run) // called after each look, from one goroutine at a time; may be nil

	// More are further runs, which are watched from then on; Watch goes on until it is
	// closed and all runs are over. nil: there are no more.
	More <-chan ledger.Key

	// Done is called once for each run, after the last Report: when it is over, or with
	// the error for which it is watched no longer. Not when ctx is over. From one
	// goroutine at a time; may be nil.
	Done func(ledger.Key, error)
}

// atOnce bounds how many runs of one provider are worked on at a time.
const atOnce = 8

// fewNatives is up to how many native jobs are asked for one by one; more are
// read off the provider's list, whose cost is pages.
const fewNatives = 3

// Watch advances runs until all of them are over: it starts what a killed
// process left, sees them through retries and deadlines, and publishes. Any
// number of watchers may work on the same runs. It returns the runs as it saw
// them last, by key; what went wrong with one run does not stop the others.
//
// A provider that cannot be reached, or throttles, is asked again later: only
// errors that waiting does not mend are returned.
func (b *Broker) Watch(ctx context.Context, keys []ledger.Key, o WatchOptions) (map[ledger.Key]Run, error) {
	w := &watcher{Broker: b, o: o, runs: map[ledger.Key]Run{}, notes: map[ledger.Key][]string{}, groups: map[string]*group{}}
	var first []*group
	for _, key := range keys {
		g, idle, err := w.assign(ctx, key)
		if err != nil {
			return nil, err
		}
		if idle {
			first = append(first, g)
		}
	}
	var wg sync.WaitGroup
	for _, g := range first {
		wg.Go(func() { w.follow(ctx, g) })
	}
	w.more(ctx, func(g *group) { wg.Go(func() { w.follow(ctx, g) }) })
	wg.Wait()
	if ctx.Err() != nil {
		return w.runs, ctx.Err()
	}
	return w.runs, errors.Join(w.errs...)
}

type watcher struct {
	*Broker
	o      WatchOptions
	groups map[string]*group // by provider block

	mu    sync.Mutex
	runs  map[ledger.Key]Run
	notes map[ledger.Key][]string
	errs  []error
}

// note is told once.
func (w *watcher) note(key ledger.Key, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.notes[key], text) {
		w.notes[key] = append(w.notes[key], text)
	}
}

// follow looks at a group's runs until all are over.
func (w *watcher) follow(ctx context.Context, g *group) {
	be, err := w.backend(ctx, g.block)
	if err != nil {
		w.broken(err)
		w.drop(g, nil, err)
		return
	}
	poll := be.Capabilities().Poll
	pause := newPause(poll, w.Broker.o.Jitter)
	var keys []ledger.Key
	for {
		keys = append(keys, g.take()...)
		lk, err := w.list(ctx, be, keys)
		var moved bool
		var ask time.Duration
		if err == nil {
			keys, moved, ask = w.round(ctx, keys, lk)
		} else if ask = retryAfter(err); !lasting(err) {
			w.unreachable(ctx, keys, err)
		} else {
			w.broken(err)
			w.drop(g, keys, err)
			return
		}
		switch {
		case w.o.Once || ctx.Err() != nil:
			return
		case len(keys) == 0 && g.leave():
			return
		case len(keys) == 0:
			continue
		}
		if w.sleep(ctx, max(pause.next(moved), ask)) != nil {
			return
		}
	}
}

// round advances each run once. It returns those that live on, whether any
// changed, and how long the provider asks to wait.
func (w *watcher) round(ctx context.Context, keys []ledger.Key, lk look) (live []ledger.Key, moved bool, ask time.Duration) {
	var mu sync.Mutex
	alive := map[ledger.Key]bool{}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, key := range keys {
		g.Go(func() error {
			out, err := w.advance(ctx, key, lk, false)
			if err != nil && ctx.Err() == nil && !lasting(err) {
				mu.Lock()
				ask = max(ask, retryAfter(err))
				mu.Unlock()
				out.Unreachable, err = err.Error(), nil
			}
			if err != nil {
				if ctx.Err() == nil {
					err = fmt.Errorf("run %s: %w", cmp.Or(out.ID, string(key)), err)
					w.broken(err)
					w.done(key, err)
				}
				return nil
			}
			changed := w.saw(key, out)
			if out.State.Over() {
				w.done(key, nil)
			}
			mu.Lock()
			defer mu.Unlock()
			moved = moved || changed
			if !out.State.Over() {
				alive[key] = true
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return no errors
	for _, key := range keys {
		if alive[key] {
			live = append(live, key)
		}
	}
	return live, moved, ask
}

// saw keeps and reports what a run looks like; true when its state changed.
func (w *watcher) saw(key ledger.Key, out Run) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, known := w.runs[key]
	if out.ID == "" { // could not even be read
		out = before
	}
	out.Notes = slices.Clone(w.notes[key])
	w.runs[key] = out
	if w.o.Report != nil {
		w.o.Report(out)
	}
	return !known || before.State != out.State || before.Attempt != out.Attempt
}

func (w *watcher) unreachable(ctx context.Context, keys []ledger.Key, err error) {
	for _, key := range keys {
		r, lerr := w.load(ctx, key)
		if lerr != nil {
			continue
		}
		out := r.view(nil)
		out.Unreachable = err.Error()
		w.saw(key, out)
	}
}

func (w *watcher) broken(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// skew is how far our clock and a service's may be apart.
const skew = time.Hour

// list makes the look of a round. What abandoned attempts had started after all is
// cancelled.
func (w *watcher) list(ctx context.Context, be provider.Backend, keys []ledger.Key) (look, error) {
	var runs []*run
	given := map[string]ledger.Key{}
	for _, key := range keys {
		r, err := w.load(ctx, key)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
		for _, name := range r.abandonedNames() {
			given[name] = key
		}
	}
	return listed(ctx, be, runs, len(given) > 0, func(o provider.Observation) error {
		key, ok := given[provider.AttemptName(o.Native.Name)]
		if !ok || o.State.Terminal() {
			return nil
		}
		if err := be.Cancel(ctx, o.Native); err != nil {
			return err
		}
		w.note(key, fmt.Sprintf("cancelled %s, which an abandoned attempt had started after all", o.Native.Name))
		return nil
	})
}

// listed makes a look at the native jobs of runs of one provider: one pass over its
// own list when that is cheaper than asking for each. With whole the list is read to
// its end; others is told of every native job in it.
func listed(ctx context.Context, be provider.Backend, runs []*run, whole bool, others func(provider.Observation) error) (look, error) {
	wanted := map[string]bool{}
	since := time.Time{}
	for _, r := range runs {
		a := r.live()
		if a == nil || r.outcome != nil {
			continue
		}
		for _, n := range a.started {
			wanted[n.ID] = true
		}
		if since.IsZero() || r.begun.Before(since) {
			since = r.begun
		}
	}
	if len(wanted) <= fewNatives && !whole {
		return describe, nil
	}
	found := map[string]provider.Observation{}
	for o, err := range be.List(ctx, provider.Query{Since: since.Add(-skew)}) {
		if err != nil {
			return nil, err
		}
		if wanted[o.Native.ID] {
			found[o.Native.ID] = o
		}
		if err := others(o); err != nil {
			return nil, err
		}
		if len(found) == len(wanted) && !whole {
			break
		}
	}
	return func(ctx context.Context, be provider.Backend, n provider.Native) (provider.Observation, error) {
		if o, ok := found[n.ID]; ok && o.State != provider.Failed { // why, a list hardly tells
			return o, nil
		}
		return be.Describe(ctx, n)
	}, nil
}

// lasting says that waiting does not mend an error.
func lasting(err error) bool { return !provider.CodeOf(err).Resend() }

func retryAfter(err error) time.Duration {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}

// Live lists the runs of the ledger that are not over.
func (b *Broker) Live(ctx context.Context) ([]ledger.Key, error) {
	if err := b.o.Ledger.Unfinished(ctx); err != nil {
		return nil, err
	}
	entries, err := b.o.Ledger.Runs(ctx)
	if err != nil {
		return nil, err
	}
	live := map[ledger.Key]bool{}
	for _, e := range entries {
		if !e.Kind.Over() {
			live[e.Key] = true
		}
	}
	return slices.Sorted(maps.Keys(live)), nil
}
