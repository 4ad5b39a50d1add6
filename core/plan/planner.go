package plan

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// atOnce bounds how many jobs are looked at at a time.
const atOnce = 16

// Planner plans runs on one ledger. It asks each provider block about itself once.
type Planner struct {
	b     *broker.Broker
	runs  *ledger.Index // nil: each job's are looked for
	mu    sync.Mutex
	facts map[string]func() (provider.Facts, error) // by block

	// Unasked is set, before anything is planned, where no provider is to be asked:
	// documented defaults stand for its facts.
	Unasked bool
}

// NewPlanner makes a Planner for a few jobs.
func NewPlanner(b *broker.Broker) *Planner {
	return &Planner{b: b, facts: map[string]func() (provider.Facts, error){}}
}

// NewIndexed makes a Planner for all jobs of a project: it reads now which runs the
// ledger has, once for all jobs, and knows orphans.
func NewIndexed(ctx context.Context, b *broker.Broker) (*Planner, error) {
	p := NewPlanner(b)
	var err error
	p.runs, err = b.Index(ctx)
	return p, err
}

// Items says what becomes of wanted runs, in their order, as Item does. It is an error
// only when ctx is over.
func (p *Planner) Items(ctx context.Context, wanted []broker.Desired) ([]Item, error) {
	out := make([]Item, len(wanted))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, d := range wanted {
		g.Go(func() error {
			if ctx.Err() == nil {
				out[n] = p.Item(ctx, d)
			}
			return ctx.Err()
		})
	}
	return out, g.Wait()
}

// Item says what becomes of a wanted run. It reads the ledger, the destination and
// the provider, and writes nothing. What keeps the job from running stands in the
// item.
func (p *Planner) Item(ctx context.Context, d broker.Desired) Item {
	s, err := p.b.Survey(ctx, d, p.runs)
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
	if err := affordable(d); err != nil {
		return out.refuse(err).unfitted()
	}
	if out.Facts, err = p.inspect(ctx, d.Provider); err != nil {
		return out.refuse(err)
	}
	draft, err := p.b.Draft(ctx, d, out.Generation, out.Facts)
	out.Findings, out.Staged, out.Counted, out.Translation, out.Retried = draft.Findings, draft.Staged, draft.Counted, draft.Translation, draft.Retried
	if err != nil {
		return out.refuse(err).unfitted()
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

func (i Item) unfitted() Item {
	i.unfit = true
	return i
}

func (p *Planner) inspect(ctx context.Context, b ledger.Block) (provider.Facts, error) {
	if p.Unasked {
		return provider.Facts{}, nil
	}
	key := b.Identity()
	p.mu.Lock()
	ask, ok := p.facts[key]
	if !ok {
		ask = sync.OnceValues(func() (provider.Facts, error) { return p.b.Inspect(ctx, b) })
		p.facts[key] = ask
	}
	p.mu.Unlock()
	return ask()
}

// Orphans are the live runs of a project whose job is not among addresses, previews
// aside. It only reads, and knows none unless p was made by NewIndexed.
func (p *Planner) Orphans(ctx context.Context, project string, addresses []string) ([]broker.Run, error) {
	alive, err := p.b.Alive(ctx, p.runs)
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

// Observe asks how the live runs of a plan are doing: those that are joined, that block,
// and orphans. It only reads; a provider that cannot be reached is no error.
func (p *Planner) Observe(ctx context.Context, of *Plan) error {
	var keys []ledger.Key
	for _, i := range of.Items {
		if i.Action == Attach || i.Action == Blocked {
			keys = append(keys, i.Key)
		}
	}
	for _, r := range of.Orphans {
		keys = append(keys, r.Key)
	}
	if len(keys) == 0 {
		return nil
	}
	seen, err := p.b.Observe(ctx, keys)
	if err != nil {
		return err
	}
	for n, i := range of.Items {
		if i.Action == Attach || i.Action == Blocked {
			if seen[0].ID != "" {
				of.Items[n].Live = &seen[0]
			}
			seen = seen[1:]
		}
	}
	copy(of.Orphans, seen)
	return nil
}

// Planned is what Submit has to keep to; nil where no run is begun.
func (i Item) Planned() *broker.Planned {
	if !i.Action.Begins() {
		return nil
	}
	return &broker.Planned{Generation: i.Generation, Facts: i.Facts, Translation: i.Translation}
}
