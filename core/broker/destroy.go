package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// DestroyOptions are how runs are destroyed.
type DestroyOptions struct {
	Results  bool   // what they published goes, too
	Provider string // KIND.ALIAS: only runs that were placed there; empty: all

	Seen func(Run)     // what a live run looks like while it ends; may be nil
	Done func(Removed) // called for each run when nothing more is done about it; may be nil
}

// Removed is what became of a run that was to be destroyed.
type Removed struct {
	Run     Run
	Results bool     // what it published is removed
	Kept    []Object // owned objects that other runs use
	Err     error    // why it is not destroyed; nil: it is
}

// Destroy takes away what Removals told: live runs are cancelled and seen to their end
// first. What is wrong with one run stops no other. Killed anywhere, or done at once by
// several, it is done again without harm: the last thing it does for a run is to write
// that it is destroyed.
//
// Errors: collect.ErrConflict where another job's result stands at the destination of a
// run whose result is to go, *ledger.Blocked where a run that was begun meanwhile is
// about to publish there, those of the provider. Such a run stays as it is.
func (b *Broker) Destroy(ctx context.Context, removals []Removal, o DestroyOptions) []Removed {
	d := &destroyer{Broker: b, o: o, users: newUsers(b), chosen: map[ledger.Key]int{}, leaving: map[ledger.Key]bool{}, out: make([]Removed, len(removals))}
	groups := map[string][]ledger.Key{}
	var over []ledger.Key
	for i, r := range removals {
		key := r.Run.Key
		d.chosen[key], d.out[i].Run = i, r.Run
		switch {
		case r.Err != nil:
			d.done(key, Removed{Run: r.Run, Err: r.Err})
		case r.Run.State.Over():
			over = append(over, key)
		default:
			groups[r.Run.Provider] = append(groups[r.Run.Provider], key)
		}
	}
	var work errgroup.Group
	work.SetLimit(atOnce)
	destroy := func(key ledger.Key) {
		work.Go(func() error {
			d.done(key, d.destroy(ctx, key))
			return nil // what is wrong with one run stops no other
		})
	}
	var ends sync.WaitGroup
	for _, keys := range groups {
		ends.Go(func() { d.end(ctx, keys, destroy) })
	}
	for _, key := range over {
		destroy(key)
	}
	ends.Wait()
	_ = work.Wait() // the functions return no errors
	d.unused(ctx)
	return d.out
}

type destroyer struct {
	*Broker
	o      DestroyOptions
	users  *users
	chosen map[ledger.Key]int // their places in out

	deciding sync.Mutex // about owned objects
	leaving  map[ledger.Key]bool
	kept     []keptObject

	mu  sync.Mutex
	out []Removed
}

// keptObject is an owned object that stayed for a run that was not destroyed yet.
type keptObject struct {
	be provider.Backend
	r  *run
	n  provider.Native
}

func (d *destroyer) done(key ledger.Key, out Removed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out.Err = ofStore(out.Err)
	if out.Run.ID == "" { // could not even be read
		out.Run = d.out[d.chosen[key]].Run
	}
	d.out[d.chosen[key]] = out
	if d.o.Done != nil {
		d.o.Done(out)
	}
}

// ofStore gives an error of a store that waiting may mend its code.
func ofStore(err error) error {
	code := provider.Classify(err, func(error) (provider.Code, bool) { return provider.OK, false })
	if code.Resend() && provider.CodeOf(err) != code {
		return &provider.Error{Code: code, Err: err}
	}
	return err
}

func (d *destroyer) seen(r Run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.o.Seen != nil && r.ID != "" {
		d.o.Seen(r)
	}
}

// end cancels runs of one provider and sees them end. over is called for each that did;
// one that cannot be reached is left as it is.
func (d *destroyer) end(ctx context.Context, keys []ledger.Key, over func(ledger.Key)) {
	var live []ledger.Key
	var mu sync.Mutex
	each := func(do func(key ledger.Key) (Run, error)) {
		var g errgroup.Group
		g.SetLimit(atOnce)
		now := live
		live = nil
		for _, key := range now {
			g.Go(func() error {
				r, err := do(key)
				d.seen(r)
				switch {
				case err != nil:
					d.done(key, Removed{Run: r, Err: err})
				case r.State.Over():
					over(key)
				default:
					mu.Lock()
					live = append(live, key)
					mu.Unlock()
				}
				return nil
			})
		}
		_ = g.Wait()
	}
	live = keys
	each(func(key ledger.Key) (Run, error) { return d.Cancel(ctx, key, "by crossbatch destroy") })
	var wait *pause
	for len(live) > 0 {
		r, err := d.load(ctx, live[0])
		var be provider.Backend
		if err == nil {
			be, err = d.backend(ctx, r.intent.Provider)
		}
		if err == nil {
			if wait == nil {
				wait = newPause(be.Capabilities().Poll, d.Broker.o.Jitter)
			}
			err = d.sleep(ctx, wait.next(false))
		}
		var lk look
		if err == nil {
			w := &watcher{Broker: d.Broker, runs: map[ledger.Key]Run{}, notes: map[ledger.Key][]string{}}
			lk, err = w.list(ctx, be, live)
			err = r.wrap(be, "list", err)
		}
		if err != nil {
			each(func(ledger.Key) (Run, error) { return Run{}, err })
			return
		}
		each(func(key ledger.Key) (Run, error) { return d.advance(ctx, key, lk, false) })
	}
}

// destroy destroys a run that is over.
func (d *destroyer) destroy(ctx context.Context, key ledger.Key) (out Removed) {
	r, err := d.load(ctx, key)
	if err != nil {
		return Removed{Err: err}
	}
	out.Run = r.view(nil)
	if r.outcome == nil {
		out.Err = fmt.Errorf("%w: it goes on in spite of a request to end", ErrLive)
		return out
	}
	if d.o.Results {
		if out.Err = d.mayUnpublish(ctx, r); out.Err != nil {
			return out
		}
	}
	if r.destroyed == nil {
		if out.Kept, out.Err = d.unmake(ctx, r); out.Err != nil {
			return out
		}
	}
	if d.o.Results {
		if out.Err = collect.Remove(ctx, d.Broker.o.Open, r.intent.Job, r.id, d.Broker.o.Step); out.Err != nil {
			return out
		}
		out.Results = true
	}
	for {
		if r.destroyed != nil && (!d.o.Results || r.destroyed.Results) { // by somebody else, too
			out.Run = r.view(nil)
			return out
		}
		out.Err = d.append(ctx, r, ledger.Event{Kind: ledger.Destroyed, Destroyed: &ledger.DestroyedBody{Results: d.o.Results}})
		if errors.Is(out.Err, errMoved) {
			r, out.Err = d.load(ctx, key)
		}
		if out.Err != nil {
			return out
		}
	}
}

// mayUnpublish is nil where nobody else's result is at stake.
func (d *destroyer) mayUnpublish(ctx context.Context, r *run) error {
	if _, err := collect.Of(ctx, d.Broker.o.Open, r.intent.Job, r.id); err != nil {
		return err
	}
	held, err := d.Broker.o.Ledger.Holder(ctx, r.intent.Job.Output.Destination)
	if err != nil || held == nil {
		return err
	}
	if _, ours := d.chosen[held.Key]; ours {
		return nil
	}
	return held
}
