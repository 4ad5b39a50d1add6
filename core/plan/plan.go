package plan

import (
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Action is what becomes of a job.
type Action string

// The actions.
const (
	Run      Action = "run"      // its first run is begun
	Rerun    Action = "re-run"   // another run is begun
	Attach   Action = "attach"   // the run that is wanted lives, and is joined
	Nothing  Action = "nothing"  // the run that is wanted is over, and its result is in force
	Blocked  Action = "blocked"  // another live run holds the destination
	Deferred Action = "deferred" // it is known once jobs that it needs are over; it runs after them
	Refused  Action = "refused"  // it cannot run: Item.Err says why
	Orphaned Action = "orphaned" // a live run of a job that is in no file any more
)

// Begins says whether a run is begun.
func (a Action) Begins() bool { return a == Run || a == Rerun }

// Actions are all actions, in the order in which a plan counts them.
func Actions() []Action {
	return []Action{Run, Rerun, Attach, Nothing, Blocked, Deferred, Refused, Orphaned}
}

// Item is what becomes of one wanted run.
type Item struct {
	Wanted      broker.Desired       `json:"wanted"`
	Action      Action               `json:"action"`
	Reasons     []string             `json:"reasons"` // a line each: why it is so
	Fingerprint string               `json:"fingerprint"`
	Generation  int                  `json:"generation"`    // of Run
	Run         string               `json:"run,omitempty"` // id of the run that is begun or joined, or that blocks
	Key         ledger.Key           `json:"key,omitempty"` // of the run that is joined, or that blocks
	Facts       provider.Facts       `json:"facts"`         // of its provider; where a run is begun
	Findings    []provider.Finding   `json:"findings,omitempty"`
	Staged      int64                `json:"staged_bytes"`        // of the input, which have to be staged
	Counted     int64                `json:"counted_bytes"`       // of the input, which are read here once more to count its records
	Translation provider.Translation `json:"translation"`         // what is sent; where a run is begun
	Retried     *broker.Retried      `json:"retried,omitempty"`   // nil: all records are scored
	Partial     bool                 `json:"partial,omitempty"`   // of Nothing: the result in force is partial
	WaitsFor    []string             `json:"waits_for,omitempty"` // of Deferred: the jobs that it is known after
	Others      []broker.Desired     `json:"others,omitempty"`    // of Deferred: Wanted on the next of its places, in their order
	Candidates  []Candidate          `json:"candidates,omitempty"`
	Live        *broker.Run          `json:"-"` // how the run of Attach and Blocked is doing; nil: nobody asked
	Err         error                `json:"-"` // of Blocked and Refused

	unfit bool // it was held against its provider, and Refused
}

// Plan is what becomes of wanted runs.
type Plan struct {
	Items   []Item
	Orphans []broker.Run // live runs of jobs that are in no file any more
}

// Count says how many of the plan come to an action.
func (p Plan) Count(a Action) int {
	if a == Orphaned {
		return len(p.Orphans)
	}
	n := 0
	for _, i := range p.Items {
		if i.Action == a {
			n++
		}
	}
	return n
}

// Begins says how many runs are begun.
func (p Plan) Begins() int { return p.Count(Run) + p.Count(Rerun) }
