package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func on(kind string) broker.Desired {
	return broker.Desired{Job: job.Job{Address: "job.x", Placement: job.Placement{Providers: []job.ProviderRef{{Kind: kind, Alias: "a"}}}}}
}

func cannot(kind string, err error) Item { return Refuse(on(kind), err).unfitted() }

func TestElsewhere(t *testing.T) {
	for code, want := range map[provider.Code]bool{
		provider.Unsupported: true, provider.Invalid: true, provider.Unavailable: false, provider.Throttled: false,
		provider.Unauthenticated: false, provider.PermissionDenied: false, provider.QuotaExceeded: false, provider.Internal: false,
	} {
		err := fmt.Errorf("x: %w", provider.Errorf(code, "no"))
		if got := cannot("oci", err).Elsewhere(); got != want {
			t.Errorf("%s: %v", code, got)
		}
		if Refuse(on("oci"), err).Elsewhere() { // its data or its model, say
			t.Errorf("%s: what no place decided goes elsewhere", code)
		}
	}
	if (Item{Wanted: on("local"), Action: Run}).Elsewhere() {
		t.Error("a job that can run is tried elsewhere")
	}
}

func TestChoose(t *testing.T) {
	lost, wrong := provider.Errorf(provider.Unsupported, "lost"), provider.Errorf(provider.Invalid, "wrong")
	runs := Item{Wanted: on("local"), Action: Run, Run: "r"}
	same := func(got Item, want ...Candidate) {
		t.Helper()
		if d := cmp.Diff(want, got.Candidates, cmpopts.IgnoreUnexported(Candidate{})); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
	same(Choose([]Item{runs}, nil), Candidate{Provider: "local.a", Price: PriceNone, Reason: "the only place that is given", Taken: true})
	got := Choose([]Item{cannot("vertex", lost), runs}, []job.ProviderRef{{Kind: "oci", Alias: "b"}})
	same(got,
		Candidate{Provider: "vertex.a", Price: PriceUnknown, Reason: lost.Error()},
		Candidate{Provider: "local.a", Price: PriceNone, Reason: "the first that can run it", Taken: true},
		Candidate{Provider: "oci.b", Price: PriceUnknown, Reason: "comes later in placement.providers"})
	if got.Action != Run || got.Run != "r" || got.Err != nil {
		t.Errorf("%+v", got)
	}
	got = Choose([]Item{cannot("vertex", lost), cannot("oci", wrong)}, nil)
	if got.Action != Refused || !errors.Is(got.Err, lost) || !errors.Is(got.Err, wrong) ||
		!strings.Contains(got.Err.Error(), "none of its 2 places can run it: vertex.a: ") || !strings.Contains(got.Err.Error(), "; oci.a: ") {
		t.Errorf("%v", got.Err)
	}
	// What has nothing to do with the place is said once.
	if got = Choose([]Item{cannot("vertex", lost), cannot("oci", lost)}, nil); got.Err.Error() != lost.Error() {
		t.Errorf("%v", got.Err)
	}
}
