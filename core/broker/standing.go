package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/record"
)

// Standing is what the ledger and the destination hold when a run is wanted.
type Standing struct {
	Fingerprint string
	Runs        []ledger.Entry  // of the job, of any fingerprint; the one that changed last at the end
	Result      string          // id of the run whose result is in force at the destination; empty: none, or another job's
	Partial     bool            // that result is partial
	Totals      record.Counts   // of that result
	Holder      *ledger.Blocked // the live run that holds the destination; nil: none
	Fruitless   []ledger.Key    // runs that tried records again and published nothing: they change nothing
	Void        bool            // the last run at the fingerprint was destroyed, and satisfies nothing: its results went, too, or it is forgotten
}

// Course is what Submit does about a wanted run: it begins one, or joins one.
type Course struct {
	Generation int        // of the run that is begun or joined
	Joins      ledger.Key // the run that is what is wanted; empty: one is begun
	Live       bool       // the run that is joined is not over
	Refused    error      // why neither can be; ErrNoRetry
}

// Last is the latest run at the fingerprint that is wanted, fruitless ones aside; false
// without one.
func (s Standing) Last() (last ledger.Entry, ok bool) {
	for _, e := range s.Runs {
		if s.same(e) && !slices.Contains(s.Fruitless, e.Key) && (!ok || e.Generation > last.Generation) {
			last, ok = e, true
		}
	}
	return last, ok
}

// same says whether a run is of the fingerprint that is wanted.
func (s Standing) same(e ledger.Entry) bool { return strings.HasPrefix(s.Fingerprint, e.Fingerprint) }

// next is the generation of a run that is begun.
func (s Standing) next() int {
	n := 0
	for _, e := range s.Runs {
		if s.same(e) {
			n = max(n, e.Generation+1)
		}
	}
	return n
}

// Course decides from s alone, Holder aside, in the ledger of that id: a run at this
// fingerprint that lives is joined, and so is one whose result is in force.
func (d Desired) Course(ledgerID string, s Standing) Course {
	last, ok := s.Last()
	switch {
	case ok && !last.Kind.Over():
		return Course{Generation: last.Generation, Joins: last.Key, Live: true}
	case d.RetryFailed:
		return d.retryCourse(ledgerID, s)
	case ok && d.settled(s, last) && s.Result == job.RunID(ledgerID, d.Identity(), s.Fingerprint, last.Generation):
		return Course{Generation: last.Generation, Joins: last.Key}
	}
	return Course{Generation: s.next()}
}

// settled says that a run which is over is what is wanted, if its result is in
// force.
func (d Desired) settled(s Standing, e ledger.Entry) bool {
	return !d.Rerun && (e.Kind == ledger.Succeeded || e.Kind == ledger.Partial || e.Kind == ledger.Destroyed && !s.Void)
}

// standing reads what Course needs, and no more. Runs are those of x, or of the ledger
// where x is nil.
func (b *Broker) standing(ctx context.Context, d Desired, fingerprint string, x *ledger.Index) (Standing, error) {
	s := Standing{Fingerprint: fingerprint}
	var err error
	switch {
	case x != nil:
		s.Runs = x.RunsOf(d.Identity())
	case b.o.Ledger != nil:
		s.Runs, err = b.o.Ledger.RunsOf(ctx, d.Identity())
	}
	if err != nil {
		return s, err
	}
	if err := b.fruitless(ctx, &s); err != nil {
		return s, err
	}
	last, ok := s.Last()
	if ok && last.Kind == ledger.Destroyed {
		if s.Void, err = b.void(ctx, last.Key); err != nil {
			return s, err
		}
	}
	switch {
	case d.RetryFailed && len(s.Runs) > 0:
		var m *record.Manifest
		if m, err = b.standsAt(ctx, d); m != nil {
			s.stands(m.Head())
		}
		if errors.Is(err, collect.ErrConflict) {
			err = nil
		}
	case ok && d.settled(s, last):
		err = b.result(ctx, d, &s, last.Generation)
	}
	return s, err
}

// void says that a destroyed run satisfies its job no more, even if its result stands.
func (b *Broker) void(ctx context.Context, key ledger.Key) (bool, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return false, err
	}
	return r.forgotten || r.destroyed.Results, nil
}

// stands takes down what result is in force.
func (s *Standing) stands(m record.Head) {
	s.Result, s.Partial, s.Totals = m.Run, m.State == record.Partial, m.Totals
}

// result reads whose result is in force where a run of the job publishes.
func (b *Broker) result(ctx context.Context, d Desired, s *Standing, generation int) error {
	r := d.run(b.LedgerID(), ledger.IntentBody{Job: d.Job, Fingerprint: s.Fingerprint, Generation: generation})
	m, err := collect.Holds(ctx, b.o.Open, r.intent.Job, r.id)
	if errors.Is(err, collect.ErrConflict) {
		return nil
	}
	if m != nil {
		s.stands(*m)
	}
	return err
}

// Index reads which runs there are; nil without a ledger.
func (b *Broker) Index(ctx context.Context) (*ledger.Index, error) {
	if b.o.Ledger == nil {
		return nil, nil
	}
	return b.o.Ledger.Index(ctx)
}

// Survey reads what is known of a wanted run. It writes nothing. x is what Index told
// a moment ago; nil: it looks for the runs of the job itself.
func (b *Broker) Survey(ctx context.Context, d Desired, x *ledger.Index) (Standing, error) {
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, d.Shards)
	if err != nil {
		return Standing{}, err
	}
	s, err := b.standing(ctx, d, fingerprint, x)
	if err != nil || b.o.Ledger == nil {
		return s, err
	}
	c := d.Course(b.LedgerID(), s)
	if c.Joins != "" || c.Refused != nil {
		return s, nil
	}
	if s.Holder, err = b.o.Ledger.Holder(ctx, d.Identity().Destination); err != nil {
		return s, err
	}
	if len(s.Runs) > 0 && s.Result == "" {
		err = b.result(ctx, d, &s, c.Generation)
	}
	return s, err
}

// Past is an earlier run and what it was made from.
type Past struct {
	Run   Run
	Basis job.Basis
}

// Past tells what an earlier run was made from, and how it ended. It only reads.
func (b *Broker) Past(ctx context.Context, key ledger.Key) (Past, error) {
	r, err := b.load(ctx, key)
	if err != nil {
		return Past{}, err
	}
	shards, err := b.o.Ledger.Shards(ctx, r.intent.Input)
	return Past{Run: r.view(nil), Basis: job.Basis{Job: r.intent.Job, Model: r.intent.Model.Digest, Shards: shards}}, err
}

// Before is the run that tells why a new one of the job is begun: the last one at the
// same fingerprint, else the one whose result is in force, else the one that changed
// last. It is false where there is none.
func (b *Broker) Before(ctx context.Context, s Standing) (Past, bool, error) {
	if len(s.Runs) == 0 {
		return Past{}, false, nil
	}
	key := s.Runs[len(s.Runs)-1].Key
	if last, ok := s.Last(); ok {
		key = last.Key
	} else if s.Result != "" {
		keys, err := b.o.Ledger.Resolve(ctx, s.Result)
		if err != nil {
			return Past{}, false, err
		}
		for _, e := range s.Runs {
			if slices.Contains(keys, e.Key) {
				key = e.Key
			}
		}
	}
	p, err := b.Past(ctx, key)
	return p, err == nil, err
}

// Alive tells what the ledger says of the runs of x that are not over, the one that
// changed last at the end. It asks no provider, and unlike Live it writes nothing.
func (b *Broker) Alive(ctx context.Context, x *ledger.Index) ([]Run, error) {
	var out []Run
	if x == nil {
		return nil, nil
	}
	for _, e := range x.Runs() {
		if e.Kind.Over() {
			continue
		}
		r, err := b.Recorded(ctx, e.Key)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
