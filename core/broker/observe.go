package broker

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Observe tells how runs are doing, in the order of keys. It only reads, and many live
// runs of one provider cost pages of its list. As in Status, a provider that cannot be
// reached is no error. A run that was claimed and not begun yet is the zero Run.
func (b *Broker) Observe(ctx context.Context, keys []ledger.Key) ([]Run, error) {
	runs := make([]*run, len(keys))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for n, key := range keys {
		g.Go(func() (err error) {
			if runs[n], err = b.load(within, key); errors.Is(err, ErrUnknownRun) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	byPlace := map[string][]*run{}
	for _, r := range runs {
		if r != nil && r.outcome == nil && r.live() != nil {
			place := r.intent.Provider.Identity()
			byPlace[place] = append(byPlace[place], r)
		}
	}
	seen := map[ledger.Key]Run{}
	var mu sync.Mutex
	for _, group := range byPlace {
		g.Go(func() error {
			var lk look
			be, err := b.backend(ctx, group[0].intent.Provider)
			if err == nil {
				lk, err = listed(ctx, be, group, false, func(provider.Observation) error { return nil })
			}
			for _, r := range group {
				out := b.observe(ctx, be, r, lk, err)
				mu.Lock()
				seen[r.key] = out
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait() // what is wrong with one provider stands in its runs
	out := make([]Run, len(runs))
	for n, r := range runs {
		if r == nil {
			continue
		}
		var ok bool
		if out[n], ok = seen[r.key]; !ok {
			out[n] = r.view(nil)
		}
	}
	return out, ctx.Err()
}

// observe is a run with a live attempt as a look shows it, or why there is no look.
func (b *Broker) observe(ctx context.Context, be provider.Backend, r *run, lk look, err error) Run {
	var seen []provider.Observation
	for _, n := range r.live().started {
		if err != nil {
			break
		}
		var o provider.Observation
		if o, err = lk(ctx, be, n); err == nil {
			seen = append(seen, b.clamp(o))
		}
	}
	out := r.view(seen)
	if err != nil {
		out.Unreachable = err.Error()
	}
	return out
}
