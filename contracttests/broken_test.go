package contracttests

import (
	"strings"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// breaks are fakes that break one promise each, by the invariant that must
// notice. Where none is named, traits.broken is the invariant's own name.
var breaks = map[string]string{
	"cancelled_context_creates_nothing":    "", // goes on under a context that has ended
	"second_submit_joins":                  "one_start_makes_two",
	"sixteen_submits_start_one":            "second_start_makes_two",
	"lost_reply_starts_one":                "second_start_makes_two",
	lateArrivalCancelled:                   "", // does not end what is cancelled
	"failed_submit_leaves_nothing_running": "", // runs without a model, and does not end what is cancelled
	"one_destination_one_run":              "one_start_makes_two",
	"cancel_before_start_starts_nothing":   "", // makes a job while it translates
	"cancel_during_start_ends_it":          "", // does not end what is cancelled
	"cancel_while_running_ends_it":         "",
	"deadline_ends_the_run":                "",
	"cancel_after_end_changes_nothing":     "", // cancels what has succeeded
	"cancel_is_idempotent":                 "", // refuses to cancel what is over
	"unknown_is_not_found":                 "", // describes what was never made
	"states_move_forward":                  "", // is queued again while it runs
	"terminal_absorbs":                     "", // runs again after its end
	"logs_end":                             "", // logs for ever
	"closed_is_closed":                     "", // answers after Close
	"watching_costs_pages":                 "", // lists nothing, so each job is asked for
	fleetCostsPages:                        "", // lists one page alone
	"translate_is_deterministic":           "", // counts its translations
	"translate_aliases_nothing":            "", // hands out the same bytes again
	"requests_are_well_formed":             "", // sends a body that is not canonical
	"draft_is_what_is_sent":                "translate_is_deterministic",
	"findings_are_total":                   "", // leaves a field out
	findingsHold:                           "", // calls lost what it sends
	"success_accounts_for_every_record":    "", // succeeds without the results of a shard
	"bad_records_stand_alone":              "", // gives every failure one code
	"awkward_names_round_trip":             "", // loses backslashes of keys
	"published_results_equal_the_goldens":  "", // loses results of CSV
	compressedHolds:                        "", // reads compressed input as if it were not
	"a_retry_mends_what_a_run_left":        "", // scores all rows
	"a_retry_in_any_format":                "a_retry_mends_what_a_run_left",
	"a_retry_stands_on_its_base":           "", // does not die
	"throttles_and_5xx_are_survived":       "", // calls them invalid
	"stale_list_decides_nothing":           "", // does not know what runs when it is asked for it alone
	"died_is_retried":                      "", // calls death the data's fault
	"retries_end":                          "one_start_makes_two",
	"stopped_anywhere_another_goes_on":     "second_start_makes_two",
	"no_secret_anywhere":                   "", // tells its token as a fact
	destroyLeavesNothing:                   "", // deletes nothing
	vanishedMadeAgain:                      "", // calls a start without its object invalid
}

// TestEveryInvariantBites runs each invariant over a fake that breaks just that
// one, and fails when the invariant does not notice.
func TestEveryInvariantBites(t *testing.T) {
	for _, inv := range Invariants() {
		t.Run(inv.Name, func(t *testing.T) {
			t.Parallel()
			how, ok := breaks[inv.Name]
			if !ok {
				t.Fatalf("no fake breaks %s: nobody knows whether it would notice", inv.Name)
			}
			if how == "" {
				how = inv.Name
			}
			guarantee := provider.Named
			if inv.Name == lateArrivalCancelled {
				guarantee = provider.Lookup
			}
			h := harness(traits{guarantee: guarantee, visibility: time.Second, parts: 2, keeps: true, ensures: inv.Name == vanishedMadeAgain, page: 50, broken: how})
			h.patience = 3 * time.Minute // in which a sound fake does all that an invariant asks
			found := failures(t, inv, h)
			if len(found) == 0 {
				t.Errorf("a fake that breaks %q passes", how)
				return
			}
			t.Logf("noticed: %s", strings.Join(found, "; "))
		})
	}
	for name := range breaks {
		if !has(name) {
			t.Errorf("breaks names %s, which is no invariant", name)
		}
	}
}

func has(name string) bool {
	for _, inv := range Invariants() {
		if inv.Name == name {
			return true
		}
	}
	return false
}

// TestExceptionsNeedReasons holds Run to what it says of exceptions.
func TestExceptionsNeedReasons(t *testing.T) {
	if got := (Harness{Except: map[string]string{"no_such_thing": "x", "logs_end": "x", findingsHold + "/env": "x"}}).unknown(); len(got) != 1 || got[0] != "no_such_thing" {
		t.Errorf("unknown exceptions are %q", got)
	}
}
