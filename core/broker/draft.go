package broker

import (
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
	Run         string // its id
	Findings    []provider.Finding
	Translation provider.Translation
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
	out := Draft{Run: NoRun}
	if !guessed {
		out.Run = job.RunID(ledgerID, d.Job.Identity(), fingerprint, 0)
	}
	r := &run{id: out.Run, intent: d.intent(fingerprint)}
	r.intent.Staging = d.stagingOf(r.id)
	spec, l, err := r.laid(be, ledgerID, d.Shards, 1)
	if err != nil {
		return out, err
	}
	if l != nil && l.plan == nil {
		l.staged.Entries = staging.InPlace(d.Shards, spec.Input.Take)
	}
	out.Findings = be.Check(spec)
	if err := fits(out.Findings, spec.Job); err != nil {
		return out, r.wrap(be, "check", err)
	}
	out.Translation, err = be.Translate(spec)
	return out, r.wrap(be, "translate", err)
}
