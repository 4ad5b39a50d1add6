package contracttests

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// harness makes fakes of some traits.
func harness(tr traits) Harness {
	idle := tr
	idle.idle = true
	return Harness{Name: "fake", New: setup(tr), Idle: setup(idle), Fleet: 130}
}

func setup(tr traits) func(t T) Setup {
	return func(t T) Setup {
		clock := clockwork.NewFakeClock()
		s := &service{traits: tr, t: t, clock: clock, owned: map[string]bool{}, hold: -1, kept: map[string]provider.Translation{}}
		turn(t, clock)
		return Setup{
			Block:   ledger.Block{Kind: "fake", Alias: "one", Config: []byte("{}")},
			Backend: func(context.Context, ledger.Block) (provider.Backend, error) { return &fake{s: s}, nil },
			Clock:   clock, Jobs: s, Calls: s.countCalls, Page: s.page, Secret: fakeSecret,
		}
	}
}

// turn lets time pass whenever somebody waits for it.
func turn(t T, clock *clockwork.FakeClock) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for clock.BlockUntilContext(ctx, 1) == nil {
			clock.Advance(50 * time.Millisecond)
			runtime.Gosched()
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

// variants are services of all kinds.
func variants() map[string]traits {
	return map[string]traits{
		"named, lines":           {guarantee: provider.Named, parts: 1, keeps: true, page: 100},
		"named, parts of two":    {guarantee: provider.Named, parts: 2, keeps: true, whole: true, page: 20},
		"token, ensures, three":  {guarantee: provider.Token, parts: 3, ensures: true, page: 100},
		"lookup, seen late":      {guarantee: provider.Lookup, visibility: 20 * time.Second, parts: 1, keeps: true, page: 100},
		"lookup, ensures, two":   {guarantee: provider.Lookup, visibility: 5 * time.Second, parts: 2, ensures: true, whole: true, page: 10},
		"token, loses on cancel": {guarantee: provider.Token, parts: 1, page: 10},
		"named, ensures, three":  {guarantee: provider.Named, parts: 3, ensures: true, whole: true, keeps: true, page: 100},
	}
}

// TestSuite runs the suite over fakes that keep every promise.
func TestSuite(t *testing.T) {
	for name, tr := range variants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Run(t, harness(tr))
		})
	}
}

// recorder is a T whose failures are noted.
type recorder struct {
	*testing.T
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

// failures runs an invariant and tells what failed.
func failures(t *testing.T, inv Invariant, h Harness) []string {
	r := &recorder{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		inv.Run(r, h)
	}()
	<-done
	return r.failures
}
