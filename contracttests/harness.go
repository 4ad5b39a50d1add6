package contracttests

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Harness is what the suite needs to know of a backend.
type Harness struct {
	Name string

	// New makes an area in which no native job exists.
	New func(t T) Setup

	// Idle makes an area as New does, whose native jobs stay as they were created: so
	// many of them cost little. Nil: there is none, and fleet_costs_pages is not
	// checked.
	Idle func(t T) Setup

	// Fleet is how many runs there are in fleet_costs_pages. Zero: 1,000.
	Fleet int

	// Except names the invariants that the backend does not keep, and why:
	// NAME, or NAME/field for one field of findings_hold.
	Except map[string]string

	// Tune changes the jobs of the suite: small batches, say. May be nil.
	Tune func(j *job.Job)

	// patience is shorter for fakes that never do what is waited for. Zero: it is
	// the usual one.
	patience time.Duration

	// Update is the folder that reference results are written to instead of
	// being compared. Empty: they are compared.
	Update string
}

// Setup is an area that holds native jobs and what belongs to them.
type Setup struct {
	// Block is the provider block as a ledger keeps it.
	Block ledger.Block

	// Backend opens the backend on this area. Each call is another process: it
	// knows what was made before only by what the area holds.
	Backend broker.Factory

	// Area is a URI prefix that ends in a slash: inputs, staging and
	// destinations lie below it. Empty: a temporary folder.
	Area string

	// Open opens buckets. Nil: storage.OpenLocal.
	Open storage.Opener

	// Clock is what the backend runs on. Nil: the real one.
	Clock clockwork.Clock

	// Written is called when an invariant's inputs lie below prefix: to make
	// them read-only, say. May be nil.
	Written func(prefix string)

	// Jobs is what the harness sees and does behind the backend's back.
	Jobs Jobs

	// Calls counts the calls to the service so far, a page of a list as one.
	// Nil where that cannot be told.
	Calls func() int

	// Page is how many native jobs a page of a list holds. Zero where Calls is nil.
	Page int

	// Secret stood in the backend's credentials: it must appear nowhere. Empty:
	// it has none.
	Secret string
}

// Jobs are the native jobs of an area as only its owner sees them.
type Jobs interface {
	// Count is how many there are, over or not.
	Count(ctx context.Context) (int, error)

	// Hold makes the native jobs of the area stand still, each once it has
	// finished so many shards. Below zero lets all go on.
	Hold(shards int)

	// Standing waits until a native job stands still.
	Standing(ctx context.Context, n provider.Native) error

	// Kill ends a native job that stands still, as the death of its machine
	// would.
	Kill(ctx context.Context, n provider.Native) error
}

// T is what an invariant needs of a *testing.T.
type T interface {
	Helper()
	Context() context.Context
	TempDir() string
	Cleanup(f func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Invariant is one promise.
type Invariant struct {
	Name string
	Run  func(t T, h Harness)
}

// Invariants are all of them.
func Invariants() []Invariant {
	return slices.Concat(starting, ending, asking, pure, results, mending, enduring, destroying)
}

// Run checks every invariant, each as a subtest.
func Run(t *testing.T, h Harness) {
	for _, name := range h.unknown() {
		t.Errorf("Except names %q, which is no invariant", name)
	}
	for _, inv := range Invariants() {
		t.Run(inv.Name, func(t *testing.T) {
			if reason, ok := h.Except[inv.Name]; ok {
				if strings.TrimSpace(reason) == "" {
					t.Fatalf("%s is excepted without a reason", inv.Name)
				}
				t.Skipf("%s does not keep this: %s", h.Name, reason)
			}
			inv.Run(t, h)
		})
	}
}

// unknown lists the exceptions that name nothing.
func (h Harness) unknown() []string {
	var names, out []string
	for _, inv := range Invariants() {
		names = append(names, inv.Name)
	}
	for _, f := range provider.Fields() {
		names = append(names, findingsHold+"/"+f)
	}
	for name := range h.Except {
		if !slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
