package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// ErrUnknownRun says that the ledger has no such run.
var ErrUnknownRun = errors.New("no such run in this ledger")

// look tells how a native job is doing, from a listing made before or by asking.
type look func(ctx context.Context, be provider.Backend, n provider.Native) (provider.Observation, error)

// load reads a run.
func (b *Broker) load(ctx context.Context, key ledger.Key) (*run, error) {
	events, err := b.o.Ledger.History(ctx, key)
	if err != nil {
		return nil, err
	}
	r := fold(key, events)
	if r == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownRun, key)
	}
	return r, nil
}

// advance does for a run whatever can be done now, until it is over or has to
// be waited for. With started it is content once every native job of the
// attempt is made. An error may leave the run anywhere: the next advance goes on
// from there.
func (b *Broker) advance(ctx context.Context, key ledger.Key, lk look, started bool) (Run, error) {
	for {
		r, err := b.load(ctx, key)
		if err != nil {
			return Run{}, err
		}
		seen, err := b.settle(ctx, r, lk, started)
		switch {
		case errors.Is(err, errMoved), err != nil && errors.Is(b.current(ctx, r), errMoved):
			continue // what failed may be what somebody else has done meanwhile
		case err != nil:
			return r.view(seen), err
		}
		return r.view(seen), nil
	}
}

// settle works on one reading of a run's history. It returns what was seen of
// the live attempt's native jobs.
func (b *Broker) settle(ctx context.Context, r *run, lk look, started bool) ([]provider.Observation, error) {
	if r.outcome != nil {
		return nil, nil
	}
	if r.collected != nil {
		return nil, b.publish(ctx, r)
	}
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		return nil, err
	}
	shards, err := b.input(ctx, r)
	if err != nil {
		return nil, err
	}
	for {
		number := len(r.attempts)
		if r.live() == nil {
			switch r.after(len(shards), b.now()) {
			case giveUp:
				return nil, b.giveUp(ctx, r)
			case wrapUp:
				return nil, b.gather(ctx, be, r, shards)
			}
			number++
		}
		if err := b.stage(ctx, be, r, shards); err != nil {
			if !unstageable(err) {
				return nil, err
			}
			now := b.now()
			body := ledger.EndedBody{State: provider.Failed, Code: provider.CodeOf(err), Message: err.Error(), Started: now, Ended: now}
			if err := b.append(ctx, r, ledger.Event{Kind: ledger.Ended, Attempt: number, Ended: &body}); err != nil {
				return nil, err
			}
			continue
		}
		s, err := b.step(ctx, be, r, shards, number)
		if err != nil {
			return nil, err
		}
		seen, err := s.attend(ctx, lk, started)
		if err != nil || s.attempt().ended == nil {
			return seen, err
		}
		if started && len(s.attempt().started) == 0 {
			continue // refused: see what follows, so that submit can say so
		}
		if started {
			return seen, nil
		}
	}
}

func (b *Broker) step(ctx context.Context, be provider.Backend, r *run, shards job.Shards, number int) (*step, error) {
	spec, err := b.spec(ctx, be, r, shards, number)
	if err != nil {
		return nil, err
	}
	t, err := be.Translate(spec)
	if err != nil {
		return nil, r.wrap(be, "translate", err)
	}
	return &step{Broker: b, be: be, r: r, n: number, t: t, spec: spec}, nil
}

// spec is what an attempt is made of, with where its things lie.
func (b *Broker) spec(ctx context.Context, be provider.Backend, r *run, shards job.Shards, number int) (provider.Spec, error) {
	spec, l, err := r.laid(be, b.o.Ledger.ID(), shards, number)
	if err != nil || l == nil {
		return spec, err
	}
	l.staged.Entries, err = b.entries(ctx, r, be.Capabilities().Staging, l, shards, spec.Input.Take)
	return spec, err
}

// attend starts what of an attempt is not started, and looks how it is doing.
func (s *step) attend(ctx context.Context, lk look, started bool) ([]provider.Observation, error) {
	if err := s.walk(ctx); err != nil {
		return nil, err
	}
	a := s.attempt()
	if a == nil {
		return nil, fmt.Errorf("the translation of %s starts nothing", s.r.id)
	}
	if a.ended != nil {
		return nil, nil
	}
	natives := s.natives()
	if s.mustEnd() {
		for _, n := range natives {
			if err := s.be.Cancel(ctx, n); err != nil && s.be.Code(err) != provider.NotFound {
				return nil, s.r.wrap(s.be, "cancel", err)
			}
		}
	} else if started {
		return nil, nil
	}
	var seen []provider.Observation
	var states []provider.State
	for _, n := range natives {
		o, err := lk(ctx, s.be, n)
		if s.be.Code(err) == provider.NotFound {
			// Somebody deleted it: what it left may still be there.
			o, err = provider.Observation{Native: n, State: provider.Failed, Code: provider.Internal, Detail: "the native job is gone: somebody deleted it"}, nil
		}
		if err != nil {
			return seen, s.r.wrap(s.be, "describe", err)
		}
		o = s.clamp(o)
		seen = append(seen, o)
		states = append(states, o.State)
	}
	if state := provider.Fold(states); state.Terminal() || len(natives) == 0 {
		return seen, s.end(ctx, state, seen)
	}
	return seen, nil
}

// natives are the attempt's native jobs, in the order of its requests.
func (s *step) natives() []provider.Native {
	var out []provider.Native
	for _, q := range s.t.Requests {
		if n, ok := s.attempt().started[q.ID]; ok {
			out = append(out, n)
		}
	}
	return out
}

// mustEnd says that the attempt's native jobs have to go.
func (s *step) mustEnd() bool {
	return s.r.cancelled || s.attempt().abandoned || s.attempt().refused != nil || s.late()
}

// late says that limits.timeout is over.
func (s *step) late() bool {
	d, ok := s.r.deadline()
	return ok && !s.now().Before(d)
}

func (s *step) lateText() string {
	return fmt.Sprintf("limits.timeout of %s is over", s.r.intent.Job.Limits.Timeout)
}

// end writes how the attempt ended and which shards it finished.
func (s *step) end(ctx context.Context, state provider.State, seen []provider.Observation) error {
	body := ledger.EndedBody{State: state, Ended: s.now()}
	for _, o := range seen {
		if o.State == provider.Failed && body.Message == "" {
			body.Code, body.Message = o.Code, o.Detail
		}
		if body.Started.IsZero() || !o.Started.IsZero() && o.Started.Before(body.Started) {
			body.Started = o.Started
		}
		if !o.Ended.IsZero() {
			body.Ended = o.Ended
		}
	}
	switch {
	case s.attempt().abandoned:
		body.State, body.Code, body.Message = provider.Failed, provider.Unavailable, "nobody knows whether the native job was made: it did not appear in time"
	case s.attempt().refused != nil:
		body.State, body.Code, body.Message = provider.Failed, s.attempt().refused.Code, s.attempt().refused.Reason
	case state != provider.Succeeded && s.late():
		body.State, body.Code, body.Message = provider.Failed, provider.Timeout, s.lateText()
	}
	pieces, err := s.pieces(ctx, s.natives())
	if err != nil {
		return err
	}
	finished := s.finished(pieces)
	body.Complete = ranges(finished)
	if missing := len(s.spec.Input.Take) - len(finished); body.State == provider.Succeeded && missing > 0 {
		body.State, body.Code = provider.Failed, provider.Internal
		body.Message = fmt.Sprintf("the provider reports success, but the results of %d of %d shards are not there", missing, len(s.spec.Input.Take))
	}
	return s.append(ctx, s.r, ledger.Event{Kind: ledger.Ended, Attempt: s.n, Ended: &body})
}

// pieces reads what the attempt has finished.
func (s *step) pieces(ctx context.Context, natives []provider.Native) ([]provider.Piece, error) {
	var out []provider.Piece
	if len(natives) == 0 {
		return nil, nil
	}
	for p, err := range s.be.Results(ctx, s.spec, natives) {
		if err != nil {
			return nil, s.r.wrap(s.be, "results", err)
		}
		out = append(out, p)
	}
	return out, nil
}

// giveUp ends a run that publishes nothing.
func (b *Broker) giveUp(ctx context.Context, r *run) error {
	return b.append(ctx, r, ledger.Event{Kind: ledger.Cancelled, Outcome: &ledger.OutcomeBody{Code: provider.Canceled, Reason: r.reason}})
}

// describe is the look that asks for each native job.
func describe(ctx context.Context, be provider.Backend, n provider.Native) (provider.Observation, error) {
	return be.Describe(ctx, n)
}
