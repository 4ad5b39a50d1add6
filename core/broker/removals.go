package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Removal is what destroying a run takes away.
type Removal struct {
	Run     Run
	Natives []provider.Native // its native jobs, as far as its service deletes any
	Objects []Object
	Staging string           // the folder that it worked in
	Results *record.Manifest // of what it published; nil: that stays, or there is none
	Err     error            // why it cannot be destroyed; nil: it can
}

// Object is an owned object of a run.
type Object struct {
	provider.Native
	Users []ledger.Key // the other runs for which it stays
}

// Removals tells what destroying all runs of some jobs takes away, previews included,
// job by job, the run that changed last at the end. Runs of which nothing is left are
// passed over. It removes nothing.
func (b *Broker) Removals(ctx context.Context, jobs []job.Identity, o DestroyOptions) ([]Removal, error) {
	related, err := b.o.Ledger.Related(ctx, jobs)
	if err != nil {
		return nil, err
	}
	var keys []ledger.Key
	seen := map[ledger.Key]bool{}
	for i, entries := range related {
		for _, e := range entries {
			if e.Kind == ledger.Destroyed && !o.Results || seen[e.Key] {
				continue
			}
			if !e.Key.Of(jobs[i]) {
				first, err := b.o.Ledger.First(ctx, e.Key)
				if err != nil {
					return nil, err
				}
				if !first.Intent.Preview {
					continue
				}
			}
			seen[e.Key] = true
			keys = append(keys, e.Key)
		}
	}
	found := make([]*Removal, len(keys))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for i, key := range keys {
		g.Go(func() (err error) {
			found[i], err = b.removal(gctx, key, o)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []Removal
	leaving := map[ledger.Key]bool{}
	for _, r := range found {
		if r != nil {
			out = append(out, *r)
			leaving[r.Run.Key] = r.Err == nil
		}
	}
	u := newUsers(b)
	for i := range out {
		kind, _, _ := strings.Cut(out[i].Run.Provider, ".")
		for k := range out[i].Objects {
			object := &out[i].Objects[k]
			if object.Users, err = u.of(ctx, kind, object.Native, leaving); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// removal is nil for a run of which nothing is left.
func (b *Broker) removal(ctx context.Context, key ledger.Key, o DestroyOptions) (*Removal, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return nil, err
	}
	if o.Provider != "" && r.intent.Provider.String() != o.Provider {
		return nil, nil
	}
	if r.destroyed != nil && (!o.Results || r.destroyed.Results) {
		return nil, nil
	}
	out := &Removal{Run: r.view(nil)}
	if o.Results {
		out.Results, err = collect.Of(ctx, b.o.Open, r.intent.Job, r.id)
		out.Err = ofStore(err)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case r.destroyed != nil && errors.Is(out.Err, collect.ErrConflict):
		return nil, nil
	case out.Err != nil:
		return out, nil
	case r.destroyed != nil && out.Results == nil:
		return nil, nil
	case r.destroyed != nil:
		return out, nil
	}
	out.Staging = r.intent.Staging
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		out.Err = err
		return out, nil
	}
	if !be.Capabilities().KeepsJobs {
		out.Natives = r.natives()
	}
	for _, n := range r.objects() {
		out.Objects = append(out.Objects, Object{Native: n})
	}
	return out, nil
}

// natives are the native jobs of all attempts, as far as the ledger knows them.
func (r *run) natives() []provider.Native {
	var out []provider.Native
	for _, a := range r.attempts {
		of := make([]provider.Native, 0, len(a.started))
		for _, n := range a.started {
			of = append(of, n)
		}
		slices.SortFunc(of, func(x, y provider.Native) int { return x.Part - y.Part })
		out = append(out, of...)
	}
	return out
}

// objects are the owned objects that the run was bound to, each once.
func (r *run) objects() []provider.Native {
	var out []provider.Native
	for _, a := range r.attempts {
		for _, n := range a.bound {
			if !slices.ContainsFunc(out, func(o provider.Native) bool { return same(o, n) }) {
				out = append(out, n)
			}
		}
	}
	slices.SortFunc(out, func(x, y provider.Native) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// same says whether two natives are one: their service has no two of one kind and id.
func same(a, b provider.Native) bool { return a.Kind == b.Kind && a.ID == b.ID }
