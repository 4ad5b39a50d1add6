package broker

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Status tells how a run is doing. It only reads. A provider that cannot be
// reached is no error: the run is shown as the ledger has it, with the reason.
func (b *Broker) Status(ctx context.Context, key ledger.Key) (Run, error) {
	runs, err := b.Observe(ctx, []ledger.Key{key})
	if err == nil && runs[0].ID == "" {
		err = fmt.Errorf("%w: %s", ErrUnknownRun, key)
	}
	if err != nil {
		return Run{}, err
	}
	return runs[0], nil
}

// Cancel asks for a run's end. Idempotent: a run that is over stays as it ended,
// and one whose results are being published succeeds. It returns at once; Watch
// sees it through.
func (b *Broker) Cancel(ctx context.Context, key ledger.Key, reason string) (Run, error) {
	for {
		r, err := b.load(ctx, key)
		if err != nil {
			return Run{}, err
		}
		if r.outcome != nil || r.collected != nil || r.cancelled {
			break
		}
		err = b.append(ctx, r, ledger.Event{Kind: ledger.CancelRequested, Reason: reason})
		if err == nil {
			break
		}
		if !errors.Is(err, errMoved) {
			return Run{}, err
		}
	}
	return b.advance(ctx, key, describe, false)
}

// ErrLive says that a run is not over.
var ErrLive = errors.New("the run is not over")

// Forget takes a run out of what satisfies its job, so that the next submit runs
// it again. What it published stays. A live run is ErrLive, unless force says
// that its native jobs are of no interest any more.
func (b *Broker) Forget(ctx context.Context, key ledger.Key, force bool) (Run, error) {
	for {
		r, err := b.load(ctx, key)
		if err != nil {
			return Run{}, err
		}
		if r.outcome == nil && !force {
			return r.view(nil), fmt.Errorf("%w: cancel it first", ErrLive)
		}
		if r.forgotten {
			return r.view(nil), nil
		}
		err = b.append(ctx, r, ledger.Event{Kind: ledger.Forgotten})
		if !errors.Is(err, errMoved) {
			return r.view(nil), err
		}
	}
}

// Logs yields the log lines of a run's attempts, the oldest first. With follow
// it goes on until the run's last attempt is over.
func (b *Broker) Logs(ctx context.Context, key ledger.Key, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		r, err := b.load(ctx, key)
		if err != nil {
			yield(provider.LogLine{}, err)
			return
		}
		be, err := b.backend(ctx, r.intent.Provider)
		if err != nil {
			yield(provider.LogLine{}, err)
			return
		}
		for i, a := range r.attempts {
			var natives []provider.Native
			for _, n := range a.started {
				natives = append(natives, n)
			}
			if len(natives) == 0 {
				continue
			}
			opts := o
			opts.Follow = o.Follow && i == len(r.attempts)-1 && r.outcome == nil
			for line, err := range be.Logs(ctx, natives, opts) {
				if r.destroyed != nil && be.Code(err) == provider.NotFound {
					err = provider.Errorf(provider.NotFound, "run %s was destroyed, and its logs went with it", r.id)
				}
				if err != nil {
					yield(provider.LogLine{}, r.wrap(be, "logs", err))
					return
				}
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}

// Results says what a run published; nil when it published nothing that is still
// there.
func (b *Broker) Results(ctx context.Context, key ledger.Key) (*record.Manifest, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return nil, err
	}
	m, err := b.free(ctx, r)
	if err != nil && !errors.Is(err, collect.ErrConflict) {
		return nil, err
	}
	if m == nil || m.Run != r.id {
		return nil, nil
	}
	return m, nil
}

// Fetch writes what a finished run scored to another destination, whatever
// became of the run: what it published, or else what it finished before it
// failed or was cancelled; the rest counts as skipped. ErrLive for a live run,
// provider.NotFound for a result that was replaced since.
func (b *Broker) Fetch(ctx context.Context, key ledger.Key, to string) (*record.Manifest, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return nil, err
	}
	switch {
	case r.outcome == nil:
		return nil, fmt.Errorf("%w: wait for it or cancel it", ErrLive)
	case r.collected != nil:
		return b.fetchPublished(ctx, r, to)
	case r.destroyed != nil:
		return nil, provider.Errorf(provider.NotFound, "run %s was destroyed, and what it had finished went with it", r.id)
	}
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		return nil, err
	}
	shards, err := b.input(ctx, r)
	if err != nil {
		return nil, err
	}
	src, err := b.source(ctx, be, r, shards)
	if err != nil {
		return nil, err
	}
	return b.fetch(ctx, r, src, to)
}

// fetchPublished takes a result's own parts as its pieces.
func (b *Broker) fetchPublished(ctx context.Context, r *run, to string) (*record.Manifest, error) {
	m, err := b.free(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.destroyed != nil && r.destroyed.Results && (m == nil || m.Run != r.id) {
		return nil, provider.Errorf(provider.NotFound, "run %s was destroyed with its results", r.id)
	}
	if m == nil || m.Run != r.id {
		return nil, provider.Errorf(provider.NotFound, "the result of run %s is no longer at %s: it was replaced or removed", r.id, r.intent.Job.Output.Destination)
	}
	shards, err := b.input(ctx, r)
	if err != nil {
		return nil, err
	}
	src := r.source(shards)
	src.Finished = m.Finished
	for i, s := range m.Shards {
		src.Pieces = append(src.Pieces, provider.Piece{Shard: i, Part: &provider.Part{
			Folder: r.intent.Job.Output.Destination, Shard: s, Made: provider.Made{Engine: m.Engine, Machine: m.Machine, Columns: m.Columns},
		}})
	}
	return b.fetch(ctx, r, src, to)
}

func (b *Broker) fetch(ctx context.Context, r *run, src collect.Source, to string) (*record.Manifest, error) {
	src.Job.Output.Destination, r.intent.Job.Output.Destination = to, to
	r.intent.Retry = nil // what it mends need not stand there
	if _, err := b.free(ctx, r); err != nil {
		return nil, err
	}
	m, v, err := collect.Parts(ctx, b.o.Open, src, collect.Options{Step: b.o.Step, Always: true})
	if err != nil {
		return nil, err
	}
	if m.State = v.State; r.collected == nil {
		m.State = record.State(r.outcome.Kind)
	}
	return m, collect.Commit(ctx, b.o.Open, m, to)
}

// Recorded tells what the ledger says of a run, without asking its provider.
func (b *Broker) Recorded(ctx context.Context, key ledger.Key) (Run, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return Run{}, err
	}
	return r.view(nil), nil
}
