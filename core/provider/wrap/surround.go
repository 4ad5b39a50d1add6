package wrap

import (
	"context"
	"iter"

	"github.com/crossbatch/crossbatch/core/provider"
)

// The operations: the methods of a backend that reach its service.
const (
	opInspect  = "inspect"
	opSend     = "send"
	opFind     = "find"
	opDescribe = "describe"
	opList     = "list"
	opCancel   = "cancel"
	opResults  = "results"
	opLogs     = "logs"
	opDelete   = "delete"
)

// call is what a surround knows of the call that it stands around.
type call struct {
	op   string
	role provider.Role // of the request of a send or find; empty elsewhere
}

// start says whether the call starts a native job.
func (c call) start() bool { return c.op == opSend && c.role == provider.Start }

// surround stands around one call. It makes it through do, as often as it
// likes; the error that it returns is the caller's, and of several answers the
// last one counts.
type surround func(ctx context.Context, c call, do func() error) error

// surrounded is a backend with a surround around every call to its service.
type surrounded struct {
	provider.Backend
	around surround
}

func (s *surrounded) Inspect(ctx context.Context) (provider.Facts, error) {
	return answer(ctx, s.around, call{op: opInspect}, func() (provider.Facts, error) { return s.Backend.Inspect(ctx) })
}

func (s *surrounded) Send(ctx context.Context, r provider.Request) (provider.Native, error) {
	return answer(ctx, s.around, call{op: opSend, role: r.Role}, func() (provider.Native, error) { return s.Backend.Send(ctx, r) })
}

func (s *surrounded) Find(ctx context.Context, r provider.Request) (provider.Native, error) {
	return answer(ctx, s.around, call{op: opFind, role: r.Role}, func() (provider.Native, error) { return s.Backend.Find(ctx, r) })
}

func (s *surrounded) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	return answer(ctx, s.around, call{op: opDescribe}, func() (provider.Observation, error) { return s.Backend.Describe(ctx, n) })
}

func (s *surrounded) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return sequence(ctx, s.around, call{op: opList}, func() iter.Seq2[provider.Observation, error] { return s.Backend.List(ctx, q) })
}

func (s *surrounded) Cancel(ctx context.Context, n provider.Native) error {
	return s.around(ctx, call{op: opCancel}, func() error { return s.Backend.Cancel(ctx, n) })
}

func (s *surrounded) Results(ctx context.Context, spec provider.Spec, natives []provider.Native) iter.Seq2[provider.Piece, error] {
	return sequence(ctx, s.around, call{op: opResults}, func() iter.Seq2[provider.Piece, error] { return s.Backend.Results(ctx, spec, natives) })
}

func (s *surrounded) Logs(ctx context.Context, natives []provider.Native, o provider.LogOptions) iter.Seq2[provider.LogLine, error] {
	return sequence(ctx, s.around, call{op: opLogs}, func() iter.Seq2[provider.LogLine, error] { return s.Backend.Logs(ctx, natives, o) })
}

func (s *surrounded) Delete(ctx context.Context, n provider.Native) error {
	return s.around(ctx, call{op: opDelete}, func() error { return s.Backend.Delete(ctx, n) })
}

// answer surrounds a call that answers a value. With an error there is none.
func answer[T any](ctx context.Context, around surround, c call, f func() (T, error)) (T, error) {
	var got T
	err := around(ctx, c, func() (err error) {
		got, err = f()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return got, nil
}

// sequence surrounds the beginning of a sequence: all up to its first value, or
// the error that stands in its place.
func sequence[T any](ctx context.Context, around surround, c call, open func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var first T
		var some bool
		var next func() (T, error, bool)
		stop := func() {}
		defer func() { stop() }()
		err := around(ctx, c, func() (err error) {
			stop() // what an earlier call began
			next, stop = iter.Pull2(open())
			first, err, some = next()
			return err
		})
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for v, err, more := first, error(nil), some; more; v, err, more = next() {
			if !yield(v, err) {
				return
			}
		}
	}
}
