package wrap_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/wrap"
)

// plan reads a plan of a test.
func plan(t *testing.T, spec string) wrap.Plan {
	t.Helper()
	p, err := wrap.ParsePlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFaultsBefallTheCallTheyName(t *testing.T) {
	for op, do := range verbs {
		for fault, tt := range map[string]struct {
			code provider.Code
			made int // of three calls, the second of which meets the fault
		}{
			"throttle":    {provider.Throttled, 2},
			"unavailable": {provider.Unavailable, 2},
			"lost":        {provider.Unavailable, 3},
		} {
			s := &stub{yields: 2}
			b := wrap.Faults(s, plan(t, op+":"+fault+":2"))
			for n := 1; n <= 3; n++ {
				err := do(t.Context(), b)
				if n != 2 {
					if err != nil {
						t.Errorf("%s:%s, call %d: %v", op, fault, n, err)
					}
					continue
				}
				if !errors.Is(err, wrap.ErrInjected) || b.Code(err) != tt.code {
					t.Errorf("%s:%s: %v, %s", op, fault, err, b.Code(err))
				}
			}
			if s.made(op) != tt.made {
				t.Errorf("%s:%s: %d calls reached the backend", op, fault, s.made(op))
			}
		}
	}
}

func TestFaultsLeaveOtherCallsAlone(t *testing.T) {
	for op := range verbs {
		s := &stub{}
		b := wrap.Faults(s, plan(t, op+":unavailable:1.0"))
		for other, do := range verbs {
			if err := do(t.Context(), b); (err != nil) != (other == op) {
				t.Errorf("%s under a fault of %s: %v", other, op, err)
			}
		}
	}
}

func TestFaultsTellRolesApart(t *testing.T) {
	for spec, want := range map[string][2]bool{ // of an ensure, of a start
		"send:throttle:1.0":   {true, true},
		"ensure:throttle:1.0": {true, false},
		"start:throttle:1.0":  {false, true},
		"*:throttle:1.0":      {true, true},
		"start:capacity:1":    {false, true},
		"send:capacity:1":     {false, true}, // an ensure is no call that it is about
		"*:capacity:1":        {false, true},
	} {
		b := wrap.Faults(&stub{}, plan(t, spec))
		ensure, start := send(t.Context(), b, provider.Ensure), send(t.Context(), b, provider.Start)
		if diff := cmp.Diff(want, [2]bool{ensure != nil, start != nil}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
	b := wrap.Faults(&stub{}, plan(t, "start:capacity:1"))
	if err := send(t.Context(), b, provider.Start); b.Code(err) != provider.NoCapacity {
		t.Errorf("%v", err)
	}
	if err := verbs["find"](t.Context(), wrap.Faults(&stub{}, plan(t, "*:capacity:1.0"))); err != nil {
		t.Errorf("no capacity to find with: %v", err)
	}
}

func TestFaultsByChanceAreTheSameEveryTime(t *testing.T) {
	fates := func(spec string) (all []bool, hit int) {
		b := wrap.Faults(&stub{}, plan(t, spec))
		for range 400 {
			failed := verbs["describe"](t.Context(), b) != nil
			if all = append(all, failed); failed {
				hit++
			}
		}
		return all, hit
	}
	one, hit := fates("describe:throttle:0.25,seed:7")
	if two, _ := fates("describe:throttle:0.25,seed:7"); !cmp.Equal(one, two) {
		t.Error("one seed, two fates")
	}
	if other, _ := fates("describe:throttle:0.25,seed:8"); cmp.Equal(one, other) {
		t.Error("two seeds, one fate")
	}
	if hit < 60 || hit > 140 { // 100 are due; the seed is fixed, so this holds or never does
		t.Errorf("%d of 400 at 0.25", hit)
	}
	if _, hit := fates("describe:throttle:0.0"); hit != 0 {
		t.Errorf("%d of 400 at 0", hit)
	}
	if _, hit := fates("describe:throttle:1.0"); hit != 400 {
		t.Errorf("%d of 400 at 1", hit)
	}
}

func TestFaultsOfConcurrentCallsAreAsMany(t *testing.T) {
	count := func(concurrent bool) (hit int) {
		b := wrap.Faults(&stub{}, plan(t, "find:unavailable:0.5,find:throttle:17,seed:3"))
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 100 {
			one := func() {
				if verbs["find"](t.Context(), b) != nil {
					mu.Lock()
					hit++
					mu.Unlock()
				}
			}
			if concurrent {
				all.Go(one)
			} else {
				one()
			}
		}
		all.Wait()
		return hit
	}
	if one, other := count(false), count(true); one != other {
		t.Errorf("%d in turn, %d at once", one, other)
	}
}

func TestDelaysAddUpAndTheFirstFaultHolds(t *testing.T) {
	p := plan(t, "*:delay=2s:1.0,find:throttle=9s:2,find:delay=1s:2,*:unavailable:2")
	clock := newInstant()
	p.Clock = clock
	s := &stub{}
	b := wrap.Faults(s, p)
	if err := verbs["find"](t.Context(), b); err != nil {
		t.Error(err)
	}
	var e *provider.Error
	if err := verbs["find"](t.Context(), b); !errors.As(err, &e) || e.Code != provider.Throttled || e.RetryAfter != 9*time.Second {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff([]time.Duration{2 * time.Second, 3 * time.Second}, clock.waits); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
}

func TestADelayEndsWithItsCaller(t *testing.T) {
	p := plan(t, "send:delay=1h:1")
	clock := clockwork.NewFakeClock()
	p.Clock = clock
	s := &stub{}
	b := wrap.Faults(s, p)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- send(ctx, b, provider.Start) }()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || s.made("send") != 0 {
		t.Errorf("%v after %d calls", err, s.made("send"))
	}
}

func TestACallerThatIsGoneHearsOfNoFault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, do := range verbs {
		s := &stub{}
		err := do(ctx, wrap.Faults(s, plan(t, "*:lost:1.0")))
		if !errors.Is(err, context.Canceled) || s.made(op) != 0 {
			t.Errorf("%s: %v after %d calls", op, err, s.made(op))
		}
	}
}

// deaf is a backend that knows no error but its own.
type deaf struct{ *stub }

func (deaf) Code(error) provider.Code { return provider.Internal }

func TestFaultsHaveTheirCodeOnAnyBackend(t *testing.T) {
	b := wrap.Retry(wrap.Faults(deaf{&stub{}}, plan(t, "find:unavailable:1")), policy, newInstant(), half)
	if err := verbs["find"](t.Context(), b); err != nil {
		t.Error(err)
	}
	if got := b.Code(provider.NotFound); got != provider.Internal {
		t.Errorf("the backend's own errors: %s", got)
	}
}

func TestFaultsAndRetryGetAlong(t *testing.T) {
	for op, do := range verbs {
		s := &stub{yields: 3}
		b := wrap.Retry(wrap.Faults(s, plan(t, op+":throttle:1,"+op+":lost:2,"+op+":unavailable:3")), policy, newInstant(), half)
		if err := do(t.Context(), b); err != nil || s.made(op) != 2 {
			t.Errorf("%s: %v after %d calls", op, err, s.made(op))
		}
	}
}
