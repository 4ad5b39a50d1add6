package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// FormatVersion is the version of a saved plan. Readers refuse others.
const FormatVersion = 1

// ErrFormat says that a file is no saved plan of this version.
var ErrFormat = errors.New("not a saved plan of this version")

// Saved is a plan in a file: all that is needed to begin its runs, and to tell
// whether it still holds. It holds no secrets.
type Saved struct {
	FormatVersion int    `json:"format_version"`
	Crossbatch    string `json:"crossbatch"` // version that made it
	Ledger        Ledger `json:"ledger"`
	Home          string `json:"home"` // path of the folder of local runs
	Items         []Item `json:"items"`
}

// Ledger names the ledger that a plan is of.
type Ledger struct {
	ID  string `json:"id"`
	URI string `json:"uri"`
}

// Encode writes a plan as one JSON object. A plan with a refused job is an error: it
// could not be applied.
func (s Saved) Encode() ([]byte, error) {
	for _, i := range s.Items {
		if i.Action == Refused {
			return nil, fmt.Errorf("the plan cannot be saved: %s cannot run: %w", i.Wanted.Job.Address, i.Err)
		}
	}
	s.FormatVersion = FormatVersion
	s.Items = slices.Clone(s.Items)
	for n := range s.Items {
		if !s.Items[n].Action.Begins() {
			s.Items[n].Wanted.Shards = nil // nobody looks at them again
		}
	}
	body, err := provider.Canonical(s)
	return append(body, '\n'), err
}

// ParseSaved reads a saved plan; ErrFormat for anything else.
func ParseSaved(body []byte) (Saved, error) {
	var head struct {
		FormatVersion int `json:"format_version"`
		Ledger        Ledger
		Items         json.RawMessage
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if head.Ledger.ID == "" || head.Items == nil {
		return Saved{}, fmt.Errorf("%w: it names no ledger and no jobs", ErrFormat)
	}
	if head.FormatVersion != FormatVersion {
		return Saved{}, fmt.Errorf("%w: format_version is %d, this crossbatch reads %d; plan again", ErrFormat, head.FormatVersion, FormatVersion)
	}
	var s Saved
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Saved{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	for n, i := range s.Items {
		if i.Action == Blocked {
			s.Items[n].Err = fmt.Errorf("%w: %s", ledger.ErrBlocked, strings.Join(i.Reasons, "; "))
		}
		if !slices.Contains(Actions(), i.Action) || i.Action == Refused || i.Action == Orphaned {
			return Saved{}, fmt.Errorf("%w: %s has the action %q", ErrFormat, i.Wanted.Job.Address, i.Action)
		}
	}
	return s, nil
}

// Stale is nil when an item that begins a run still holds: now is the same job planned
// again, from data and model as they are now. Otherwise it is broker.ErrStale and says
// what moved.
func (i Item) Stale(now Item) error {
	if !i.Action.Begins() {
		return nil
	}
	because := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s; plan again", broker.ErrStale, i.Wanted.Job.Address, fmt.Sprintf(format, args...))
	}
	switch {
	case now.Action == Refused && provider.CodeOf(now.Err).Resend():
		return now.Err // nobody knows
	case now.Action == Refused:
		return because("it cannot run any more: %v", now.Err)
	case i.Fingerprint != now.Fingerprint:
		lines := job.Explain(basis(i.Wanted), basis(now.Wanted))
		if len(lines) == 0 {
			lines = []string{"the fingerprint changed"}
		}
		return because("%s", strings.Join(lines, "; "))
	case now.Action == Attach, now.Action == Nothing:
		return because("run %s, which would be begun, was begun since", now.Run)
	case now.Action == Blocked:
		return because("%s", now.Reasons[0])
	case i.Run != now.Run:
		return because("run %s, which would be begun, was begun since, and is over", i.Run)
	}
	if same, err := provider.Same(i.Facts, now.Facts); err != nil || !same {
		return errors.Join(err, because("what provider %s says of itself has changed", i.Wanted.Provider))
	}
	if same, err := provider.Same(i.Wanted, now.Wanted); err != nil || !same {
		return errors.Join(err, because("what is known of its model and its data has changed"))
	}
	if same, err := provider.Same(i.Translation, now.Translation); err != nil || !same {
		return errors.Join(err, because("other requests would be sent (the plan was crossbatch translates another way now)"))
	}
	return nil
}

func basis(d broker.Desired) job.Basis {
	return job.Basis{Job: d.Job, Model: d.Model.Digest, Shards: d.Shards}
}
