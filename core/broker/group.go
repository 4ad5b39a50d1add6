package broker

import (
	"context"
	"sync"

	"github.com/crossbatch/crossbatch/core/ledger"
)

// group is the runs of one provider block, which one goroutine follows while there
// are any.
type group struct {
	block ledger.Block

	mu       sync.Mutex
	fresh    []ledger.Key // not looked at yet
	followed bool
}

// add is true for who has to follow the group from now on.
func (g *group) add(key ledger.Key) (idle bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = append(g.fresh, key)
	idle, g.followed = !g.followed, true
	return idle
}

func (g *group) take() []ledger.Key {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.fresh
	g.fresh = nil
	return out
}

// leave is false while there is something to look at.
func (g *group) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.followed = len(g.fresh) > 0
	return !g.followed
}

// assign puts a run into the group of its provider block, which somebody has to
// follow if it is idle.
func (w *watcher) assign(ctx context.Context, key ledger.Key) (g *group, idle bool, err error) {
	r, err := w.load(ctx, key)
	if err != nil {
		return nil, false, err
	}
	block := r.intent.Provider.Identity()
	if w.groups[block] == nil {
		w.groups[block] = &group{block: r.intent.Provider}
	}
	g = w.groups[block]
	return g, g.add(key), nil
}

// more takes further runs until there are no more.
func (w *watcher) more(ctx context.Context, follow func(*group)) {
	if w.o.More == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case key, ok := <-w.o.More:
			if !ok {
				return
			}
			g, idle, err := w.assign(ctx, key)
			switch {
			case err != nil && ctx.Err() == nil:
				w.broken(err)
				w.done(key, err)
			case idle:
				follow(g)
			}
		}
	}
}

// drop gives up a group and the runs of it that are followed.
func (w *watcher) drop(g *group, keys []ledger.Key, err error) {
	for gone := false; !gone; gone = g.leave() {
		for _, key := range append(keys, g.take()...) {
			w.done(key, err)
		}
		keys = nil
	}
}

func (w *watcher) done(key ledger.Key, err error) {
	if w.o.Done == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.o.Done(key, err)
}
