package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Candidate is a place that a job may run on.
type Candidate struct {
	Provider string `json:"provider"` // KIND.ALIAS
	Price    string `json:"price"`    // of the run: PriceNone or PriceUnknown
	Reason   string `json:"reason"`   // why it is taken, or is not
	Taken    bool   `json:"taken"`

	err error // why it cannot run the job
}

// What is known of prices: that this machine costs nothing.
const (
	PriceNone    = "0 USD"
	PriceUnknown = "unknown"
)

func priceOn(kind string) string {
	if kind == job.ImplicitKind {
		return PriceNone
	}
	return PriceUnknown
}

// affordable refuses a run with a limit that nothing can be held against.
func affordable(d broker.Desired) error {
	if d.Job.Limits.Cost == nil || priceOn(d.Provider.Kind) != PriceUnknown {
		return nil
	}
	return &provider.Error{
		Code: provider.Unsupported, Provider: d.Provider.String(), Op: "price",
		Message: "limits.cost is set, and what a run costs there is not known: prices are not built yet",
		Hint:    "leave limits.cost out",
	}
}

// Elsewhere says that a job is to be tried on the next of its places: this one cannot do
// what the job asks for. That it cannot be reached, or does not let us in, is no reason
// to send data and money another way.
func (i Item) Elsewhere() bool {
	code := provider.CodeOf(i.Err)
	return i.unfit && (code == provider.Unsupported || code == provider.Invalid)
}

// Choose is what becomes of a job that may run on several places, of what becomes of
// it on the first of them, one after the other: tried ends with the one that is taken,
// or is all there are. The others were not tried.
func Choose(tried []Item, others []job.ProviderRef) Item {
	out := tried[len(tried)-1]
	place := func(i Item) Candidate {
		ref := i.Wanted.Job.Placement.Providers[0]
		return Candidate{Provider: ref.String(), Price: priceOn(ref.Kind), err: i.Err}
	}
	var list []Candidate
	for _, i := range tried {
		c := place(i)
		switch {
		case i.Action == Refused:
			c.Reason = i.Err.Error()
		case len(tried)+len(others) == 1:
			c.Taken, c.Reason = true, "the only place that is given"
		default:
			c.Taken, c.Reason = true, "the first that can run it"
		}
		list = append(list, c)
	}
	for _, ref := range others {
		list = append(list, Candidate{Provider: ref.String(), Price: priceOn(ref.Kind), Reason: "comes later in placement.providers"})
	}
	if len(tried) > 1 && out.Action == Refused {
		out = out.refuse(nowhere(list))
	}
	out.Candidates = list
	return out
}

// nowhere says why none of the places can run a job, each reason once.
func nowhere(list []Candidate) error {
	var reasons []error
	var texts []string
	for _, c := range list {
		text := c.err.Error()
		if !strings.Contains(text, c.Provider) {
			text = c.Provider + ": " + text
		}
		reasons, texts = append(reasons, c.err), append(texts, text)
	}
	same := true
	for _, r := range reasons {
		same = same && r.Error() == reasons[0].Error()
	}
	if same {
		return reasons[0]
	}
	return &unplaced{texts, errors.Join(reasons...)}
}

// unplaced is the error of a job that no place can run. It is each of their errors,
// for errors.Is.
type unplaced struct {
	texts []string
	why   error
}

func (e *unplaced) Error() string {
	return fmt.Sprintf("none of its %d places can run it: %s", len(e.texts), strings.Join(e.texts, "; "))
}

func (e *unplaced) Unwrap() error { return e.why }
