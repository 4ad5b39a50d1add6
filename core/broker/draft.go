package broker

import (
	"context"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
)

// The ids of a Draft of which too little is known to name it.
const (
	NoLedger = "00000000000000000000000000000000"
	NoRun    = "00000000000000000000"
)

// Draft is the first attempt of a run that nobody has begun: what becomes of each
// field of its job, and what would be sent.
type Draft struct {
	Run         string               `json:"run"` // its id
	Findings    []provider.Finding   `json:"findings"`
	Staged      int64                `json:"staged_bytes"`  // of the input, which have to be brought to where the provider reads them
	Counted     int64                `json:"counted_bytes"` // of the input, which are read here once more to count its records
	Translation provider.Translation `json:"translation"`
	Retried     *Retried             `json:"retried,omitempty"` // nil: it scores all records
}

// NewDraft is the first attempt of the first run of what is wanted, as Submit would
// begin it in the ledger of that id; d.Preview is not looked at. It calls no service
// and reads and writes nothing. Facts are the documented defaults.
//
// Guessed says that d.Model or d.Shards only stand for what is not known: the run
// then has the id NoRun.
//
// Errors: those that Submit would have of the provider's checks and of its
// translation. The Draft has what was found out before.
func NewDraft(be provider.Backend, ledgerID string, d Desired, guessed bool) (Draft, error) {
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, d.Shards)
	if err != nil {
		return Draft{}, err
	}
	d.Preview = nil
	r := d.run(ledgerID, d.intent(fingerprint))
	if guessed {
		r.id, r.intent.Staging = NoRun, d.stagingOf(NoRun)
	}
	return r.draft(be, ledgerID, d.Shards)
}

// Draft is the first attempt of the run of a generation, as Submit would begin it
// with these facts. It reads the destination, and writes nothing.
//
// Errors: those that Submit would have before it writes. The Draft has what was
// found out before.
func (b *Broker) Draft(ctx context.Context, d Desired, generation int, facts provider.Facts) (Draft, error) {
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, d.Shards)
	if err != nil {
		return Draft{}, err
	}
	be, err := b.backend(ctx, d.Provider)
	if err != nil {
		return Draft{}, err
	}
	in := d.intent(fingerprint)
	in.Generation, in.Facts = generation, facts
	if !d.RetryFailed {
		return b.prepare(ctx, be, d.run(b.LedgerID(), in), d.Shards)
	}
	a, err := b.retry(ctx, d, fingerprint)
	if err != nil {
		return Draft{}, err
	}
	in.Retry = &a.body
	r := d.run(b.LedgerID(), in)
	r.rows = a.rows
	out, err := b.prepare(ctx, be, r, d.Shards)
	out.Retried = a.retried(d.Shards)
	return out, err
}

// draft is the first attempt of a run that nobody has begun. It is an error when
// the provider would lose a field of it, or cannot translate it.
func (r *run) draft(be provider.Backend, ledgerID string, shards job.Shards) (Draft, error) {
	out := Draft{Run: r.id}
	if shards == nil {
		shards = job.Shards{} // as the ledger will have it
	}
	spec, l, err := r.laid(be, ledgerID, shards, 1)
	if err != nil {
		return out, err
	}
	switch {
	case l == nil:
	case l.plan == nil:
		l.staged.Entries = staging.InPlace(shards, spec.Input.Take)
		if be.Capabilities().Staging.Uncounted {
			out.Counted = shards.Bytes()
		}
	default:
		out.Staged = l.plan.Bytes()
	}
	out.Findings = be.Check(spec)
	if err := fits(out.Findings, spec.Job); err != nil {
		return out, r.wrap(be, "check", err)
	}
	out.Translation, err = be.Translate(spec)
	return out, r.wrap(be, "translate", err)
}
