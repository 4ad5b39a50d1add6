package plan

import (
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
)

// Known is everything that a decision stands on.
type Known struct {
	Ledger   string // its id
	Wanted   broker.Desired
	Standing broker.Standing
	Before   *broker.Past // the run that tells why another is begun; nil: there is none, or none is begun
}

// Decide says what becomes of a wanted run, as far as the ledger and the destination
// decide it: whether its provider can run it is another question. It depends on
// nothing but k.
func Decide(k Known) Item {
	s := k.Standing
	c := k.Wanted.Course(k.Ledger, s)
	id := k.Wanted.Identity()
	out := Item{
		Wanted: k.Wanted, Fingerprint: s.Fingerprint, Generation: c.Generation,
		Run: job.RunID(k.Ledger, id, s.Fingerprint, c.Generation), Key: c.Joins,
	}
	h := s.Holder
	if h != nil && h.Key == ledger.KeyOf(id, s.Fingerprint, c.Generation) {
		h = nil // this very run: somebody claimed the destination for it, and wrote no more yet
	}
	switch {
	case c.Refused != nil:
		return out.refuse(c.Refused)
	case c.Live:
		out.Action, out.Reasons = Attach, []string{"this run is not over"}
	case c.Joins != "":
		out.Action, out.Partial, out.Reasons = Nothing, s.Partial, []string{"nothing has changed since this run"}
		if last, _ := s.Last(); k.Wanted.RetryFailed {
			out.Reasons = []string{"no record of this run's result failed or was skipped"}
		} else if s.Partial {
			out.Reasons = []string{"nothing has changed since this run, which is partial; --retry-failed tries again what it left, --rerun runs the job again"}
		} else if last.Kind == ledger.Destroyed {
			out.Reasons = []string{"nothing has changed since this run, which is destroyed; its results stand"}
		}
	case h != nil:
		out.Action, out.Run, out.Key, out.Err = Blocked, h.Run, h.Key, h
		out.Reasons = []string{fmt.Sprintf("run %s of %s holds the destination and is not over; wait for it or cancel it", h.Run, h.Address)}
	case len(s.Runs) == 0:
		out.Action, out.Reasons = Run, []string{"it has not run yet"}
	default:
		out.Action, out.Reasons = Rerun, k.why()
	}
	return out
}

// why says what makes another run necessary.
func (k Known) why() []string {
	last, same := k.Standing.Last()
	switch {
	case k.Wanted.RetryFailed:
		t := k.Standing.Totals
		return []string{fmt.Sprintf("%d failed and %d skipped records of run %s are tried again (--retry-failed)", t.Failed, t.Skipped, k.Standing.Result)}
	case k.Before == nil:
		return []string{"it ran before"}
	case !same:
		now := basis(k.Wanted)
		now.Job.Output.Destination = k.Before.Basis.Job.Output.Destination // one identity has one; a preview's is its run's own
		lines := job.Explain(k.Before.Basis, now)
		if len(lines) == 0 { // an earlier version may have taken fingerprints another way
			return []string{"the fingerprint changed"}
		}
		return lines
	}
	run := k.Before.Run
	kind := last.Kind
	if d := run.Destroyed; kind == ledger.Destroyed && d != nil {
		if kind = ledger.Kind(run.State); d.Results {
			return []string{fmt.Sprintf("run %s was destroyed with its results", run.ID)}
		}
	}
	switch kind {
	case ledger.Succeeded, ledger.Partial:
		if slices.Contains([]string{"", run.ID}, k.Standing.Result) && k.Wanted.Rerun {
			return []string{"nothing has changed; --rerun asks for it"}
		}
		if k.Standing.Result != "" {
			return []string{fmt.Sprintf("the result of run %s was replaced by that of run %s", run.ID, k.Standing.Result)}
		}
		return []string{fmt.Sprintf("the result of run %s is not at the destination any more", run.ID)}
	case ledger.Failed, ledger.Cancelled:
		why := fmt.Sprintf("run %s %s", run.ID, map[ledger.Kind]string{ledger.Failed: "failed", ledger.Cancelled: "was cancelled"}[kind])
		if run.Reason != "" {
			why += ": " + run.Reason
		}
		return []string{why}
	}
	return []string{fmt.Sprintf("run %s is %s", run.ID, kind)}
}
