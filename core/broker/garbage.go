package broker

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// readAtOnce bounds how many runs are read at a time.
const readAtOnce = 16

// Garbage is what runs left that may go, or stays for a reason.
type Garbage struct {
	Groups  []staging.Verdict // of staged objects
	Objects []IdleObject      // that requests of runs made and runs share, as far as they are there
}

// Garbage says what of all that was made for runs may go, and why the rest stays: what
// was staged below the staging places of the ledger's runs, and below others that are
// named, and the owned objects. It removes nothing.
func (b *Broker) Garbage(ctx context.Context, places []string, older time.Duration) (Garbage, error) {
	uses, err := b.o.Ledger.Uses().All(ctx, true) // before the runs, which go on meanwhile
	if err != nil {
		return Garbage{}, err
	}
	known, err := b.runs(ctx)
	if err != nil {
		return Garbage{}, err
	}
	objects, err := b.idle(ctx, uses, known, older)
	if err != nil {
		return Garbage{}, err
	}
	places = slices.Clone(places)
	runs := make([]staging.Run, len(known))
	for i, r := range known {
		runs[i] = r.Run
		places = append(places, r.Staging)
	}
	slices.Sort(places)
	var groups []staging.Group
	seen := map[string]bool{} // one place may have two names
	for _, p := range slices.Compact(places) {
		found, err := staging.Survey(ctx, b.o.Open, p)
		if err != nil {
			return Garbage{}, err
		}
		for _, g := range found {
			if !seen[g.URI] {
				seen[g.URI] = true
				groups = append(groups, g)
			}
		}
	}
	return Garbage{staging.Retire(groups, runs, older, b.now()), objects}, nil
}

// Discard removes what Garbage said may go: staging.ErrUsed when it was used since.
func (b *Broker) Discard(ctx context.Context, g staging.Group) error {
	b.o.Step("before discard " + g.Name)
	err := staging.Remove(ctx, b.o.Open, g)
	b.o.Step("after discard " + g.Name)
	return err
}

// knownRun is a run of the ledger as gc knows it.
type knownRun struct {
	staging.Run
	entry ledger.Entry
	block ledger.Block
}

// runs lists the ledger's runs and what they are made of.
func (b *Broker) runs(ctx context.Context) ([]knownRun, error) {
	entries, err := b.o.Ledger.Runs(ctx)
	if err != nil {
		return nil, err
	}
	runs := make([]knownRun, len(entries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readAtOnce)
	for i, e := range entries {
		g.Go(func() error {
			first, err := b.o.Ledger.First(ctx, e.Key)
			if err != nil {
				return err
			}
			in := first.Intent
			runs[i] = knownRun{entry: e, block: in.Provider, Run: staging.Run{
				ID: first.Run, Live: !e.Kind.Over(), Model: in.Model.Digest, Input: in.Input,
				Staging: above(in.Staging, "runs/"+first.Run+"/"), Retention: retention(in.Provider),
			}}
			if e.Kind == ledger.Forgotten { // by force, it may have natives that nobody saw end
				runs[i].Live, err = b.lives(ctx, e.Key)
			}
			if !runs[i].Live {
				runs[i].Ended = e.Since
			}
			return err
		})
	}
	return runs, g.Wait()
}

// above is the folder that a URI lies below, by elem: what storage.Join was given.
func above(uri, elem string) string {
	path, query := storage.CutQuery(uri)
	if path = strings.TrimSuffix(path, elem); query != "" {
		path += "?" + query
	}
	return path
}

// lives says whether a native job of a run is still at work, as far as its provider
// can be asked: what cannot be asked about may be.
func (b *Broker) lives(ctx context.Context, key ledger.Key) (bool, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return false, err
	}
	a := r.live()
	if a == nil {
		return false, nil
	}
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		return true, nil
	}
	for _, n := range a.started {
		o, err := be.Describe(ctx, n)
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
		if err == nil && !o.State.Terminal() || err != nil && be.Code(err) != provider.NotFound {
			return true, nil
		}
	}
	return false, nil
}

// retention is how long a provider block wants what is staged to be kept. One that
// cannot be read is kept for good.
func retention(p ledger.Block) time.Duration {
	var c struct {
		Retention string `json:"retention"`
	}
	if json.Unmarshal(p.Config, &c) != nil || c.Retention == "" {
		return 0
	}
	d, err := job.ParseDuration(c.Retention)
	if err != nil {
		return math.MaxInt64
	}
	return d
}
