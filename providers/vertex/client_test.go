package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc/codes"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	emulator "github.com/crossbatch/crossbatch/local/emulator/vertex"
)

// made is what a job answered, by shard.
func made(t *testing.T, b *Backend, s provider.Spec, n provider.Native) map[int]string {
	t.Helper()
	out := map[int]string{}
	for p, err := range b.Results(t.Context(), s, []provider.Native{n}) {
		if err != nil {
			t.Fatal(err)
		}
		out[p.Shard] = text(t, p)
	}
	return out
}

func TestAJobFromStartToResults(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			b, s := w.backend(w.config()), plain(t)
			w.feed(s)
			facts, err := b.Inspect(t.Context())
			if err != nil || facts.Account != testProject || facts.Region != testLocation {
				t.Errorf("%+v, %v", facts, err)
			}
			n := w.start(b, s)
			// The service names jobs itself, and says the project's number.
			if !strings.HasPrefix(n.ID, "projects/123456789012/locations/europe-west4/batchPredictionJobs/") || n.Name != "cb-churn-eu-0123456789abcdef0123-a1" || n.Request != jobID || n.Parts != 1 {
				t.Errorf("%+v", n)
			}
			o := w.ended(b, n)
			if o.State != provider.Succeeded || o.Code != provider.OK || o.Started.IsZero() || o.Ended.IsZero() || o.Progress == nil || o.Progress.Counts.OK != 9 {
				t.Errorf("%+v %+v", o, o.Progress)
			}
			got := made(t, b, s, n)
			if len(got) != 2 || strings.Count(got[0], "\n") != 5 || strings.Count(got[1], "\n") != 4 || !strings.HasPrefix(got[1], `{"_cb":"1:0","key":null,"prediction":{"y":`) {
				t.Errorf("%v", got)
			}
			// Whoever comes later finds it.
			tr, err := b.Translate(s)
			if err != nil {
				t.Fatal(err)
			}
			if found, err := w.backend(w.config()).Find(t.Context(), tr.Requests[0]); err != nil || found.ID != n.ID {
				t.Errorf("%+v, %v", found, err)
			}
			// A second attempt covers what is left, and reads nothing else.
			s.Attempt, s.Input.Take, s.Staged.Entries = 2, []int{1}, s.Staged.Entries[2:]
			s.Output = strings.Replace(s.Output, "/a1/", "/a2/", 1)
			n = w.start(b, s)
			w.ended(b, n)
			if got = made(t, b, s, n); len(got) != 1 || strings.Count(got[1], "\n") != 4 {
				t.Errorf("%v", got)
			}
		})
	}
}

// What the emulator understood of a request is its body.
func TestTheServiceUnderstandsWhatWasTranslated(t *testing.T) {
	understood := make(chan string, 1)
	w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) (d emulator.Disturbance) {
		if c.Operation == createJob && !c.After {
			understood <- string(c.Input)
			d.Code = codes.FailedPrecondition
		}
		return d
	}})
	for name, alter := range matrix {
		t.Run(name, func(t *testing.T) {
			c, s := w.config(), plain(t)
			alter(t, &c, &s)
			b := w.backend(c)
			tr, err := b.Translate(s)
			if err != nil {
				t.Fatal(err)
			}
			q := tr.Requests[0]
			if _, err := b.Send(t.Context(), q); b.Code(err) != provider.Invalid {
				t.Fatal(err)
			}
			if got := <-understood; got != string(q.Body) {
				t.Errorf("sent\n%s\nunderstood\n%s", q.Body, got)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	b, s := w.backend(w.config()), plain(t)
	w.feed(s)
	w.start(b, s)
	s.Output = "gs://lake/elsewhere/"
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Find(t.Context(), tr.Requests[0]); b.Code(err) != provider.Conflict {
		t.Errorf("%+v, %v", n, err)
	}
	s.Attempt = 2
	if tr, err = b.Translate(s); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Find(t.Context(), tr.Requests[0]); b.Code(err) != provider.NotFound {
		t.Errorf("%+v, %v", n, err)
	}
}

// Of two jobs of one attempt the oldest is the one.
func TestTheOldestOfTwo(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	b, s := w.backend(w.config()), plain(t)
	w.feed(s)
	first, second := w.start(b, s), w.start(b, s)
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Find(t.Context(), tr.Requests[0]); err != nil || n.ID != first.ID || n.ID == second.ID {
		t.Errorf("%+v, %v", n, err)
	}
}

func TestStatesOnTheWay(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			clock, g := clockwork.NewFakeClock(), containertest.NewGate()
			o.Clock, o.Queueing, o.Stopping, o.Start = clock, time.Minute, time.Minute, containertest.Serving(g.Before(answering))
			o.Uncertain.CancelComesLate = false
			w := newWorld(t, o)
			b, s := w.backend(w.config()), plain(t)
			w.feed(s)
			n := w.start(b, s)
			look := func(want provider.State) {
				t.Helper()
				if err := containertest.Poll(t.Context(), func() (bool, error) {
					o, err := b.Describe(t.Context(), n)
					return o.State == want, err
				}); err != nil {
					t.Fatalf("%s: %v", want, err)
				}
			}
			before := map[bool]provider.State{false: provider.Preparing, true: provider.Queued}[o.Uncertain.CreatedQueued]
			look(before)
			if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			clock.Advance(time.Minute)
			look(provider.Running)
			<-g.Held()
			if err := b.Cancel(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			look(provider.Cancelling)
			if err := b.Cancel(t.Context(), n); err != nil {
				t.Errorf("once more: %v", err)
			}
			for ended := false; !ended; {
				clock.Advance(time.Minute)
				o, err := b.Describe(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				ended = o.State == provider.Cancelled
			}
			if err := b.Cancel(t.Context(), n); err != nil {
				t.Errorf("when it is over: %v", err)
			}
		})
	}
}

// A job that waited too long is over, and one of which some rows failed has answered
// the others.
func TestOtherEnds(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		w := newWorld(t, emulator.Options{ExpireAfter: time.Millisecond, Start: containertest.Serving(containertest.NewGate().Before(answering))})
		b, s := w.backend(w.config()), plain(t)
		w.feed(s)
		if o := w.ended(b, w.start(b, s)); o.State != provider.Failed || o.Code != provider.Timeout {
			t.Errorf("%+v", o)
		}
	})
	for name, o := range variants() {
		t.Run("partly, "+name, func(t *testing.T) {
			var calls atomic.Int64
			o.Start = containertest.Serving(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || calls.Add(1) > 1 {
					http.Error(w, "out of luck", http.StatusInternalServerError)
					return
				}
				lengths(w, body)
			})
			w := newWorld(t, o)
			b, s := w.backend(w.config()), plain(t)
			s.Job.Batching.Records = 3
			w.feed(s)
			n := w.start(b, s)
			got := w.ended(b, n)
			if got.State != provider.Succeeded || !strings.Contains(got.Detail, "records were not answered") || !strings.Contains(got.Detail, "out of luck") {
				t.Errorf("%+v", got)
			}
			if lines := made(t, b, s, n); strings.Count(lines[0]+lines[1], "\n") != 3 {
				t.Errorf("%v", lines)
			}
		})
	}
}

func TestWhatEndsAJob(t *testing.T) {
	for name, c := range map[string]struct {
		o     emulator.Options
		alter func(s *provider.Spec)
		code  provider.Code
		words string
	}{
		"a container that is not ready": {
			emulator.Options{Start: func(context.Context, container.Container) (container.Server, error) {
				return container.Server{}, errors.New("exec format error")
			}},
			func(*provider.Spec) {}, provider.ModelError, "model server never became ready",
		},
		"no input":   {emulator.Options{}, func(s *provider.Spec) { s.Staged.Input = "gs://lake/nothing/" }, provider.DataError, "nothing"},
		"no replica": {emulator.Options{Quotas: map[string]int{usualMachine: 1}}, func(s *provider.Spec) { s.Job.Compute.Instances = 2 }, provider.QuotaExceeded, "Quota"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.o)
			b, s := w.backend(w.config()), plain(t)
			w.feed(s)
			c.alter(&s)
			got := w.ended(b, w.start(b, s))
			if got.State != provider.Failed || got.Code != c.code || !strings.Contains(got.Detail, c.words) {
				t.Errorf("%s %s", got.Code, got.Detail)
			}
		})
	}
}

func TestARefusedStart(t *testing.T) {
	o := emulator.Options{Quotas: map[string]int{usualMachine: 1}}
	o.Uncertain.QuotaRefusesCreate = true
	w := newWorld(t, o)
	b, s := w.backend(w.config()), plain(t)
	s.Job.Compute.Instances = 2
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Send(t.Context(), tr.Requests[0])
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != provider.QuotaExceeded || e.Hint == "" {
		t.Errorf("%v", err)
	}
}

// Nothing is sent again by the SDK: a start that it sent twice would be two jobs.
func TestNothingIsSentTwice(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done %t", code, after), func(t *testing.T) {
				var calls atomic.Int64
				w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) (d emulator.Disturbance) {
					if c.Operation != createJob {
						return d
					}
					if !c.After {
						calls.Add(1)
					}
					if c.After == after {
						d.Code, d.Message = code, "requests per minute"
					}
					return d
				}})
				b, s := w.backend(w.config()), plain(t)
				w.feed(s)
				tr, err := b.Translate(s)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := b.Send(t.Context(), tr.Requests[0]); err == nil {
					t.Error("it succeeded")
				}
				if n := calls.Load(); n != 1 {
					t.Errorf("%d calls", n)
				}
				_, err = b.Find(t.Context(), tr.Requests[0])
				if found := err == nil; found != after {
					t.Errorf("found: %v", err)
				}
			})
		}
	}
}

// A job that lists show late is not found until then.
func TestSeenLate(t *testing.T) {
	clock := clockwork.NewFakeClock()
	w := newWorld(t, emulator.Options{Clock: clock, Disturb: func(_ context.Context, c emulator.Call) (d emulator.Disturbance) {
		if c.Operation == createJob && !c.After {
			d.Late = 5 * time.Second
		}
		return d
	}})
	b, s := w.backend(w.config()), plain(t)
	w.feed(s)
	n := w.start(b, s)
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Find(t.Context(), tr.Requests[0]); b.Code(err) != provider.NotFound {
		t.Errorf("%v", err)
	}
	clock.Advance(5 * time.Second)
	if found, err := b.Find(t.Context(), tr.Requests[0]); err != nil || found.ID != n.ID {
		t.Errorf("%v, %v", found, err)
	}
}

func TestListIsInPages(t *testing.T) {
	var pages atomic.Int64
	w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) (none emulator.Disturbance) {
		if c.Operation == "ListBatchPredictionJobs" && !c.After {
			pages.Add(1)
		}
		return none
	}})
	b, s := w.backend(w.config()), plain(t)
	w.feed(s)
	var want []string
	for i := range 250 {
		s.Run = fmt.Sprintf("%020x", i)
		want = append(want, w.start(b, s).ID)
	}
	slices.Reverse(want)
	var got []string
	for o, err := range b.List(t.Context(), provider.Query{Since: time.Now().Add(-time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Native.ID)
	}
	if !slices.Equal(got, want) || pages.Load() != 3 {
		t.Errorf("%d jobs in %d pages", len(got), pages.Load())
	}
	for o, err := range b.List(t.Context(), provider.Query{Since: time.Now().Add(time.Hour)}) {
		t.Errorf("a job of the future: %s, %v", o.Native.ID, err)
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	b, s := w.backend(w.config()), plain(t)
	w.feed(s)
	n := w.start(b, s)
	w.ended(b, n)
	for range 2 {
		if err := b.Delete(t.Context(), n); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Describe(t.Context(), n); b.Code(err) != provider.NotFound {
		t.Errorf("%v", err)
	}
	if err := b.Delete(t.Context(), provider.Native{Kind: "model", ID: "x"}); err != nil {
		t.Error(err)
	}
}

func TestLogs(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			g := containertest.NewGate()
			o.Start = func(ctx context.Context, c container.Container) (container.Server, error) {
				for i := range 5 {
					fmt.Fprintf(c.Output, "line %d\n", i)
				}
				return containertest.Serving(g.Before(answering))(ctx, c)
			}
			w := newWorld(t, o)
			b, s := w.backend(w.config()), plain(t)
			w.feed(s)
			n := w.start(b, s)
			<-g.Held()
			read := func(o provider.LogOptions) (out []string) {
				t.Helper()
				for l, err := range b.Logs(t.Context(), []provider.Native{n}, o) {
					if err != nil {
						t.Fatal(err)
					}
					if l.Time.IsZero() || l.Part != 0 {
						t.Errorf("%+v", l)
					}
					out = append(out, l.Text)
				}
				return out
			}
			all := []string{"line 0", "line 1", "line 2", "line 3", "line 4", "level=INFO msg=ready"}
			if got := read(provider.LogOptions{}); !slices.Equal(got, all) {
				t.Errorf("%q", got)
			}
			if got := read(provider.LogOptions{Tail: 2}); !slices.Equal(got, all[4:]) {
				t.Errorf("%q", got)
			}
			g.Open()
			w.ended(b, n)
			if got := read(provider.LogOptions{Follow: true}); !slices.Equal(got, all) {
				t.Errorf("%q", got)
			}
		})
	}
}

// A service that cannot be reached is no end: it is asked again later.
func TestNobodyThere(t *testing.T) {
	h := httptest.NewServer(http.NotFoundHandler())
	url := h.URL
	h.Close()
	c := plainConfig()
	c.Endpoint = url
	b := backendOf(t, c)
	if _, err := b.Inspect(t.Context()); b.Code(err) != provider.Unavailable {
		t.Errorf("%v", err)
	}
	// One that answers, but not as Vertex AI does.
	h = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode("hello") }))
	defer h.Close()
	c.Endpoint = h.URL
	b = backendOf(t, c)
	if _, err := b.Inspect(t.Context()); err == nil {
		t.Error("anybody will do")
	}
}

// That a staging bucket is not there is told before anything begins.
func TestInspectLooksAtTheStagingPlace(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	c := w.config()
	c.Staging = "gs://no-such-bucket/staging"
	_, err := w.backend(c).Inspect(t.Context())
	if provider.CodeOf(err) != provider.NotFound || !strings.Contains(err.Error(), "looking at the staging place "+c.Staging) {
		t.Errorf("%v", err)
	}
}
