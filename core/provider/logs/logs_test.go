package logs_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/logs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// script is a log that holds more each time it is read, and whose job is over at the
// last.
type script struct {
	rounds [][]logs.Entry
	round  int
	since  []time.Time
	broken error // of the first entry
}

func (s *script) Over(context.Context) (bool, error) {
	s.round++
	return s.round >= len(s.rounds), nil
}

func (s *script) Entries(_ context.Context, since time.Time) iter.Seq2[logs.Entry, error] {
	s.since = append(s.since, since)
	return func(yield func(logs.Entry, error) bool) {
		if s.broken != nil {
			yield(logs.Entry{}, s.broken)
			return
		}
		for _, round := range s.rounds[:s.round] {
			for _, e := range round {
				if !e.Time.Before(since) && !yield(e, nil) {
					return
				}
			}
		}
	}
}

// eager does not wait.
type eager struct{ clockwork.Clock }

func (e eager) After(time.Duration) <-chan time.Time { return e.Clock.After(0) }

func read(ctx context.Context, o provider.LogOptions, of ...*script) (lines []string, err error) {
	var natives []provider.Native
	for part := range of {
		natives = append(natives, provider.Native{Part: part})
	}
	for line, err := range logs.Read(ctx, eager{clockwork.NewRealClock()}, natives, o, func(n provider.Native) logs.Log { return of[n.Part] }) {
		if err != nil {
			return lines, err
		}
		lines = append(lines, fmt.Sprintf("%d %s %s", line.Part, line.Time.Sub(noon), line.Text))
	}
	return lines, nil
}

func TestRead(t *testing.T) {
	first := func() *script {
		return &script{rounds: [][]logs.Entry{
			{{"a", noon, "one\r\ntwo\n"}, {"b", noon.Add(90 * time.Second), "three"}},
			{{"c", noon.Add(40 * time.Second), "late"}, {"d", noon.Add(20 * time.Second), "too late"}},
			{{"e", noon.Add(2 * time.Minute), ""}},
		}}
	}
	second := func() *script { return &script{rounds: [][]logs.Entry{{{"a", noon, "another"}}}} }
	for name, c := range map[string]struct {
		o    provider.LogOptions
		want []string
	}{
		"once":             {provider.LogOptions{}, []string{"0 0s one", "0 0s two", "0 1m30s three", "1 0s another"}},
		"the end":          {provider.LogOptions{Tail: 2}, []string{"0 0s two", "0 1m30s three", "1 0s another"}},
		"followed":         {provider.LogOptions{Follow: true}, []string{"0 0s one", "0 0s two", "0 1m30s three", "0 40s late", "0 2m0s ", "1 0s another"}},
		"from the end on":  {provider.LogOptions{Follow: true, Tail: 1}, []string{"0 1m30s three", "0 40s late", "0 2m0s ", "1 0s another"}},
		"more than is had": {provider.LogOptions{Tail: 9}, []string{"0 0s one", "0 0s two", "0 1m30s three", "1 0s another"}},
	} {
		s := first()
		got, err := read(t.Context(), c.o, s, second())
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.o.Follow && (len(s.since) != 3 || !s.since[0].IsZero() || !s.since[1].Equal(noon.Add(30*time.Second))) {
			t.Errorf("%s: asked for what came since %v", name, s.since)
		}
	}
}

func TestReadEnds(t *testing.T) {
	broken := errors.New("broken")
	if got, err := read(t.Context(), provider.LogOptions{Follow: true}, &script{rounds: make([][]logs.Entry, 2), broken: broken}); !errors.Is(err, broken) || got != nil {
		t.Errorf("%q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	endless := &script{rounds: make([][]logs.Entry, 1000)}
	clock := clockwork.NewFakeClock()
	for _, err := range logs.Read(ctx, clock, make([]provider.Native, 2), provider.LogOptions{Follow: true}, func(provider.Native) logs.Log { return endless }) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if endless.round != 1 {
		t.Errorf("read %d times", endless.round)
	}
	many := &script{rounds: [][]logs.Entry{{{"a", noon, "1\n2\n3"}}}}
	for line, err := range logs.Read(t.Context(), clock, make([]provider.Native, 2), provider.LogOptions{}, func(provider.Native) logs.Log { return many }) {
		if err != nil {
			t.Error(err)
		}
		if line.Text == "2" {
			break
		}
	}
	if many.round != 1 {
		t.Errorf("read %d times", many.round)
	}
}

// What is remembered of a long log is what may come again.
func TestLongLog(t *testing.T) {
	s := &script{rounds: make([][]logs.Entry, 3)}
	for i := range 30_000 {
		s.rounds[0] = append(s.rounds[0], logs.Entry{ID: fmt.Sprint(i), Time: noon.Add(time.Duration(i) * 10 * time.Millisecond), Text: "x"})
	}
	got, err := read(t.Context(), provider.LogOptions{Follow: true}, s)
	if err != nil || len(got) != 30_000 {
		t.Errorf("%d lines, %v", len(got), err)
	}
}
