package wrap_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/wrap"
)

var policy = wrap.Policy{Attempts: 4, Base: time.Second, Max: 3 * time.Second}

// nearly is the most that jitter gives, but for what no clock can tell.
func nearly() float64 { return 1 - 1e-12 }

func half() float64 { return 0.5 }

func TestRetryMakesRefusedCallsAgain(t *testing.T) {
	for op, do := range verbs {
		for _, code := range []provider.Code{provider.Throttled, provider.Unavailable} {
			s := &stub{fail: always(code, 3), yields: 2}
			if err := do(t.Context(), wrap.Retry(s, policy, newInstant(), half)); err != nil {
				t.Errorf("%s, %s: %v", op, code, err)
			}
			if s.made(op) != 4 {
				t.Errorf("%s, %s: %d calls", op, code, s.made(op))
			}
		}
	}
}

func TestRetryGivesUp(t *testing.T) {
	last := provider.Errorf(provider.Unavailable, "down")
	for op, do := range verbs {
		for attempts, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 5: 5} {
			s := &stub{fail: always(last, math.MaxInt)}
			p := wrap.Policy{Attempts: attempts, Base: time.Second}
			if err := do(t.Context(), wrap.Retry(s, p, newInstant(), half)); !errors.Is(err, last) {
				t.Errorf("%s: %v", op, err)
			}
			if s.made(op) != want {
				t.Errorf("%s with %d attempts: %d calls", op, attempts, s.made(op))
			}
		}
	}
}

func TestRetryMakesNothingElseAgain(t *testing.T) {
	other := []error{errors.New("no code"), provider.ErrClosed, context.Canceled}
	for _, code := range provider.Codes() {
		if !code.Resend() {
			other = append(other, code)
		}
	}
	for op, do := range verbs {
		for _, want := range other {
			s := &stub{fail: always(want, 1)}
			if err := do(t.Context(), wrap.Retry(s, policy, newInstant(), half)); !errors.Is(err, want) || s.made(op) != 1 {
				t.Errorf("%s, %v: %v after %d calls", op, want, err, s.made(op))
			}
		}
	}
}

func TestRetryStartsOnceWithoutAKey(t *testing.T) {
	for _, guarantee := range []provider.Guarantee{provider.Named, provider.Token, provider.Lookup} {
		for _, role := range []provider.Role{provider.Start, provider.Ensure} {
			s := &stub{can: provider.Capabilities{Guarantee: guarantee}, fail: always(provider.Unavailable, 1)}
			err := send(t.Context(), wrap.Retry(s, policy, newInstant(), half), role)
			once := guarantee == provider.Lookup && role == provider.Start
			if (err != nil) != once || (s.made("send") == 1) != once {
				t.Errorf("%s, %s: %v after %d calls", guarantee, role, err, s.made("send"))
			}
		}
	}
	s := &stub{can: provider.Capabilities{Guarantee: provider.Lookup}, fail: always(provider.Unavailable, 1)}
	_, err := wrap.Retry(s, policy, newInstant(), half).Find(t.Context(), provider.Request{Role: provider.Start})
	if err != nil || s.made("find") != 2 {
		t.Errorf("finding a start: %v after %d calls", err, s.made("find"))
	}
}

func TestRetryBeginsNoSequenceAgainThatHasYielded(t *testing.T) {
	for _, op := range sequences {
		s := &stub{yields: 1, cut: provider.Unavailable}
		err := verbs[op](t.Context(), wrap.Retry(s, policy, newInstant(), half))
		if !errors.Is(err, provider.Unavailable) || s.made(op) != 1 {
			t.Errorf("%s: %v after %d calls", op, err, s.made(op))
		}
		s = &stub{cut: provider.Unavailable}
		err = verbs[op](t.Context(), wrap.Retry(s, policy, newInstant(), half))
		if !errors.Is(err, provider.Unavailable) || s.made(op) != policy.Attempts || s.stopped != policy.Attempts {
			t.Errorf("%s without a value: %v after %d calls, %d ended", op, err, s.made(op), s.stopped)
		}
	}
}

func TestRetryWaitsLongerAndLonger(t *testing.T) {
	for name, tt := range map[string]struct {
		jitter func() float64
		err    error
		want   []time.Duration
	}{
		"up to the bound": {nearly, provider.Throttled, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}},
		"half":            {half, provider.Throttled, []time.Duration{500 * time.Millisecond, time.Second, 1500 * time.Millisecond}},
		"not at all":      {func() float64 { return 0 }, provider.Throttled, nil},
		"no less than told": {half, &provider.Error{Code: provider.Throttled, RetryAfter: 1200 * time.Millisecond},
			[]time.Duration{1200 * time.Millisecond, 1200 * time.Millisecond, 1500 * time.Millisecond}},
		"more than the bound when told": {half, &provider.Error{Code: provider.Unavailable, RetryAfter: time.Hour},
			[]time.Duration{time.Hour, time.Hour, time.Hour}},
	} {
		clock := newInstant()
		_ = verbs["describe"](t.Context(), wrap.Retry(&stub{fail: always(tt.err, 9)}, policy, clock, tt.jitter))
		var got []time.Duration
		for _, w := range clock.waits {
			got = append(got, w.Round(time.Microsecond))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRetryWaitsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := wrap.Policy{
			Attempts: rapid.IntRange(1, 80).Draw(t, "attempts"),
			Base:     time.Duration(rapid.Int64Min(0).Draw(t, "base")),
			Max:      time.Duration(rapid.Int64Min(0).Draw(t, "max")),
		}
		jitter := rapid.Float64Range(0, 0.99).Draw(t, "jitter")
		told := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "told"))
		clock := newInstant()
		s := &stub{fail: always(&provider.Error{Code: provider.Throttled, RetryAfter: told}, math.MaxInt)}
		_ = verbs["find"](t.Context(), wrap.Retry(s, p, clock, func() float64 { return jitter }))
		if s.made("find") != p.Attempts {
			t.Fatalf("%d calls", s.made("find"))
		}
		bound := p.Max
		if bound == 0 {
			bound = p.Base
		}
		if !slices.IsSorted(clock.waits) {
			t.Fatalf("waits shrink: %v", clock.waits)
		}
		for _, w := range clock.waits {
			if w < told || w > max(bound, told) {
				t.Fatalf("a wait of %s, told %s, bound %s", w, told, bound)
			}
		}
	})
}

func TestRetryStopsWhenTheCallerIsGone(t *testing.T) {
	for op, do := range verbs {
		ctx, cancel := context.WithCancel(t.Context())
		clock := clockwork.NewFakeClock()
		s := &stub{fail: always(provider.Throttled, 9)}
		done := make(chan error, 1)
		go func() { done <- do(ctx, wrap.Retry(s, policy, clock, half)) }()
		if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || !errors.Is(err, provider.Throttled) {
			t.Errorf("%s: %v", op, err)
		}
		if s.made(op) != 1 {
			t.Errorf("%s: %d calls", op, s.made(op))
		}
	}
}

func TestRetryMakesNoCallAfterTheCallerIsGone(t *testing.T) {
	for op, do := range verbs {
		ctx, cancel := context.WithCancel(t.Context())
		s := &stub{fail: func(string, int) error { cancel(); return provider.Unavailable }}
		if err := do(ctx, wrap.Retry(s, policy, newInstant(), half)); err == nil || s.made(op) != 1 {
			t.Errorf("%s: %v after %d calls", op, err, s.made(op))
		}
	}
}
