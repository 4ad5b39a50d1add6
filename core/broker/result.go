package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Result is what stands at a job's destination.
type Result struct {
	Run     string // id of the run that published it
	Partial bool
}

// InForce is the result at a job's destination: one of a run of this ledger that is
// over and satisfies its job. x is what Index told a moment ago; nil: the runs of the job
// are looked for. It only reads.
//
// storage.ErrNoResult, with what is there instead, where there is no such run.
func (b *Broker) InForce(ctx context.Context, id job.Identity, x *ledger.Index) (Result, error) {
	none := func(format string, args ...any) (Result, error) {
		return Result{}, fmt.Errorf("%w: %s in %s: %s", storage.ErrNoResult, id.Address, id.Destination, fmt.Sprintf(format, args...))
	}
	of := job.Job{Project: id.Project, Address: id.Address, Output: job.Output{Destination: id.Destination}}
	m, err := collect.Holds(ctx, b.o.Open, of, "")
	switch {
	case errors.Is(err, collect.ErrConflict):
		return none("%v", err)
	case err != nil:
		return Result{}, err
	case m == nil:
		return none("nothing is published there")
	}
	e, ok, err := b.entry(ctx, id, m.Fingerprint, m.Run, x)
	switch {
	case err != nil:
		return Result{}, err
	case !ok:
		return none("it holds the result of run %s, which is none of this ledger's", m.Run)
	case !e.Kind.Over():
		return none("run %s, whose result it holds, is not over yet", m.Run)
	case e.Kind == ledger.Destroyed:
		void, err := b.void(ctx, e.Key)
		if err != nil {
			return Result{}, err
		}
		if void {
			return none("it holds the result of run %s, which is destroyed with its results, or forgotten", m.Run)
		}
	case e.Kind != ledger.Succeeded && e.Kind != ledger.Partial:
		return none("it holds the result of run %s, which is %s", m.Run, e.Kind)
	}
	return Result{Run: m.Run, Partial: m.State == record.Partial}, nil
}

// entry finds a run of a job by its id; false where the ledger has none.
func (b *Broker) entry(ctx context.Context, id job.Identity, fingerprint, run string, x *ledger.Index) (ledger.Entry, bool, error) {
	var runs []ledger.Entry
	var err error
	switch {
	case x != nil:
		runs = x.RunsOf(id)
	case b.o.Ledger != nil:
		runs, err = b.o.Ledger.RunsOf(ctx, id)
	}
	for _, e := range runs {
		if strings.HasPrefix(fingerprint, e.Fingerprint) && job.RunID(b.LedgerID(), id, fingerprint, e.Generation) == run {
			return e, true, err
		}
	}
	return ledger.Entry{}, false, err
}
