package broker

import (
	"fmt"
	"slices"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// run is what the events of a run add up to. It is a pure function of them.
type run struct {
	key       ledger.Key
	id        string
	intent    ledger.IntentBody
	rows      []provider.Rows // that it tries again; see input
	begun     time.Time
	seq       int // of the last event
	attempts  []*attempt
	cancelled bool // asked for in time
	reason    string
	staged    *ledger.StagedBody
	collected *ledger.CollectedBody
	outcome   *ledger.Event // how it ended; nil while it lives
	forgotten bool
	destroyed *ledger.Destruction
}

// attempt is one try.
type attempt struct {
	number    int
	began     time.Time
	bound     map[string]provider.Native // by request id
	sent      map[string]bool
	started   map[string]provider.Native
	abandoned bool
	refused   *ledger.OutcomeBody // a start that could not be made
	ended     *ledger.EndedBody
	closed    time.Time // when ended was written
}

// fold adds up a history. It is nil when there is no intent.
func fold(key ledger.Key, events []ledger.Event) *run {
	if len(events) == 0 || events[0].Intent == nil {
		return nil
	}
	r := &run{key: key, id: events[0].Run, intent: *events[0].Intent, begun: events[0].Time}
	for i := range events {
		r.apply(&events[i])
	}
	return r
}

// apply adds the next event.
func (r *run) apply(e *ledger.Event) {
	r.seq = e.Seq
	switch e.Kind {
	case ledger.Staged:
		r.staged = e.Staged
	case ledger.Bound:
		r.attempt(e).bound[e.Request] = *e.Native
	case ledger.Sent:
		r.attempt(e).sent[e.Request] = true
	case ledger.Started:
		r.attempt(e).started[e.Request] = *e.Native
	case ledger.Abandoned:
		r.attempt(e).abandoned = true
	case ledger.Refused:
		r.attempt(e).refused = e.Outcome
	case ledger.Ended:
		a := r.attempt(e)
		a.ended, a.closed = e.Ended, e.Time
	case ledger.CancelRequested:
		if r.collected == nil {
			r.cancelled, r.reason = true, e.Reason
		}
	case ledger.Collected:
		r.collected = e.Collected
	case ledger.Destroyed:
		r.destroyed = r.destroyed.Add(*e)
	}
	if e.Kind.Over() && r.outcome == nil {
		r.outcome = e
	}
	r.forgotten = r.forgotten || e.Kind == ledger.Forgotten
}

// attempt is the one that an event speaks of.
func (r *run) attempt(e *ledger.Event) *attempt {
	for len(r.attempts) < e.Attempt {
		r.attempts = append(r.attempts, &attempt{
			number: len(r.attempts) + 1, began: e.Time,
			bound: map[string]provider.Native{}, sent: map[string]bool{}, started: map[string]provider.Native{},
		})
	}
	return r.attempts[e.Attempt-1]
}

// live is the attempt that has not ended; nil when there is none.
func (r *run) live() *attempt {
	if n := len(r.attempts); n > 0 && r.attempts[n-1].ended == nil {
		return r.attempts[n-1]
	}
	return nil
}

// last is how the last attempt ended; nil when none did.
func (r *run) last() *attempt {
	for _, a := range slices.Backward(r.attempts) {
		if a.ended != nil {
			return a
		}
	}
	return nil
}

// complete says which shards the attempts before number finished.
func (r *run) complete(shards, number int) []bool {
	done := make([]bool, shards)
	for _, a := range r.attempts {
		if a.ended == nil || a.number >= number {
			continue
		}
		for _, rg := range a.ended.Complete {
			for i := max(rg.First, 0); i <= rg.Last && i < shards; i++ {
				done[i] = true
			}
		}
	}
	return done
}

// take lists the shards that attempt number covers.
func (r *run) take(shards, number int) []int {
	out := []int{}
	for i, done := range r.complete(shards, number) {
		if !done && r.chosen(i) {
			out = append(out, i)
		}
	}
	return out
}

// ranges writes ascending numbers as ranges.
func ranges(numbers []int) []ledger.Range {
	var out []ledger.Range
	for _, n := range numbers {
		if k := len(out); k > 0 && out[k-1].Last == n-1 {
			out[k-1].Last = n
			continue
		}
		out = append(out, ledger.Range{First: n, Last: n})
	}
	return out
}

// deadline is when limits.timeout ends the run; false without one.
func (r *run) deadline() (time.Time, bool) {
	t := r.intent.Job.Limits.Timeout
	return r.begun.Add(t), t > 0
}

// next says what follows the attempts that ended.
type next int

const (
	tryAgain next = iota // another attempt
	wrapUp               // publish what there is
	giveUp               // cancelled: publish nothing
)

// after decides what follows when no attempt lives. It depends on nothing but
// the history and the time.
func (r *run) after(shards int, now time.Time) next {
	last := r.last()
	switch {
	case r.cancelled:
		return giveUp
	case last == nil:
		return tryAgain // the first
	case len(r.take(shards, last.number+1)) == 0:
		return wrapUp // nothing is left to do, however it ended
	case last.ended.State == provider.Cancelled:
		return giveUp // by somebody else's hand
	case last.ended.State == provider.Succeeded, !last.abandoned && !last.ended.Code.Retry():
		return wrapUp
	case last.abandoned && r.abandonments() <= maxAbandoned:
		return tryAgain
	}
	if d, ok := r.deadline(); ok && !now.Before(d) {
		return wrapUp
	}
	if len(r.attempts)-1-r.abandonments() < r.intent.Job.Limits.Retries {
		return tryAgain
	}
	return wrapUp
}

// maxAbandoned bounds attempts of which nobody knows whether they began: they
// do not count as retries, but a service that always loses them must end.
const maxAbandoned = 5

func (r *run) abandonments() int {
	n := 0
	for _, a := range r.attempts {
		if a.abandoned {
			n++
		}
	}
	return n
}

// budget is what is left of limits.timeout for an attempt that began then.
func (r *run) budget(began time.Time) time.Duration {
	t := r.intent.Job.Limits.Timeout
	if t == 0 {
		return 0
	}
	return max(t-began.Sub(r.begun), time.Second)
}

// spec is what attempt number is made of. The first attempt's does not depend
// on when it began, so that it is the one that a plan showed.
func (r *run) spec(ledgerID string, shards job.Shards, number int) provider.Spec {
	budget := r.budget(r.begun)
	if number > 1 {
		if last := r.attempts[number-2]; last.ended != nil {
			budget = r.budget(last.closed)
		}
	}
	take := r.take(len(shards), number)
	return provider.Spec{
		Ledger: ledgerID, Run: r.id, Attempt: number, Job: r.job(), Model: r.intent.Model,
		Input:  provider.Input{Shards: shards, Format: r.intent.Format, Take: take, Rows: r.of(take)},
		Output: attemptPrefix(r.intent.Staging, number), Budget: budget, Facts: r.intent.Facts, Made: r.intent.Scoring.Made,
	}
}

// job is the run's job as it runs on its provider.
func (r *run) job() job.Job {
	return r.intent.Job.On(job.ProviderRef{Kind: r.intent.Provider.Kind, Alias: r.intent.Provider.Alias})
}

// abandonedNames are the names of abandoned attempts, which those of their natives
// begin with: see provider.AttemptName.
func (r *run) abandonedNames() []string {
	var names []string
	for _, a := range r.attempts {
		if a.abandoned {
			names = append(names, provider.NativeName(r.intent.Job.Address, r.id, a.number, 0, 1))
		}
	}
	return names
}

// attemptPrefix is where an attempt writes.
func attemptPrefix(staging string, number int) string {
	return storage.Join(staging, fmt.Sprintf("a%d/", number))
}
