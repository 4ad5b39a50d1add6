package wrap_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/wrap"
)

func limited(perSecond float64, burst int) *stub {
	return &stub{can: provider.Capabilities{Rate: provider.Rate{PerSecond: perSecond, Burst: burst}}}
}

func TestLimitKeepsToTheRate(t *testing.T) {
	for op, do := range verbs {
		s, clock := limited(2, 3), newInstant()
		b, begin := wrap.Limit(s, clock), clock.Now()
		for range 9 {
			if err := do(t.Context(), b); err != nil {
				t.Fatalf("%s: %v", op, err)
			}
		}
		if took := clock.Since(begin); took != 3*time.Second || s.made(op) != 9 {
			t.Errorf("%s: %d calls in %s, want 3 at once and 6 at two a second", op, s.made(op), took)
		}
	}
}

func TestLimitKeepsStartsToTheirOwnRate(t *testing.T) {
	s, clock := limited(10, 10), newInstant()
	s.can.Starts = provider.Rate{PerSecond: 1, Burst: 2}
	b, begin := wrap.Limit(s, clock), clock.Now()
	for range 5 {
		if _, err := b.Send(t.Context(), provider.Request{Role: provider.Start}); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Since(begin); took != 3*time.Second {
		t.Errorf("five starts took %s, want two at once and three at one a second", took)
	}
	begin = clock.Now()
	for range 9 {
		if _, err := b.Send(t.Context(), provider.Request{Role: provider.Ensure}); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Since(begin); took != 0 {
		t.Errorf("nine ensures took %s", took)
	}
}

func TestLimitWithoutABurstMakesOneCallAtATime(t *testing.T) {
	clock := newInstant()
	b, begin := wrap.Limit(limited(1, 0), clock), clock.Now()
	for range 4 {
		if err := verbs["find"](t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if took := clock.Since(begin); took != 3*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestLimitWithoutARateIsNone(t *testing.T) {
	s := limited(0, 5)
	if b := wrap.Limit(s, newInstant()); b != provider.Backend(s) {
		t.Errorf("%T", b)
	}
}

func TestLimitHoldsForAllCallersTogether(t *testing.T) {
	s, clock := limited(1, 1), clockwork.NewFakeClock()
	b := wrap.Limit(s, clock)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := verbs["describe"](t.Context(), b); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting := 4; waiting > 0; waiting-- {
		if err := clock.BlockUntilContext(t.Context(), waiting); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Second)
	}
	all.Wait()
	if s.made("describe") != 5 {
		t.Errorf("%d calls", s.made("describe"))
	}
}

func TestLimitGivesTheTurnBackWhenTheCallerIsGone(t *testing.T) {
	s, clock := limited(1, 1), clockwork.NewFakeClock()
	b := wrap.Limit(s, clock)
	if err := verbs["find"](t.Context(), b); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- verbs["find"](ctx, b) }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := verbs["find"](ctx, b); !errors.Is(err, context.Canceled) || s.made("find") != 1 {
		t.Errorf("%v after %d calls", err, s.made("find"))
	}
	clock.Advance(time.Second) // one turn, which nobody has taken
	if err := verbs["find"](t.Context(), b); err != nil || s.made("find") != 2 {
		t.Errorf("%v after %d calls", err, s.made("find"))
	}
}

func TestLimitTurnsAwayWhoWouldWaitTooLong(t *testing.T) {
	s, clock := limited(0.01, 1), newInstant() // a call in 100 seconds
	b := wrap.Limit(s, clock)
	if err := verbs["list"](t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var e *provider.Error
		err := verbs["list"](t.Context(), b)
		if !errors.As(err, &e) || e.Code != provider.Throttled || e.RetryAfter != 100*time.Second {
			t.Errorf("%v", err)
		}
	}
	if s.made("list") != 1 || len(clock.waits) != 0 {
		t.Errorf("%d calls, waits %v", s.made("list"), clock.waits)
	}
	if err := send(t.Context(), b, provider.Start); err != nil || s.made("send") != 1 || clock.waits[0] != 100*time.Second {
		t.Errorf("a start: %v, waits %v", err, clock.waits)
	}
}

func TestLimitCountsWhatIsSentAgain(t *testing.T) {
	s, clock := limited(1, 1), newInstant()
	s.fail = always(provider.Throttled, 2)
	begin := clock.Now()
	b := wrap.Retry(wrap.Limit(s, clock), policy, clock, func() float64 { return 0 })
	if err := verbs["cancel"](t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if took := clock.Since(begin); took != 2*time.Second || s.made("cancel") != 3 {
		t.Errorf("%d calls in %s", s.made("cancel"), took)
	}
}
