package broker

import (
	"cmp"
	"time"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// Run is what is known of a run.
type Run struct {
	ID          string              `json:"run"`
	Key         ledger.Key          `json:"-"`
	Project     string              `json:"project"`
	Address     string              `json:"address"`
	Provider    string              `json:"provider"` // KIND.ALIAS
	Attempt     int                 `json:"attempt"`  // 0: none began
	NativeID    string              `json:"native_id"`
	Console     string              `json:"console_url"`
	State       State               `json:"state"`
	Reason      string              `json:"reason,omitempty"` // why it failed, was cancelled, or tries again
	Code        provider.Code       `json:"code,omitempty"`
	Counts      record.Counts       `json:"counts"`
	Destination string              `json:"destination"`
	Fingerprint string              `json:"fingerprint"`
	Generation  int                 `json:"generation"`
	Begun       time.Time           `json:"begun"`
	Ended       *time.Time          `json:"ended,omitempty"`   // nil while it lives
	Seconds     float64             `json:"seconds,omitempty"` // that its last attempt's native jobs ran
	Progress    provider.Progress   `json:"-"`
	Staging     bool                `json:"-"`                     // what it needs is staged just now, and Progress is of that
	Unreachable string              `json:"unreachable,omitempty"` // why the provider could not be asked
	Joined      bool                `json:"joined,omitempty"`      // submit found the run there
	Preview     bool                `json:"preview,omitempty"`
	Destroyed   *ledger.Destruction `json:"destroyed,omitempty"` // nil: what it made is there
	Notes       []string            `json:"notes,omitempty"`     // what a watcher did besides
}

// State is a run's state: its last attempt's while it lives, then how it ended.
type State string

// The states of a run.
const (
	Queued           = State(provider.Queued)
	Preparing        = State(provider.Preparing)
	Running          = State(provider.Running)
	Cancelling       = State(provider.Cancelling)
	Collecting State = "collecting" // every attempt has ended; results are on their way
	Succeeded        = State(ledger.Succeeded)
	Partial          = State(ledger.Partial)
	Failed           = State(ledger.Failed)
	Cancelled        = State(ledger.Cancelled)
	Forgotten        = State(ledger.Forgotten)
)

// Over says whether the run has ended.
func (s State) Over() bool { return ledger.Kind(s).Over() }

// view is what the history and the observations of the live attempt tell.
func (r *run) view(seen []provider.Observation) Run {
	in := r.intent
	out := Run{
		ID: r.id, Key: r.key, Project: in.Job.Project, Address: in.Job.Address, Provider: in.Provider.String(),
		Attempt: len(r.attempts), State: Queued, Reason: r.reason, Destination: in.Job.Output.Destination,
		Fingerprint: in.Fingerprint, Generation: in.Generation, Begun: r.begun, Preview: in.Preview, Destroyed: r.destroyed,
	}
	if n := len(r.attempts); n > 0 {
		for _, native := range r.attempts[n-1].started {
			if native.Part == 0 {
				out.NativeID, out.Console = native.ID, native.Console
			}
		}
	}
	if last := r.last(); last != nil && last.ended.Ended.After(last.ended.Started) {
		out.Seconds = last.ended.Ended.Sub(last.ended.Started).Seconds()
	}
	if last := r.last(); last != nil && last.ended.State == provider.Failed && out.Reason == "" {
		out.Reason, out.Code = last.ended.Message, last.ended.Code
	}
	switch {
	case r.outcome != nil:
		out.Reason, out.Code = r.reason, provider.OK
		out.outcome(r.outcome)
		if r.forgotten {
			out.State = Forgotten
		}
	case r.collected != nil:
		out.State, out.Counts = Collecting, r.collected.Totals
	case r.live() != nil:
		out.observed(r, seen)
	case r.last() != nil && r.last().ended.State == provider.Succeeded:
		out.State = Collecting
	}
	return out
}

func (out *Run) outcome(e *ledger.Event) {
	out.State = State(e.Kind)
	ended := e.Time
	out.Ended = &ended
	if e.Reason != "" {
		out.Reason = e.Reason
	}
	if o := e.Outcome; o != nil {
		out.Counts, out.Code = o.Totals, o.Code
		if o.Reason != "" {
			out.Reason = o.Reason
		}
	}
}

func (out *Run) observed(r *run, seen []provider.Observation) {
	var states []provider.State
	for _, o := range seen {
		states = append(states, o.State)
		if o.Progress != nil {
			out.Progress.Counts.Add(o.Progress.Counts)
			out.Progress.Bytes += o.Progress.Bytes
			out.Progress.All += o.Progress.All
		}
	}
	out.State = State(provider.Fold(states))
	if provider.State(out.State).Terminal() {
		out.State = Collecting
	}
	if r.cancelled && out.State != Collecting {
		out.State = Cancelling
	}
	out.Counts = out.Progress.Counts
}

// short is a run that is over, from its summary.
func short(s ledger.Summary) Run {
	ended := s.Ended
	return Run{
		ID: s.Run, Key: s.Key, Project: s.Project, Address: s.Address, Provider: s.Provider, Attempt: s.Attempt,
		NativeID: s.NativeID, Console: s.Console, State: State(cmp.Or(s.State, s.Kind)), Reason: s.Reason, Code: s.Code, Counts: s.Totals,
		Destination: s.Destination, Fingerprint: s.Fingerprint, Generation: s.Generation, Begun: s.Begun, Ended: &ended, Preview: s.Preview,
		Destroyed: s.Destroyed,
	}
}
