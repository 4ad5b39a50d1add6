package plan

import (
	"context"
	"errors"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Planner plans runs on one ledger. It asks each provider block about itself once.
// It is not safe for concurrent use.
type Planner struct {
	b     *broker.Broker
	facts map[string]inspected
}

type inspected struct {
	facts provider.Facts
	err   error
}

// NewPlanner makes a Planner.
func NewPlanner(b *broker.Broker) *Planner {
	return &Planner{b: b, facts: map[string]inspected{}}
}

// Item says what becomes of a wanted run. It reads the ledger, the destination and
// the provider, and writes nothing. What keeps the job from running stands in the
// item.
func (p *Planner) Item(ctx context.Context, d broker.Desired) Item {
	s, err := p.b.Survey(ctx, d)
	if err != nil {
		return Refuse(d, err)
	}
	k := Known{Ledger: p.b.LedgerID(), Wanted: d, Standing: s}
	out := Decide(k)
	if !out.Action.Begins() {
		return out
	}
	if out.Action == Rerun {
		before, ok, err := p.b.Before(ctx, s)
		if err != nil {
			return Refuse(d, err)
		}
		if ok {
			k.Before = &before
			out = Decide(k)
		}
	}
	if out.Facts, err = p.inspect(ctx, d.Provider); err != nil {
		return out.refuse(err)
	}
	draft, err := p.b.Draft(ctx, d, out.Generation, out.Facts)
	out.Findings, out.Staged, out.Translation = draft.Findings, draft.Staged, draft.Translation
	if err != nil {
		return out.refuse(err)
	}
	return out
}

// Refuse is the item of a job that cannot run.
func Refuse(d broker.Desired, err error) Item { return Item{Wanted: d}.refuse(err) }

func (i Item) refuse(err error) Item {
	i.Action, i.Err, i.Reasons = Refused, err, []string{err.Error()}
	i.Run, i.Generation = "", 0
	return i
}

func (p *Planner) inspect(ctx context.Context, b ledger.Block) (provider.Facts, error) {
	key := b.String() + " " + string(b.Config)
	got, ok := p.facts[key]
	if !ok {
		got.facts, got.err = p.b.Inspect(ctx, b)
		if !errors.Is(got.err, context.Canceled) {
			p.facts[key] = got
		}
	}
	return got.facts, got.err
}

// Orphans are the live runs of a project whose job is not among addresses, previews
// aside. It only reads.
func (p *Planner) Orphans(ctx context.Context, project string, addresses []string) ([]broker.Run, error) {
	alive, err := p.b.Alive(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, a := range addresses {
		there[a] = true
	}
	var out []broker.Run
	for _, r := range alive {
		if r.Project == project && !r.Preview && !there[r.Address] {
			out = append(out, r)
		}
	}
	return out, nil
}

// Planned is what Submit has to keep to; nil where no run is begun.
func (i Item) Planned() *broker.Planned {
	if !i.Action.Begins() {
		return nil
	}
	return &broker.Planned{Generation: i.Generation, Facts: i.Facts, Translation: i.Translation}
}

// Items says what becomes of wanted runs, in their order. It is an error only when ctx
// is over.
func (p *Planner) Items(ctx context.Context, wanted []broker.Desired) ([]Item, error) {
	out := make([]Item, 0, len(wanted))
	for _, d := range wanted {
		out = append(out, p.Item(ctx, d))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}
