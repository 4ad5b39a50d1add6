package wrap_test

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stub is a backend that counts calls and fails as told.
type stub struct {
	provider.Backend // nil: what is not here is not called
	can              provider.Capabilities

	fail    func(op string, n int) error // n-th call of an operation, from 1; nil: none fails
	yields  int                          // values of every sequence
	cut     error                        // follows the values
	mu      sync.Mutex
	calls   map[string]int
	stopped int // sequences that came to an end
}

func (s *stub) call(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[op]++
	if s.fail == nil {
		return nil
	}
	return s.fail(op, s.calls[op])
}

func (s *stub) made(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

func (s *stub) Capabilities() provider.Capabilities           { return s.can }
func (s *stub) Check(provider.Spec) []provider.Finding        { return nil }
func (s *stub) Code(err error) provider.Code                  { return provider.CodeOf(err) }
func (s *stub) Close() error                                  { return nil }
func (s *stub) Cancel(context.Context, provider.Native) error { return s.call("cancel") }
func (s *stub) Delete(context.Context, provider.Native) error { return s.call("delete") }
func (s *stub) Translate(provider.Spec) (provider.Translation, error) {
	return provider.Translation{}, nil
}

func (s *stub) Inspect(context.Context) (provider.Facts, error) {
	return provider.Facts{Region: "here"}, s.call("inspect")
}

func (s *stub) Send(_ context.Context, r provider.Request) (provider.Native, error) {
	return provider.Native{Request: r.ID}, s.call("send")
}

func (s *stub) Find(_ context.Context, r provider.Request) (provider.Native, error) {
	return provider.Native{Request: r.ID}, s.call("find")
}

func (s *stub) Describe(_ context.Context, n provider.Native) (provider.Observation, error) {
	return provider.Observation{Native: n}, s.call("describe")
}

func (s *stub) List(context.Context, provider.Query) iter.Seq2[provider.Observation, error] {
	return sequence[provider.Observation](s, "list")
}

func (s *stub) Results(context.Context, provider.Spec, []provider.Native) iter.Seq2[provider.Piece, error] {
	return sequence[provider.Piece](s, "results")
}

func (s *stub) Logs(context.Context, []provider.Native, provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return sequence[provider.LogLine](s, "logs")
}

func sequence[T any](s *stub, op string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		defer func() {
			s.mu.Lock()
			s.stopped++
			s.mu.Unlock()
		}()
		var v T
		if err := s.call(op); err != nil {
			yield(v, err)
			return
		}
		for range s.yields {
			if !yield(v, nil) {
				return
			}
		}
		if s.cut != nil {
			yield(v, s.cut)
		}
	}
}

// verbs make one call each; of a sequence they see all of it.
var verbs = map[string]func(context.Context, provider.Backend) error{
	"inspect": func(ctx context.Context, b provider.Backend) error { _, err := b.Inspect(ctx); return err },
	"send":    func(ctx context.Context, b provider.Backend) error { return send(ctx, b, provider.Start) },
	"find": func(ctx context.Context, b provider.Backend) error {
		_, err := b.Find(ctx, provider.Request{})
		return err
	},
	"describe": func(ctx context.Context, b provider.Backend) error {
		_, err := b.Describe(ctx, provider.Native{})
		return err
	},
	"list":   func(ctx context.Context, b provider.Backend) error { return drain(b.List(ctx, provider.Query{})) },
	"cancel": func(ctx context.Context, b provider.Backend) error { return b.Cancel(ctx, provider.Native{}) },
	"results": func(ctx context.Context, b provider.Backend) error {
		return drain(b.Results(ctx, provider.Spec{}, nil))
	},
	"logs": func(ctx context.Context, b provider.Backend) error {
		return drain(b.Logs(ctx, nil, provider.LogOptions{}))
	},
	"delete": func(ctx context.Context, b provider.Backend) error { return b.Delete(ctx, provider.Native{}) },
}

var sequences = []string{"list", "results", "logs"}

func send(ctx context.Context, b provider.Backend, role provider.Role) error {
	_, err := b.Send(ctx, provider.Request{ID: "r", Role: role})
	return err
}

func drain[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// A new method of Backend is surrounded, or named here.
func TestVerbsAreAllThatReachAService(t *testing.T) {
	apart := []string{"Capabilities", "Check", "Translate", "Code", "Close"}
	var reach []string
	for m := range reflect.TypeFor[provider.Backend]().Methods() {
		if !slices.Contains(apart, m.Name) {
			reach = append(reach, m.Name)
		}
	}
	if len(reach) != len(verbs) {
		t.Errorf("methods %v, verbs for %d", reach, len(verbs))
	}
}

// instant is a fake clock on which every wait is over at once, and noted.
type instant struct {
	*clockwork.FakeClock
	mu    sync.Mutex
	waits []time.Duration
}

func newInstant() *instant { return &instant{FakeClock: clockwork.NewFakeClock()} }

func (c *instant) NewTimer(d time.Duration) clockwork.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = append(c.waits, d)
	timer := c.FakeClock.NewTimer(d)
	c.Advance(d)
	return timer
}

// always fails with err, the first n times.
func always(err error, n int) func(string, int) error {
	return func(_ string, call int) error {
		if call <= n {
			return err
		}
		return nil
	}
}
