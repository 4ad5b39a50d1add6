package provider_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
)

// onTheWay are the states before the end, in order.
var onTheWay = []provider.State{provider.Queued, provider.Preparing, provider.Running, provider.Cancelling}

var ends = []provider.State{provider.Succeeded, provider.Failed, provider.Cancelled}

var states = slices.Concat(onTheWay, ends)

// level orders states: the ends are one level.
func level(s provider.State) int {
	if slices.Contains(ends, s) {
		return len(onTheWay)
	}
	return slices.Index(onTheWay, s)
}

func TestTerminalIsTheEnd(t *testing.T) {
	for _, s := range append(states, "", "weird") {
		if s.Terminal() != slices.Contains(ends, s) {
			t.Errorf("%q: %t", s, s.Terminal())
		}
	}
}

func TestClampGoesForwardsOnly(t *testing.T) {
	for _, s := range states {
		for _, next := range states {
			got := s.Clamp(next)
			want := s
			if !s.Terminal() && level(next) >= level(s) {
				want = next
			}
			if got != want {
				t.Errorf("%s then %s: %s, want %s", s, next, got, want)
			}
		}
		if got := provider.State("").Clamp(s); got != s {
			t.Errorf("first %s: %s", s, got)
		}
		for _, none := range []provider.State{"", "weird"} {
			if got := s.Clamp(none); got != s {
				t.Errorf("%s then %q: %s", s, none, got)
			}
		}
	}
}

func TestClampOverAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := rapid.SliceOf(rapid.SampledFrom(append(slices.Clone(states), "", "weird"))).Draw(t, "seen")
		var now provider.State
		for _, next := range seen {
			before := now
			now = now.Clamp(next)
			if level(now) < level(before) || before.Terminal() && now != before {
				t.Fatalf("from %q to %q", before, now)
			}
			if now != before && now != next {
				t.Fatalf("%q out of %q and %q", now, before, next)
			}
		}
	})
}

// wantFold is the rule as the documentation says it.
func wantFold(parts []provider.State) provider.State {
	for _, live := range onTheWay {
		if slices.Contains(parts, live) {
			return live
		}
	}
	for _, end := range []provider.State{provider.Failed, provider.Cancelled} {
		if slices.Contains(parts, end) {
			return end
		}
	}
	if len(parts) == 0 {
		return provider.Queued
	}
	return provider.Succeeded
}

func TestFoldOfUpToFourParts(t *testing.T) {
	var try func(parts []provider.State)
	try = func(parts []provider.State) {
		if got, want := provider.Fold(parts), wantFold(parts); got != want {
			t.Errorf("%v: %s, want %s", parts, got, want)
		}
		if len(parts) == 4 {
			return
		}
		for _, s := range states {
			try(append(slices.Clone(parts), s))
		}
	}
	try(nil)
}

func TestFoldOfManyParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(states), 1, 50).Draw(t, "parts")
		got := provider.Fold(parts)
		if got != wantFold(parts) {
			t.Fatalf("%v: %s", parts, got)
		}
		if shuffled := rapid.Permutation(parts).Draw(t, "shuffled"); provider.Fold(shuffled) != got {
			t.Fatalf("the order of parts matters: %v", shuffled)
		}
		if twice := provider.Fold([]provider.State{got, provider.Fold(parts)}); twice != got {
			t.Fatalf("%s folded again is %s", got, twice)
		}
	})
}

func TestFoldKeepsGoingWhileAnythingIsUnknown(t *testing.T) {
	for _, none := range []provider.State{"", "weird"} {
		for _, other := range states {
			if got := provider.Fold([]provider.State{other, none}); got != provider.Queued {
				t.Errorf("%s and %q: %s", other, none, got)
			}
		}
	}
}
