package broker

import (
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
)

// Lay says where what an attempt needs will lie, on a provider that needs it
// staged: it is the spec that a first attempt is translated from. It reads and
// writes nothing. needs is Capabilities.Staging; nil leaves the spec as it is. The
// job is one that is resolved for its provider: job.Job.On.
func Lay(s provider.Spec, needs *provider.Staging, sc ledger.Scoring) (provider.Spec, error) {
	if needs == nil {
		return s, nil
	}
	r := &run{id: s.Run, intent: ledger.IntentBody{Job: s.Job, Model: s.Model, Format: s.Input.Format, Scoring: sc}}
	l, err := r.lay(needs, s.Input.Shards)
	if err != nil {
		return s, err
	}
	if l.plan == nil {
		l.staged.Entries = staging.InPlace(s.Input.Shards, s.Input.Take)
	}
	s.Staged, s.Made = &l.staged, sc.Made
	return s, nil
}
