package ledger

import (
	"context"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Use is a run and the owned objects that it was bound to.
type Use struct {
	Entry
	Bound    []provider.Native // in the order of its events; one may stand there twice
	Starting bool              // it lives and has started nothing yet: it may be bound to more
}

// Uses reads which runs use which owned objects. It keeps what it has read of events,
// which never change: asked again it reads what is new. It is safe for concurrent use.
type Uses struct {
	l *Ledger

	mu   sync.Mutex
	read map[string]*provider.Native // by the key of an event's lock; nil: it tells of none
}

// Uses begins to read.
func (l *Ledger) Uses() *Uses { return &Uses{l: l, read: map[string]*provider.Native{}} }

// readAtOnce bounds how many events are read at a time.
const readAtOnce = 16

// All lists the runs that were bound to an owned object, and those that may be bound to
// one yet; runs whose last event is that they are destroyed only on request. Of a run no
// other events are read than those that tell of objects.
func (u *Uses) All(ctx context.Context, destroyed bool) ([]Use, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kinds := map[Key]map[int]Kind{} // of the events that may tell of an object
	entries, err := u.l.scan(ctx, runsFolder, func(p parsed) {
		of := kinds[p.key]
		switch {
		case of == nil:
			kinds[p.key] = map[int]Kind{p.seq: p.kind}
		case p.kind != lockKind || of[p.seq] == "":
			of[p.seq] = p.kind
		}
	})
	if err != nil {
		return nil, err
	}
	var out []Use
	var unread []parsed
	for _, e := range entries {
		if e.Kind == Destroyed && !destroyed {
			continue
		}
		use := Use{Entry: e, Starting: !e.Kind.Over()}
		for seq, kind := range kinds[e.Key] {
			if p := (parsed{e.Key, seq, lockKind}); kind == Bound || kind == lockKind { // a lock alone may be one
				if _, ok := u.read[p.key.eventKey(seq, lockKind)]; !ok {
					unread = append(unread, p)
				}
			} else if kind == Sent || kind == Started {
				use.Starting = false
			}
		}
		out = append(out, use)
	}
	if err := u.fill(ctx, unread); err != nil {
		return nil, err
	}
	for i := range out {
		key := out[i].Key
		for seq := 1; seq <= out[i].Seq; seq++ {
			if n := u.read[key.eventKey(seq, lockKind)]; n != nil {
				out[i].Bound = append(out[i].Bound, *n)
			}
		}
	}
	return slices.DeleteFunc(out, func(use Use) bool { return len(use.Bound) == 0 && !use.Starting }), nil
}

// fill reads events.
func (u *Uses) fill(ctx context.Context, events []parsed) error {
	found := make([]*provider.Native, len(events))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for i, p := range events {
		g.Go(func() error {
			e, err := u.l.read(ctx, p.key, p.seq, lockKind)
			if err == nil && e.Kind == Bound {
				found[i] = e.Native
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range events {
		u.read[p.key.eventKey(p.seq, lockKind)] = found[i]
	}
	return nil
}

// Related lists for each of some jobs the runs of all jobs of its project that have its
// address, whatever their destination: its own, its previews, and those of what the
// address stood for with other variables. See Key.Of.
func (l *Ledger) Related(ctx context.Context, jobs []job.Identity) ([][]Entry, error) {
	const few = 8 // from which on one listing costs less than theirs
	out := make([][]Entry, len(jobs))
	if len(jobs) <= few {
		for i, id := range jobs {
			var err error
			if out[i], err = l.list(ctx, family(jobFolder(id))); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	entries, err := l.Runs(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string][]Entry{}
	for _, e := range entries {
		folder, _ := path.Split(string(e.Key))
		by[family(folder)] = append(by[family(folder)], e)
	}
	for i, id := range jobs {
		out[i] = by[family(jobFolder(id))]
	}
	return out, nil
}

// family is the folder of a job's runs without the digits of its destination.
func family(folder string) string { return folder[:len(folder)-len("00000000/")] }

// Of says whether a run is one of a job.
func (k Key) Of(id job.Identity) bool { return strings.HasPrefix(string(k), jobFolder(id)) }
