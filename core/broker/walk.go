package broker

import (
	"context"
	"errors"
	"time"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// errMoved says that somebody else wrote the run's next event first: read its
// history again and decide anew.
var errMoved = errors.New("the run moved on")

// append writes the run's next event and adds it to r: errMoved when somebody
// else was first.
func (b *Broker) append(ctx context.Context, r *run, e ledger.Event) error {
	e.Seq, e.Run, e.Time = r.seq+1, r.id, b.now()
	ok, err := b.o.Ledger.Append(ctx, r.key, e)
	if err != nil {
		return err
	}
	if !ok {
		return errMoved
	}
	r.apply(&e)
	return nil
}

// now is the time as events carry it.
func (b *Broker) now() time.Time { return b.o.Clock.Now().UTC().Round(0) }

// step is one attempt of a run on its backend.
type step struct {
	*Broker
	be   provider.Backend
	r    *run
	n    int // the attempt's number
	t    provider.Translation
	spec provider.Spec
}

// attempt is nil until the attempt's first event.
func (s *step) attempt() *attempt {
	if len(s.r.attempts) < s.n {
		return nil
	}
	return s.r.attempts[s.n-1]
}

// walk makes what the attempt's requests ask for and is not there yet: owned
// objects first, then the native jobs. It returns when all of them are made, or
// when the attempt has ended instead.
func (s *step) walk(ctx context.Context) error {
	uploaded := false
	for _, q := range s.t.Requests {
		a := s.attempt()
		if a != nil && (a.ended != nil || a.abandoned || a.refused != nil) {
			return nil
		}
		if !uploaded && (a == nil || a.bound[q.ID].ID == "" && a.started[q.ID].ID == "") {
			if err := s.upload(ctx); err != nil {
				return err
			}
			uploaded = true
		}
		var err error
		switch {
		case q.Role == provider.Ensure && (a == nil || a.bound[q.ID].ID == ""):
			err = s.ensure(ctx, q)
		case q.Role == provider.Start && (a == nil || a.started[q.ID].ID == ""):
			err = s.start(ctx, q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ensure makes an owned object unless it is there.
func (s *step) ensure(ctx context.Context, q provider.Request) error {
	q, err := substitute(q, s.attempt())
	if err != nil {
		return err
	}
	n, err := s.make(ctx, q)
	if err != nil {
		return s.refused(ctx, q, err)
	}
	return s.append(ctx, s.r, ledger.Event{Kind: ledger.Bound, Attempt: s.n, Request: q.ID, Native: &n})
}

func (s *step) make(ctx context.Context, q provider.Request) (provider.Native, error) {
	n, err := s.find(ctx, q)
	if s.be.Code(err) != provider.NotFound {
		return n, err
	}
	n, err = s.send(ctx, q)
	if s.be.Code(err) == provider.AlreadyExists { // made since Find
		return s.find(ctx, q)
	}
	return n, err
}

// start makes the native job of a request as it was translated, exactly once. That it is about to be made is written
// first: whoever reads the history then knows that it may be there.
func (s *step) start(ctx context.Context, translated provider.Request) error {
	q, err := substitute(translated, s.attempt())
	if err != nil {
		return err
	}
	caps := s.be.Capabilities()
	lookup, asked := caps.Guarantee == provider.Lookup, s.o.Clock.Now()
	ours := false
	if a := s.attempt(); a == nil || !a.sent[q.ID] {
		if s.r.cancelled || a != nil && s.late() {
			return s.unsent(ctx)
		}
		if err := s.append(ctx, s.r, ledger.Event{Kind: ledger.Sent, Attempt: s.n, Request: q.ID}); err != nil {
			return err
		}
		ours = true
	}
	// Who finds sent waits for what it announces; one that was held up for longer
	// than that must not send any more.
	if lookup && (!ours || s.o.Clock.Since(asked) > caps.Visibility) {
		return s.seek(ctx, q)
	}
	n, err := s.send(ctx, q)
	// Nothing was made of a throttled start. Who left it at that would find its own
	// sent, and wait in vain for what it announces.
	for pause := throttledPause; ours && lookup && s.be.Code(err) == provider.Throttled; pause *= 2 {
		wait := max(pause, retryAfter(err))
		if s.o.Clock.Since(asked)+wait > caps.Visibility {
			break
		}
		if serr := s.sleep(ctx, wait); serr != nil {
			return serr
		}
		if merr := s.current(ctx, s.r); merr != nil {
			return merr
		}
		n, err = s.send(ctx, q)
	}
	switch code := s.be.Code(err); {
	case code == provider.AlreadyExists:
		if n, err = s.find(ctx, q); err != nil && s.be.Code(err) != provider.Conflict {
			return s.r.wrap(s.be, "find "+q.Op, err) // it may be ours, and run
		}
	case code == provider.NotFound && s.ensures():
		if err = s.again(ctx); err == nil {
			q, err = substitute(translated, s.attempt())
		}
		if err == nil {
			n, err = s.send(ctx, q)
		}
	}
	if err != nil && lookup && unclear(s.be.Code(err)) {
		return s.seek(ctx, q)
	}
	if err != nil {
		return s.refused(ctx, q, err)
	}
	if err = s.started(ctx, q, n); errors.Is(err, errMoved) {
		return errors.Join(err, s.disown(ctx, q, n))
	}
	return err
}

// throttledPause is how long a start that was throttled waits the first time.
const throttledPause = 250 * time.Millisecond

// disown cancels a native job that came too late: while it was being made,
// somebody else gave the attempt up.
func (s *step) disown(ctx context.Context, q provider.Request, n provider.Native) error {
	r, err := s.load(ctx, s.r.key)
	if err != nil || len(r.attempts) < s.n {
		return err
	}
	a := r.attempts[s.n-1]
	if !a.abandoned && a.ended == nil && r.outcome == nil || a.started[q.ID].ID == n.ID {
		return nil
	}
	if err := s.be.Cancel(ctx, n); err != nil && s.be.Code(err) != provider.NotFound {
		return s.r.wrap(s.be, "cancel", err)
	}
	return nil
}

// unsent keeps an attempt that has to end from starting more. It is over when it
// started nothing.
func (s *step) unsent(ctx context.Context) error {
	if a := s.attempt(); a != nil && len(a.sent) > 0 {
		return nil
	}
	body := ledger.EndedBody{State: provider.Cancelled, Code: provider.Canceled, Started: s.now(), Ended: s.now()}
	if !s.r.cancelled {
		body.State, body.Code, body.Message = provider.Failed, provider.Timeout, s.lateText()
	}
	return s.append(ctx, s.r, ledger.Event{Kind: ledger.Ended, Attempt: s.n, Ended: &body})
}

func (s *step) started(ctx context.Context, q provider.Request, n provider.Native) error {
	return s.append(ctx, s.r, ledger.Event{Kind: ledger.Started, Attempt: s.n, Request: q.ID, Native: &n})
}

func (s *step) ensures() bool {
	return len(s.t.Requests) > 0 && s.t.Requests[0].Role == provider.Ensure
}

// again makes the owned objects once more: one that the ledger knows was
// removed by somebody else.
func (s *step) again(ctx context.Context) error {
	for _, q := range s.t.Requests {
		if q.Role != provider.Ensure {
			continue
		}
		q, err := substitute(q, s.attempt())
		if err != nil {
			return err
		}
		n, err := s.make(ctx, q)
		if err != nil {
			return err
		}
		if err := s.append(ctx, s.r, ledger.Event{Kind: ledger.Bound, Attempt: s.n, Request: q.ID, Native: &n}); err != nil {
			return err
		}
	}
	return nil
}

// unclear says that the native job may have been made though the call failed.
func unclear(c provider.Code) bool {
	switch c {
	case provider.Unavailable, provider.Timeout, provider.Internal, provider.Canceled, provider.AlreadyExists:
		return true
	}
	return false
}

// seek looks for a native job that may or may not have been made, for as long as
// the service may take to show it. Nothing found, the attempt is abandoned: the
// next one starts under another name.
func (s *step) seek(ctx context.Context, q provider.Request) error {
	caps := s.be.Capabilities()
	until := s.o.Clock.Now().Add(caps.Visibility)
	for {
		n, err := s.find(ctx, q)
		switch code := s.be.Code(err); {
		case err == nil:
			return s.started(ctx, q, n)
		case code == provider.Conflict:
			return s.refused(ctx, q, err)
		case code != provider.NotFound && !code.Resend():
			// Nobody can tell whether a job runs: the attempt stays as it is until
			// somebody can.
			return s.r.wrap(s.be, "find "+q.Op, err)
		}
		left := until.Sub(s.o.Clock.Now())
		if left <= 0 {
			return s.append(ctx, s.r, ledger.Event{Kind: ledger.Abandoned, Attempt: s.n, Request: q.ID})
		}
		if err := s.sleep(ctx, min(max(caps.Poll.Min, time.Second), left)); err != nil {
			return err
		}
		// Who sent it may have answered meanwhile.
		if err := s.current(ctx, s.r); err != nil {
			return err
		}
	}
}

// current is errMoved when the history has grown.
func (b *Broker) current(ctx context.Context, r *run) error {
	events, err := b.o.Ledger.History(ctx, r.key)
	if err == nil && len(events) > 0 && events[len(events)-1].Seq != r.seq {
		return errMoved
	}
	return err
}

// refused ends the attempt when a request of it cannot be made, or passes on
// that the same may work later.
func (s *step) refused(ctx context.Context, q provider.Request, err error) error {
	code := s.be.Code(err)
	err = s.r.wrap(s.be, string(q.Role)+" "+q.Op, err)
	if code.Resend() || code == provider.Canceled || ctx.Err() != nil || errors.Is(err, provider.ErrClosed) || errors.Is(err, errMoved) {
		return err
	}
	if a := s.attempt(); a != nil && len(a.started) > 0 { // these have to end first
		return s.append(ctx, s.r, ledger.Event{Kind: ledger.Refused, Attempt: s.n, Request: q.ID, Outcome: &ledger.OutcomeBody{Code: code, Reason: err.Error()}})
	}
	now := s.now()
	return s.append(ctx, s.r, ledger.Event{Kind: ledger.Ended, Attempt: s.n, Ended: &ledger.EndedBody{
		State: provider.Failed, Code: code, Message: err.Error(), Started: now, Ended: now,
	}})
}

func (s *step) find(ctx context.Context, q provider.Request) (n provider.Native, err error) {
	s.o.Step("before find " + q.ID)
	n, err = s.be.Find(ctx, q)
	s.o.Step("after find " + q.ID)
	return n, err
}

func (s *step) send(ctx context.Context, q provider.Request) (n provider.Native, err error) {
	s.o.Step("before send " + q.ID)
	n, err = s.be.Send(ctx, q)
	s.o.Step("after send " + q.ID)
	return n, err
}

// sleep waits on the injected clock.
func (b *Broker) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-b.o.Clock.After(d):
		return nil
	}
}
