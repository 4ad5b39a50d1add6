package broker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

var epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// history numbers events and dates them a minute apart.
func history(limits job.Limits, events ...ledger.Event) *run {
	intent := ledger.Event{Kind: ledger.Intent, Intent: &ledger.IntentBody{Job: job.Job{Address: "job.x", Limits: limits}, Staging: "file:///s/runs/r/"}}
	all := append([]ledger.Event{intent}, events...)
	for i := range all {
		all[i].Seq, all[i].Run, all[i].Time = i+1, "r", epoch.Add(time.Duration(i)*time.Minute)
	}
	return fold("k", all)
}

func sent(attempt int) ledger.Event {
	return ledger.Event{Kind: ledger.Sent, Attempt: attempt, Request: "w"}
}

func started(attempt int) ledger.Event {
	return ledger.Event{Kind: ledger.Started, Attempt: attempt, Request: "w", Native: &provider.Native{ID: fmt.Sprint(attempt)}}
}

func ended(attempt int, s provider.State, c provider.Code, complete ...ledger.Range) ledger.Event {
	return ledger.Event{Kind: ledger.Ended, Attempt: attempt, Ended: &ledger.EndedBody{State: s, Code: c, Complete: complete}}
}

func TestWhatFollowsAnAttempt(t *testing.T) {
	const shards = 3
	all := ledger.Range{First: 0, Last: 2}
	two := job.Limits{Retries: 2}
	cancel := ledger.Event{Kind: ledger.CancelRequested, Reason: "enough"}
	abandoned := func(n int) []ledger.Event {
		return []ledger.Event{sent(n), {Kind: ledger.Abandoned, Attempt: n, Request: "w"}, ended(n, provider.Failed, provider.Unavailable)}
	}
	for name, test := range map[string]struct {
		run  *run
		now  time.Time
		want next
	}{
		"nothing yet":                      {history(two), epoch, tryAgain},
		"cancelled before it began":        {history(two, cancel), epoch, giveUp},
		"succeeded":                        {history(two, sent(1), started(1), ended(1, provider.Succeeded, provider.OK, all)), epoch, wrapUp},
		"success without all results":      {history(two, ended(1, provider.Failed, provider.Internal, ledger.Range{First: 0, Last: 1})), epoch, tryAgain},
		"died with nothing left to do":     {history(two, ended(1, provider.Failed, provider.Internal, all)), epoch, wrapUp},
		"died":                             {history(two, ended(1, provider.Failed, provider.Internal)), epoch, tryAgain},
		"the data is bad":                  {history(two, ended(1, provider.Failed, provider.DataError)), epoch, wrapUp},
		"the last retry died":              {history(two, ended(1, provider.Failed, provider.Internal), ended(2, provider.Failed, provider.Internal), ended(3, provider.Failed, provider.Internal)), epoch, wrapUp},
		"a retry is left":                  {history(two, ended(1, provider.Failed, provider.Internal), ended(2, provider.Failed, provider.Internal)), epoch, tryAgain},
		"no retries":                       {history(job.Limits{}, ended(1, provider.Failed, provider.Internal)), epoch, wrapUp},
		"cancelled while it ran":           {history(two, sent(1), started(1), cancel, ended(1, provider.Cancelled, provider.Canceled)), epoch, giveUp},
		"cancelled, and finished first":    {history(two, sent(1), started(1), cancel, ended(1, provider.Succeeded, provider.OK, all)), epoch, giveUp},
		"cancelled by somebody else":       {history(two, ended(1, provider.Cancelled, provider.Canceled)), epoch, giveUp},
		"the deadline is over":             {history(job.Limits{Retries: 2, Timeout: time.Hour}, ended(1, provider.Failed, provider.Internal)), epoch.Add(time.Hour), wrapUp},
		"the deadline is near":             {history(job.Limits{Retries: 2, Timeout: time.Hour}, ended(1, provider.Failed, provider.Internal)), epoch.Add(time.Hour - 1), tryAgain},
		"abandoned":                        {history(job.Limits{}, abandoned(1)...), epoch, tryAgain},
		"abandoned does not count":         {history(job.Limits{Retries: 1}, append(abandoned(1), ended(2, provider.Failed, provider.Internal))...), epoch, tryAgain},
		"abandoned, then the retries used": {history(job.Limits{Retries: 1}, append(abandoned(1), ended(2, provider.Failed, provider.Internal), ended(3, provider.Failed, provider.Internal))...), epoch, wrapUp},
		"abandoned without end": {history(two, slices.Concat(abandoned(1), abandoned(2), abandoned(3), abandoned(4), abandoned(5), abandoned(6),
			[]ledger.Event{ended(7, provider.Failed, provider.Internal), ended(8, provider.Failed, provider.Internal), ended(9, provider.Failed, provider.Internal)})...), epoch, wrapUp},
	} {
		if got := test.run.after(shards, test.now); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Cancelling what is being published comes too late.
func TestCancelAfterCollected(t *testing.T) {
	r := history(job.Limits{}, ledger.Event{Kind: ledger.Collected, Collected: &ledger.CollectedBody{}}, ledger.Event{Kind: ledger.CancelRequested})
	if r.cancelled {
		t.Error("the run is cancelled while it publishes")
	}
}

func TestAnAttemptTakesWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(0, 12).Draw(t, "shards")
		attempts := rapid.IntRange(0, 4).Draw(t, "attempts")
		done := map[int]bool{}
		var events []ledger.Event
		for n := 1; n <= attempts; n++ {
			var finished []int
			for i := range shards {
				if !done[i] && rapid.Bool().Draw(t, "finished") {
					finished = append(finished, i)
					done[i] = true
				}
			}
			events = append(events, ended(n, provider.Failed, provider.Internal, ranges(finished)...))
		}
		r := history(job.Limits{Retries: 9}, events...)
		spec := r.spec("ledger", make(job.Shards, shards), attempts+1)
		want := []int{}
		for i := range shards {
			if !done[i] {
				want = append(want, i)
			}
		}
		if !slices.Equal(spec.Input.Take, want) {
			t.Fatalf("attempt %d takes %v, left are %v", attempts+1, spec.Input.Take, want)
		}
		if spec.Output != fmt.Sprintf("file:///s/runs/r/a%d/", attempts+1) {
			t.Fatalf("output %s", spec.Output)
		}
		// What an attempt covers never changes, whatever comes after it.
		for n := 1; n <= attempts; n++ {
			early := history(job.Limits{Retries: 9}, events[:n-1]...).spec("ledger", make(job.Shards, shards), n)
			if late := r.spec("ledger", make(job.Shards, shards), n); !slices.Equal(early.Input.Take, late.Input.Take) || early.Budget != late.Budget {
				t.Fatalf("attempt %d took %v and now %v", n, early.Input.Take, late.Input.Take)
			}
		}
	})
}

func TestTheBudgetIsWhatIsLeft(t *testing.T) {
	limits := job.Limits{Timeout: time.Hour, Retries: 3}
	r := history(limits, sent(1), started(1), ended(1, provider.Failed, provider.Internal)) // three minutes later
	if got := r.spec("l", nil, 1).Budget; got != time.Hour {
		t.Errorf("the first attempt has %s", got)
	}
	if got := r.spec("l", nil, 2).Budget; got != 57*time.Minute {
		t.Errorf("the second attempt has %s", got)
	}
	if got := history(job.Limits{}).spec("l", nil, 1).Budget; got != 0 {
		t.Errorf("without a limit: %s", got)
	}
}

func TestPause(t *testing.T) {
	p := newPause(provider.Poll{Min: time.Second, Max: 8 * time.Second}, func() float64 { return 0.5 })
	var last time.Duration
	for range 20 {
		d := p.next(false)
		if d < last {
			t.Errorf("%s after %s though nothing moved", d, last)
		}
		last = d
	}
	if last != 8*time.Second {
		t.Errorf("the pause grows to %s", last)
	}
	if d := p.next(true); d != time.Second {
		t.Errorf("%s after a change", d)
	}
	low, high := newPause(provider.Poll{Min: time.Second, Max: time.Second}, func() float64 { return 0 }), newPause(provider.Poll{Min: time.Second, Max: time.Second}, func() float64 { return 1 })
	if a, b := low.next(true), high.next(true); a != 800*time.Millisecond || b != 1200*time.Millisecond {
		t.Errorf("jitter spreads to %s and %s", a, b)
	}
}
