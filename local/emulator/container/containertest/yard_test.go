package containertest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// one is a service whose only job runs until its container dies.
type one struct{ over atomic.Bool }

func (o *one) Describe(context.Context, provider.Native) (provider.Observation, error) {
	if o.over.Load() {
		return provider.Observation{State: provider.Failed}, nil
	}
	return provider.Observation{State: provider.Running}, nil
}

func (o *one) Jobs(context.Context) (all, running int, err error) {
	if o.over.Load() {
		return 1, 0, nil
	}
	return 1, 1, nil
}

// A container answers what it may, stands still, goes on when it is let, and dies
// while it stands. What is no prediction is answered all the time.
func TestHoldAndKill(t *testing.T) {
	job := &one{}
	y := New(t, job, nil)
	b := &box{yard: y, predict: "/predict", dead: make(chan struct{}), score: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})}
	y.running[b] = true
	s := httptest.NewServer(b)
	defer s.Close()
	post := func(route string) (string, error) {
		resp, err := s.Client().Post(s.URL+route, "text/plain", strings.NewReader("x"))
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	y.Hold(1)
	if text, err := post("/predict"); text != "x" || err != nil {
		t.Fatalf("%q, %v", text, err)
	}
	answers := make(chan error)
	ask := func() {
		_, err := post("/predict")
		answers <- err
	}
	n := provider.Native{Name: "it"}
	stands := func() {
		t.Helper()
		if err := y.Standing(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if text, err := post("/ping"); text != "x" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	}
	go ask()
	stands()
	y.Hold(2)
	if err := <-answers; err != nil {
		t.Error(err)
	}
	go ask()
	stands()
	go func() {
		err := <-answers
		job.over.Store(true)
		answers <- err
	}()
	if err := y.Kill(t.Context(), n); err != nil {
		t.Error(err)
	}
	if err := <-answers; err == nil {
		t.Error("a container that was killed answered")
	}
	if err := y.Standing(t.Context(), n); err == nil {
		t.Error("a job that is over stands still")
	}
	if all, err := y.Count(t.Context()); all != 1 || err != nil {
		t.Errorf("%d, %v", all, err)
	}
}

func TestPollEnds(t *testing.T) {
	broken := errors.New("broken")
	if err := Poll(t.Context(), func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Poll(ctx, func() (bool, error) { return false, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestGate(t *testing.T) {
	g := NewGate()
	s := httptest.NewServer(g.Before(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer s.Close()
	gone, leave := context.WithCancel(t.Context())
	ask := func(ctx context.Context) (string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader("x"))
		if err != nil {
			return "", err
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	left := make(chan error)
	go func() {
		_, err := ask(gone)
		left <- err
	}()
	<-g.Held()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	g.Open()
	g.Open()
	if text, err := ask(t.Context()); text != "x" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
