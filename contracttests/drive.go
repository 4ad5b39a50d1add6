package contracttests

import (
	"context"
	"errors"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// submit starts a run that must start.
func (p *place) submit(b *broker.Broker, d broker.Desired) broker.Run {
	p.t.Helper()
	r, err := b.Submit(p.ctx, d)
	if err != nil {
		p.t.Fatalf("submit: %v", err)
	}
	return r
}

// watch sees runs through to their end. It gives up on one that has none.
func (p *place) watch(b *broker.Broker, keys ...ledger.Key) map[ledger.Key]broker.Run {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	begun, last := p.clock.Now(), broker.Run{}
	runs, err := b.Watch(ctx, keys, broker.WatchOptions{Report: func(r broker.Run) {
		last = r
		if p.clock.Since(begun) > p.patience {
			cancel()
		}
	}})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		p.t.Fatalf("the run does not end: %s, attempt %d, %s%s", last.State, last.Attempt, last.Reason, last.Unreachable)
	}
	if err != nil {
		p.t.Fatalf("watch: %v", err)
	}
	return runs
}

// finish sees one run through.
func (p *place) finish(b *broker.Broker, key ledger.Key) broker.Run {
	p.t.Helper()
	return p.watch(b, key)[key]
}

// ended checks how a run ended.
func (p *place) ended(r broker.Run, want broker.State) {
	p.t.Helper()
	if r.State != want {
		p.t.Fatalf("the run is %s (code %s: %s), want %s", r.State, r.Code, r.Reason, want)
	}
}

// succeed runs a scenario to its end and reads what it published.
func (p *place) succeed(d broker.Desired) (broker.Run, published) {
	p.t.Helper()
	b := p.broker(nil)
	r := p.finish(b, p.submit(b, d).Key)
	p.ended(r, broker.Succeeded)
	return r, p.read(d.Job.Output.Destination)
}

// made checks how many native jobs there are.
func (p *place) made(want int) {
	p.t.Helper()
	// Not p.ctx: invariants end contexts.
	n, err := p.s.Jobs.Count(p.t.Context())
	p.must(err)
	if n != want {
		p.t.Errorf("%d native jobs were made, want %d", n, want)
	}
}

// over checks that no native job of the area goes on.
func (p *place) over() {
	p.t.Helper()
	be := p.backend()
	begun := p.clock.Now()
	for {
		live := ""
		for o, err := range be.List(p.ctx, provider.Query{}) {
			if err != nil {
				p.t.Fatalf("list: %v", err)
			}
			if !o.State.Terminal() {
				live = o.Native.ID + " is " + string(o.State)
			}
		}
		if live == "" {
			return
		}
		if p.clock.Since(begun) > p.patience {
			p.t.Fatalf("a native job goes on: %s", live)
		}
		p.pause(be)
	}
}

// keys are those of the ledger's runs.
func (p *place) keys() []ledger.Key {
	p.t.Helper()
	entries, err := p.openLedger().Runs(p.ctx)
	p.must(err)
	var out []ledger.Key
	for _, e := range entries {
		out = append(out, e.Key)
	}
	return out
}

// history is what the ledger says of a run.
func (p *place) history(key ledger.Key) []ledger.Event {
	p.t.Helper()
	events, err := p.openLedger().History(p.ctx, key)
	p.must(err)
	return events
}

// natives are the native jobs of a run's last attempt, as they were started.
func (p *place) natives(key ledger.Key) []provider.Native {
	p.t.Helper()
	var out []provider.Native
	attempt := 0
	for _, e := range p.history(key) {
		if e.Kind != ledger.Started {
			continue
		}
		if e.Attempt != attempt {
			out, attempt = nil, e.Attempt
		}
		out = append(out, *e.Native)
	}
	if len(out) == 0 {
		p.t.Fatalf("the ledger knows no native job of %s", key)
	}
	return out
}

// standing waits until the native jobs of a run's last attempt stand still.
func (p *place) standing(key ledger.Key) []provider.Native {
	p.t.Helper()
	ns := p.natives(key)
	for _, n := range ns {
		if err := p.s.Jobs.Standing(p.ctx, n); err != nil {
			p.t.Fatalf("waiting until %s stands still: %v", n.ID, err)
		}
	}
	return ns
}
