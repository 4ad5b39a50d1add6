package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// ErrNoRetry says that no result stands there whose records could be tried again.
var ErrNoRetry = errors.New("there is no result to try records of again")

// Retried is what a run tries again of a published result, and what is read for that.
type Retried struct {
	Run     string `json:"run"` // whose result it is
	Failed  int64  `json:"failed"`
	Skipped int64  `json:"skipped"`
	Input   int64  `json:"input_bytes"`  // of the shards that hold these records
	Result  int64  `json:"result_bytes"` // of the published result, which is read to be merged
}

// again is a published result and its records that are tried again.
type again struct {
	manifest *record.Manifest
	body     ledger.RetryBody
	rows     []provider.Rows
}

// retry finds what a run of d would try again: ErrNoRetry unless the result in force is
// one of this fingerprint.
func (b *Broker) retry(ctx context.Context, d Desired, fingerprint string) (*again, error) {
	m, err := b.standsAt(ctx, d)
	switch {
	case err != nil:
		return nil, err
	case m == nil || m.Fingerprint != fingerprint || len(m.Shards) != len(d.Shards):
		return nil, fmt.Errorf("%w: it was replaced or removed", ErrNoRetry)
	}
	out := &again{manifest: m, body: ledger.RetryBody{Run: m.Run}}
	if out.rows, err = collect.Left(ctx, b.o.Open, d.Job.Output.Destination, m); err != nil {
		return nil, fmt.Errorf("the result of run %s: %w", m.Run, err)
	}
	if out.body.Manifest, err = m.Digest(); err != nil {
		return nil, err
	}
	out.body.Rows, err = ledger.RowsDigest(out.rows)
	return out, err
}

// standsAt is the result that stands at a job's destination, whether or not a run may
// replace it; nil when none is there.
func (b *Broker) standsAt(ctx context.Context, d Desired) (*record.Manifest, error) {
	j := d.Job
	j.Output.Existing = job.ExistingReplace
	return b.free(ctx, &run{intent: ledger.IntentBody{Job: j}})
}

// retried says what an attempt to mend a result costs.
func (a *again) retried(shards job.Shards) *Retried {
	out := &Retried{Run: a.manifest.Run, Failed: a.manifest.Totals.Failed, Skipped: a.manifest.Totals.Skipped}
	for _, r := range a.rows {
		out.Input += shards[r.Shard].Size
	}
	for _, s := range a.manifest.Shards {
		out.Result += s.Part.Size
		if s.FailedPart != nil {
			out.Result += s.FailedPart.Size
		}
	}
	return out
}

// retryCourse is Course where the failed and skipped records of the result in force are
// to be tried again.
func (d Desired) retryCourse(ledgerID string, s Standing) Course {
	for _, e := range s.Runs {
		if !s.same(e) || !s.published(e) || s.Result != job.RunID(ledgerID, d.Identity(), s.Fingerprint, e.Generation) {
			continue
		}
		if s.Totals.Left() == 0 {
			return Course{Generation: e.Generation, Joins: e.Key}
		}
		return Course{Generation: s.next()}
	}
	return Course{Refused: s.noRetry()}
}

// published says whether a run has a result that its records are tried again of, if it is
// in force.
func (s Standing) published(e ledger.Entry) bool {
	last, _ := s.Last()
	if e.Kind == ledger.Destroyed {
		return !s.Void || e.Key != last.Key
	}
	return e.Kind == ledger.Succeeded || e.Kind == ledger.Partial
}

// noRetry says why there is nothing to try again, and what to do instead.
func (s Standing) noRetry() error {
	last, ok := s.Last()
	switch {
	case len(s.Runs) == 0:
		return fmt.Errorf("%w: the job has not run yet; leave --retry-failed out to run it", ErrNoRetry)
	case !ok:
		return fmt.Errorf("%w: the job, its model or its input is not what it was when it last ran; leave --retry-failed out to run all of it", ErrNoRetry)
	case last.Kind == ledger.Failed:
		return fmt.Errorf("%w: the last run failed and published nothing; leave --retry-failed out to run the job again", ErrNoRetry)
	case last.Kind == ledger.Cancelled, last.Kind == ledger.Forgotten:
		return fmt.Errorf("%w: the last run is %s; leave --retry-failed out to run the job again", ErrNoRetry, last.Kind)
	}
	return fmt.Errorf("%w: the result of the last run is not in force any more; leave --retry-failed out to run the job again", ErrNoRetry)
}

// fruitless finds the latest runs at the wanted fingerprint that tried records again and
// published nothing: what stood there before them stands there still, as if they had
// never been.
func (b *Broker) fruitless(ctx context.Context, s *Standing) error {
	for {
		last, ok := s.Last()
		if !ok || !last.Kind.Over() || last.Kind == ledger.Succeeded || last.Kind == ledger.Partial {
			return nil
		}
		first, err := b.o.Ledger.First(ctx, last.Key)
		if err != nil {
			return err
		}
		if first.Intent == nil || first.Intent.Retry == nil {
			return nil
		}
		if last.Kind != ledger.Failed && last.Kind != ledger.Cancelled { // what ended it came before
			r, err := b.load(ctx, last.Key)
			if err != nil {
				return err
			}
			if k := r.outcome.Kind; r.collected != nil && k != ledger.Failed {
				return nil
			}
		}
		s.Fruitless = append(s.Fruitless, last.Key)
	}
}

// input reads what a run is made from.
func (b *Broker) input(ctx context.Context, r *run) (job.Shards, error) {
	shards, err := b.o.Ledger.Shards(ctx, r.intent.Input)
	if err == nil && r.intent.Retry != nil {
		r.rows, err = b.o.Ledger.Rows(ctx, r.intent.Retry.Rows)
	}
	return shards, err
}

// chosen says whether the run scores any record of a shard.
func (r *run) chosen(shard int) bool {
	if r.intent.Retry == nil {
		return true
	}
	_, ok := r.find(shard)
	return ok
}

func (r *run) find(shard int) (int, bool) {
	return slices.BinarySearchFunc(r.rows, shard, func(rows provider.Rows, shard int) int { return rows.Shard - shard })
}

// records is how many records of a shard are tried again.
func (r *run) records(shard int) int64 {
	i, ok := r.find(shard)
	if !ok {
		return 0
	}
	n, _ := r.rows[i].Rows.Count() // the ledger has looked at them
	return n
}

// of are the rows that are tried again of some shards, ascending; nil: all rows.
func (r *run) of(take []int) []provider.Rows {
	if r.intent.Retry == nil {
		return nil
	}
	out := []provider.Rows{}
	for _, shard := range take {
		if i, ok := r.find(shard); ok {
			out = append(out, r.rows[i])
		}
	}
	return out
}

// mends is the result that a run mends; nil for one of all records. It is
// collect.ErrConflict when that is not in force any more.
func (b *Broker) mends(ctx context.Context, r *run) (*collect.Base, error) {
	if r.intent.Retry == nil {
		return nil, nil
	}
	m, err := b.free(ctx, r)
	if err != nil {
		return nil, err
	}
	if m.Run == r.id {
		return nil, errMoved // it is published
	}
	return &collect.Base{Folder: r.intent.Job.Output.Destination, Manifest: m, Rows: r.rows}, nil
}

// standsOn is collect.ErrConflict unless a manifest is that of the run, or of the result
// that it mends.
func (r *run) standsOn(m *record.Manifest) error {
	base := r.intent.Retry
	if base == nil || m != nil && m.Run == r.id {
		return nil
	}
	if m != nil && m.Run == base.Run {
		if digest, err := m.Digest(); err != nil || digest == base.Manifest {
			return err
		}
	}
	return fmt.Errorf("%w: %s does not hold the result of run %s any more, of which records were tried again", collect.ErrConflict, r.intent.Job.Output.Destination, base.Run)
}
