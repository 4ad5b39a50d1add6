package wrap_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/wrap"
)

// all puts every wrapper around a backend, none of which has anything to do.
func all(b provider.Backend) provider.Backend {
	return wrap.Retry(wrap.Limit(wrap.Faults(b, wrap.Plan{}), newInstant()), policy, newInstant(), half)
}

func TestAnswersPassThrough(t *testing.T) {
	s := &stub{can: provider.Capabilities{Rate: provider.Rate{PerSecond: 5}}}
	b := all(s)
	if diff := cmp.Diff(s.can, b.Capabilities()); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	if f, err := b.Inspect(t.Context()); err != nil || f.Region != "here" {
		t.Errorf("%v, %v", f, err)
	}
	if n, err := b.Send(t.Context(), provider.Request{ID: "x"}); err != nil || n.Request != "x" {
		t.Errorf("%v, %v", n, err)
	}
	if o, err := b.Describe(t.Context(), provider.Native{ID: "y"}); err != nil || o.Native.ID != "y" {
		t.Errorf("%v, %v", o, err)
	}
	if got := b.Code(provider.NotFound); got != provider.NotFound {
		t.Errorf("code %s", got)
	}
}

func TestNoAnswerComesWithAnError(t *testing.T) {
	b := all(&stub{fail: always(provider.NotFound, 1)})
	if n, err := b.Send(t.Context(), provider.Request{ID: "x"}); !errors.Is(err, provider.NotFound) || n.Request != "" {
		t.Errorf("%v, %v", n, err)
	}
}

func TestSequencesPassThrough(t *testing.T) {
	for _, yields := range []int{0, 1, 5} {
		for _, cut := range []error{nil, provider.NotFound} {
			s := &stub{yields: yields, cut: cut}
			seq := all(s).List(t.Context(), provider.Query{})
			for range 2 { // a sequence may be read again
				values, got := 0, error(nil)
				for _, err := range seq {
					if err != nil {
						got = err
						continue
					}
					values++
				}
				if values != yields || !errors.Is(got, cut) {
					t.Errorf("%d values and %v, want %d and %v", values, got, yields, cut)
				}
			}
			if s.stopped != 2 {
				t.Errorf("%d sequences ended", s.stopped)
			}
		}
	}
}

func TestSequencesAreLazyAndStopEarly(t *testing.T) {
	s := &stub{yields: 5}
	seq := all(s).Logs(t.Context(), nil, provider.LogOptions{})
	if s.made("logs") != 0 {
		t.Error("nobody has read yet")
	}
	for stopAt := 1; stopAt <= 5; stopAt++ {
		n := 0
		for _, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == stopAt {
				break
			}
		}
		if s.stopped != stopAt {
			t.Errorf("%d of %d ended", s.stopped, stopAt)
		}
	}
}
