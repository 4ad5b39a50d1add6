package contracttests

import (
	"context"
	"iter"
	"sync"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// call is one call of a backend.
type call struct {
	Op      string // inspect, translate, send, find, describe, list, cancel, results, logs, delete
	Request provider.Request
	Native  provider.Native
	N       int // how many calls of this Op came before
}

// tamper stands between a broker and its backends: it counts calls, and lets an
// invariant lose them or their answers.
type tamper struct {
	// before is called ahead of a call; its error is the answer, and the call is
	// not made.
	before func(call) error
	// after is called behind a call that succeeded; its error replaces the answer.
	after func(call) error
	// failed is told of a call that the backend refused.
	failed func(call)
	// listed changes what a list says of a job; false leaves the job out.
	listed func(provider.Observation) (provider.Observation, bool)

	mu     sync.Mutex
	counts map[string]int
	specs  []provider.Spec
}

// over wraps a factory.
func (m *tamper) over(f broker.Factory) broker.Factory {
	return func(ctx context.Context, b ledger.Block) (provider.Backend, error) {
		be, err := f(ctx, b)
		if err != nil {
			return nil, err
		}
		return &tampered{Backend: be, m: m}, nil
	}
}

// count is how often an operation was called.
func (m *tamper) count(op string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[op]
}

// spec is what was translated last.
func (m *tamper) spec() provider.Spec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.specs[len(m.specs)-1]
}

// forget counts from nothing again.
func (m *tamper) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counts = nil
}

// taken lists the shards of each attempt, as it was translated last.
func (m *tamper) taken() map[int][]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int][]int{}
	for _, s := range m.specs {
		out[s.Attempt] = s.Input.Take
	}
	return out
}

func (m *tamper) enter(c call) (call, error) {
	m.mu.Lock()
	if m.counts == nil {
		m.counts = map[string]int{}
	}
	c.N = m.counts[c.Op]
	m.counts[c.Op]++
	m.mu.Unlock()
	if m.before != nil {
		return c, m.before(c)
	}
	return c, nil
}

func (m *tamper) leave(c call, err error) error {
	switch {
	case err == nil && m.after != nil:
		return m.after(c)
	case err != nil && m.failed != nil:
		m.failed(c)
	}
	return err
}

type tampered struct {
	provider.Backend
	m *tamper
}

// around makes a call that answers one value.
func around[V any](m *tamper, c call, f func() (V, error)) (V, error) {
	var none V
	c, err := m.enter(c)
	if err != nil {
		return none, err
	}
	v, err := f()
	if err := m.leave(c, err); err != nil {
		return none, err
	}
	return v, nil
}

// along makes a call that answers many.
func along[V any](m *tamper, c call, f func() iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var none V
		c, err := m.enter(c)
		if err != nil {
			yield(none, err)
			return
		}
		for v, err := range f() {
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := m.leave(c, nil); err != nil {
			yield(none, err)
		}
	}
}

// retold is a list as listed wants it.
func (m *tamper) retold(list iter.Seq2[provider.Observation, error]) iter.Seq2[provider.Observation, error] {
	if m.listed == nil {
		return list
	}
	return func(yield func(provider.Observation, error) bool) {
		for o, err := range list {
			if err == nil {
				var there bool
				if o, there = m.listed(o); !there {
					continue
				}
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (b *tampered) Inspect(ctx context.Context) (provider.Facts, error) {
	return around(b.m, call{Op: "inspect"}, func() (provider.Facts, error) { return b.Backend.Inspect(ctx) })
}

func (b *tampered) Translate(s provider.Spec) (provider.Translation, error) {
	b.m.mu.Lock()
	b.m.specs = append(b.m.specs, s)
	b.m.mu.Unlock()
	return around(b.m, call{Op: "translate"}, func() (provider.Translation, error) { return b.Backend.Translate(s) })
}

func (b *tampered) Send(ctx context.Context, q provider.Request) (provider.Native, error) {
	return around(b.m, call{Op: "send", Request: q}, func() (provider.Native, error) { return b.Backend.Send(ctx, q) })
}

func (b *tampered) Find(ctx context.Context, q provider.Request) (provider.Native, error) {
	return around(b.m, call{Op: "find", Request: q}, func() (provider.Native, error) { return b.Backend.Find(ctx, q) })
}

func (b *tampered) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	return around(b.m, call{Op: "describe", Native: n}, func() (provider.Observation, error) { return b.Backend.Describe(ctx, n) })
}

func (b *tampered) Cancel(ctx context.Context, n provider.Native) error {
	_, err := around(b.m, call{Op: "cancel", Native: n}, func() (struct{}, error) { return struct{}{}, b.Backend.Cancel(ctx, n) })
	return err
}

func (b *tampered) Delete(ctx context.Context, n provider.Native) error {
	_, err := around(b.m, call{Op: "delete", Native: n}, func() (struct{}, error) { return struct{}{}, b.Backend.Delete(ctx, n) })
	return err
}

func (b *tampered) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return along(b.m, call{Op: "list"}, func() iter.Seq2[provider.Observation, error] { return b.m.retold(b.Backend.List(ctx, q)) })
}

func (b *tampered) Logs(ctx context.Context, ns []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return along(b.m, call{Op: "logs"}, func() iter.Seq2[provider.LogLine, error] { return b.Backend.Logs(ctx, ns, o) })
}

func (b *tampered) Results(ctx context.Context, s provider.Spec, ns []provider.Native) iter.Seq2[provider.Piece, error] {
	return along(b.m, call{Op: "results"}, func() iter.Seq2[provider.Piece, error] { return b.Backend.Results(ctx, s, ns) })
}
