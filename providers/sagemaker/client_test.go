package sagemaker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/providertest"
	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// variants are the points that the service's documents leave open, one way and the
// other.
func variants() map[string]emulator.Options {
	return map[string]emulator.Options{
		"as is likely": {},
		"otherwise": {
			Uncertain: emulator.Uncertain{UnknownIsNotFound: true, StopComesLate: true, DefaultsUnsaid: true},
			Transform: transform.Options{Uncertain: transform.Uncertain{
				OutputBesideFolder: true, GzipNameDropped: true, NewlineDropped: true, ClientErrorsRetried: true, StopKeepsFinished: true,
			}},
		},
	}
}

const modelKey = "staging/models/" + testDigest + "/model.onnx"

func (w *world) inputs() {
	w.Helper()
	w.put(map[string]string{modelKey: "a model", "in/a.jsonl": "{}\n{\"a\":1}\n", "in/b.jsonl": "{}\n"})
}

// made collects pieces by shard.
func made(t *testing.T, b *Backend, s provider.Spec, n provider.Native) []provider.Piece {
	t.Helper()
	var out []provider.Piece
	for p, err := range b.Results(t.Context(), s, []provider.Native{n}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b provider.Piece) int {
		return a.Shard*100 + int(a.Lines.First) - b.Shard*100 - int(b.Lines.First)
	})
	return out
}

func TestAJobFromStartToResults(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			w.inputs()
			b, s := w.backend(w.config()), inPlace(t)
			facts, err := b.Inspect(t.Context())
			if err != nil || facts.Account != "123456789012" || facts.Region != testRegion {
				t.Errorf("%+v, %v", facts, err)
			}
			n := w.start(b, s)
			if n.ID != "arn:aws:sagemaker:us-east-1:123456789012:transform-job/cb-churn-eu-0123456789abcdef0123-a1" || n.Request != jobID || n.Parts != 1 {
				t.Errorf("%+v", n)
			}
			o := w.ended(b, n)
			if o.State != provider.Succeeded || o.Code != provider.OK || o.Started.IsZero() || o.Ended.IsZero() || o.Progress != nil {
				t.Errorf("%+v", o)
			}
			got := made(t, b, s, n)
			if len(got) != 2 || got[0].Shard != 0 || got[1].Shard != 1 || !got[0].Lines.Last || got[0].Lines.Records != 0 || got[0].Lines.Made.Machine != usualMachine {
				t.Fatalf("%+v", got)
			}
			if text := w.read(got[0].Lines.URI); strings.Count(text, "\n") != 2 {
				t.Errorf("%s", text)
			}
			// Whoever comes later finds it.
			tr, err := b.Translate(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range tr.Requests {
				if _, err := b.Send(t.Context(), q); b.Code(err) != provider.AlreadyExists {
					t.Errorf("sending %s again: %v", q.ID, err)
				}
				if found, err := w.backend(w.config()).Find(t.Context(), q); err != nil || q.ID == jobID && found.ID != n.ID {
					t.Errorf("finding %s: %+v, %v", q.ID, found, err)
				}
			}
		})
	}
}

func TestStagedPiecesAndGzip(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			w.inputs()
			s := inPlace(t)
			providertest.Stage(&s)
			w.put(map[string]string{
				"staging/inputs/feed/records/000000-000000.jsonl": "{}\n{}\n{}\n", "staging/inputs/feed/records/000000-000001.jsonl": "{}\n{}\n",
				"staging/inputs/feed/records/000001-000000.jsonl": "{}\n{}\n{}\n{}\n",
			})
			b := w.backend(w.config())
			n := w.start(b, s)
			w.ended(b, n)
			got := made(t, b, s, n)
			if len(got) != 3 || got[1].Lines.First != 3 || got[1].Lines.Records != 2 || !got[1].Lines.Last || got[0].Lines.Last {
				t.Errorf("%+v", got)
			}
			// A second attempt covers what is left, and reads nothing else.
			s.Attempt, s.Input.Take, s.Staged.Entries = 2, []int{1}, s.Staged.Entries[2:]
			s.Output = strings.Replace(s.Output, "/a1/", "/a2/", 1)
			n = w.start(b, s)
			w.ended(b, n)
			if got = made(t, b, s, n); len(got) != 1 || got[0].Shard != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	w.inputs()
	b, s := w.backend(w.config()), inPlace(t)
	w.start(b, s)
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string][2]string{
		"another image":       {testImage, testImage + "x"},
		"another package":     {"/models/8f", "/models/9f"},
		"another role":        {"role/service-role/batch", "role/other"},
		"another machine":     {`"ml.m5.xlarge"`, `"ml.m5.large"`},
		"another output":      {"/a1/out", "/a2/out"},
		"another environment": {`"CROSSBATCH_SCORER_0"`, `"CROSSBATCH_SCORER_1"`},
		"fewer variables":     {`"Environment":{`, `"Environment":{"A":"b",`},
	} {
		changed := 0
		for _, q := range tr.Requests {
			body := strings.Replace(string(q.Body), alter[0], alter[1], 1)
			if body == string(q.Body) {
				continue
			}
			changed++
			q.Body = json.RawMessage(body)
			if _, err := b.Find(t.Context(), q); b.Code(err) != provider.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		if changed != 1 {
			t.Errorf("%s changes %d requests", name, changed)
		}
	}
}

func TestUnknown(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o)
			w.inputs()
			b, s := w.backend(w.config()), inPlace(t)
			tr, err := b.Translate(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range tr.Requests {
				if _, err := b.Find(t.Context(), q); b.Code(err) != provider.NotFound {
					t.Errorf("find %s: %v", q.ID, err)
				}
			}
			if _, err := b.Send(t.Context(), tr.Requests[1]); b.Code(err) != provider.NotFound {
				t.Errorf("a job of a model that is not there: %v", err)
			}
			n := b.native(jobID, jobKind, "cb-nobody", "arn")
			_, derr := b.Describe(t.Context(), n)
			var lerr error
			for _, err := range b.Logs(t.Context(), []provider.Native{n}, provider.LogOptions{}) {
				lerr = err
			}
			for verb, err := range map[string]error{"describe": derr, "cancel": b.Cancel(t.Context(), n), "logs": lerr} {
				if b.Code(err) != provider.NotFound {
					t.Errorf("%s: %v", verb, err)
				}
			}
			if got := made(t, b, s, n); len(got) != 0 {
				t.Errorf("%+v", got)
			}
			for _, n := range []provider.Native{n, b.native(modelID, modelKind, "cb-nobody", "arn")} {
				if err := b.Delete(t.Context(), n); err != nil {
					t.Errorf("delete %s: %v", n.Kind, err)
				}
			}
		})
	}
}

func TestDeleteModel(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	w.inputs()
	b := w.backend(w.config())
	tr, err := b.Translate(inPlace(t))
	if err != nil {
		t.Fatal(err)
	}
	n, err := b.Send(t.Context(), tr.Requests[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Delete(t.Context(), n), b.Delete(t.Context(), n)); err != nil {
		t.Error(err)
	}
	if _, err := b.Find(t.Context(), tr.Requests[0]); b.Code(err) != provider.NotFound {
		t.Errorf("%v", err)
	}
}

func TestCancel(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			g := containertest.NewGate()
			o.Start = containertest.Serving(g.Before(answering))
			w := newWorld(t, o)
			w.inputs()
			b, s := w.backend(w.config()), inPlace(t)
			n := w.start(b, s)
			<-g.Held()
			for range 2 {
				if err := b.Cancel(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
			g.Open()
			got := w.ended(b, n)
			if late := o.Uncertain.StopComesLate; late && got.State != provider.Succeeded || !late && got.State != provider.Cancelled {
				t.Errorf("%+v", got)
			}
			if err := b.Cancel(t.Context(), n); err != nil {
				t.Errorf("of one that is over: %v", err)
			}
		})
	}
}

func TestStatesBeforeTheEnd(t *testing.T) {
	g, clock := containertest.NewGate(), clockwork.NewFakeClock()
	w := newWorld(t, emulator.Options{Start: containertest.Serving(g.Before(answering)), Queueing: time.Hour, Clock: clock})
	w.inputs()
	b := w.backend(w.config())
	n := w.start(b, inPlace(t))
	if o, err := b.Describe(t.Context(), n); err != nil || o.State != provider.Preparing || !o.Started.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	<-g.Held()
	if o, err := b.Describe(t.Context(), n); err != nil || o.State != provider.Running || o.Started.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
	if err := b.Cancel(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if o := w.ended(b, n); o.State != provider.Cancelled {
		t.Errorf("%+v", o)
	}
}

// One file that fails fails the job, and no other file.
func TestAFailedJobKeepsWhatIsGood(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   provider.Code
		words  []string
	}{
		"our scorer refuses": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprintln(w, `{"error":{"code":"timeout","message":"the run's time budget is over"}}`)
			}, provider.Timeout, []string{"lake/in/b.jsonl", "503", "the run's time budget is over"},
		},
		"another container refuses": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such column", http.StatusBadRequest) },
			provider.DataError, []string{"lake/in/b.jsonl", "400", "no such column"},
		},
		"it breaks off": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			provider.Internal, []string{"lake/in/b.jsonl", "Unable to get response"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, emulator.Options{Start: containertest.Serving(func(w http.ResponseWriter, r *http.Request) {
				if r.ContentLength == 3 { // that of b
					c.answer(w, r)
					return
				}
				answering(w, r)
			})})
			w.inputs()
			b, s := w.backend(w.config()), inPlace(t)
			n := w.start(b, s)
			o := w.ended(b, n)
			if o.State != provider.Failed || o.Code != c.code {
				t.Errorf("%s %s: %s", o.State, o.Code, o.Detail)
			}
			for _, word := range c.words {
				if !strings.Contains(o.Detail, word) {
					t.Errorf("%q is not in %q", word, o.Detail)
				}
			}
			if got := made(t, b, s, n); len(got) != 1 || got[0].Shard != 0 {
				t.Errorf("%+v", got)
			}
			for o, err := range b.List(t.Context(), provider.Query{}) {
				if err != nil || o.State != provider.Failed || o.Code == provider.OK {
					t.Errorf("%+v, %v", o, err)
				}
			}
		})
	}
}

// A container that ends before it serves says why in its own stream.
func TestLastWordsOfAContainer(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	w := newWorld(t, emulator.Options{Start: func(_ context.Context, c container.Container) (container.Server, error) {
		fmt.Fprintln(c.Output, `level=ERROR msg="cannot serve" code=invalid reason="the mapping is of another version"`)
		return container.Server{Endpoint: "http://127.0.0.1:1", Exited: gone, Stop: func() {}}, nil
	}})
	w.inputs()
	b := w.backend(w.config())
	o := w.ended(b, w.start(b, inPlace(t)))
	if o.State != provider.Failed || o.Code != provider.Invalid || !strings.Contains(o.Detail, "ping health check") || !strings.Contains(o.Detail, "of another version") {
		t.Errorf("%s %s: %s", o.State, o.Code, o.Detail)
	}
}

func TestListPages(t *testing.T) {
	var calls atomic.Int64
	w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) (none emulator.Disturbance) {
		if c.Operation == "ListTransformJobs" && !c.After {
			calls.Add(1)
		}
		return none
	}})
	w.inputs()
	b, s := w.backend(w.config()), inPlace(t)
	const jobs = page + 1
	for i := range jobs {
		s.Run = fmt.Sprintf("%020x", i)
		w.ended(b, w.start(b, s))
	}
	list := func(q provider.Query, most int) (names []string) {
		for o, err := range b.List(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if names = append(names, o.Native.Name); len(names) == most {
				break
			}
		}
		return names
	}
	if got := list(provider.Query{}, 0); len(got) != jobs || calls.Load() != 2 || !strings.Contains(got[0], fmt.Sprintf("%020x", jobs-1)) {
		t.Errorf("%d jobs in %d calls, first %q", len(got), calls.Load(), got[:1])
	}
	calls.Store(0)
	if got := list(provider.Query{}, 3); len(got) != 3 || calls.Load() != 1 {
		t.Errorf("%d jobs in %d calls", len(got), calls.Load())
	}
	if got := list(provider.Query{Since: time.Now().Add(time.Hour)}, 0); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestLogs(t *testing.T) {
	g := containertest.NewGate()
	w := newWorld(t, emulator.Options{Start: containertest.Serving(g.Before(answering))})
	w.inputs()
	b := w.backend(w.config())
	n := w.start(b, inPlace(t))
	<-g.Held()
	collect := func(o provider.LogOptions) (lines []string) {
		for line, err := range b.Logs(t.Context(), []provider.Native{n}, o) {
			if err != nil {
				t.Fatal(err)
			}
			if line.Time.IsZero() || strings.Contains(line.Text, "\n") {
				t.Errorf("%+v", line)
			}
			lines = append(lines, line.Text)
			g.Open()
		}
		return lines
	}
	b.deps.Clock = impatient{b.deps.Clock}
	followed := collect(provider.LogOptions{Follow: true})
	all := collect(provider.LogOptions{})
	if len(all) < 2 || !slices.Equal(all, followed) || !slices.Contains(all, "level=INFO msg=ready") {
		t.Errorf("%q\nfollowed: %q", all, followed)
	}
	if last := collect(provider.LogOptions{Tail: 1}); !slices.Equal(last, all[len(all)-1:]) {
		t.Errorf("%q", last)
	}
}

// impatient waits a thousandth.
type impatient struct{ clockwork.Clock }

func (c impatient) After(d time.Duration) <-chan time.Time { return c.Clock.After(d / 1000) }

func TestFaults(t *testing.T) {
	var next atomic.Pointer[emulator.Disturbance]
	w := newWorld(t, emulator.Options{
		Quotas: map[string]int{"ml.m5.large": 0},
		Disturb: func(_ context.Context, c emulator.Call) (d emulator.Disturbance) {
			if p := next.Load(); p != nil {
				d = *p
			}
			return d
		},
	})
	w.inputs()
	b, s := w.backend(w.config()), inPlace(t)
	s.Job.Compute = job.Compute{Machine: "ml.m5.large"}
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Send(t.Context(), tr.Requests[0]); err != nil {
		t.Fatal(err)
	}
	_, err = b.Send(t.Context(), tr.Requests[1])
	var e *provider.Error
	if b.Code(err) != provider.QuotaExceeded || !errors.As(err, &e) || e.Hint == "" || !strings.Contains(e.Message, "ml.m5.large for transform job usage") {
		t.Errorf("%v", err)
	}
	for want, d := range map[provider.Code]emulator.Disturbance{
		provider.Throttled:        {Status: 400, Code: "ThrottlingException", Message: "Rate exceeded"},
		provider.PermissionDenied: {Status: 400, Code: "AccessDeniedException", Message: "User is not authorized to perform: sagemaker:DescribeTransformJob"},
		provider.Unauthenticated:  {Status: 403, Code: "ExpiredTokenException", Message: "The security token " + testSecret + " has expired"},
		provider.Unavailable:      {Status: 500, Code: "InternalFailure", Message: "We encountered an internal error"},
		provider.Invalid:          {Status: 400, Code: "ValidationException", Message: "1 validation error detected"},
	} {
		next.Store(&d)
		_, err := b.Describe(t.Context(), provider.Native{Kind: jobKind, Name: "cb-x"})
		if b.Code(err) != want || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), testSecret) {
			t.Errorf("%s: %v is %s", d.Code, err, b.Code(err))
		}
	}
	next.Store(&emulator.Disturbance{Drop: true})
	if _, err := b.Inspect(t.Context()); b.Code(err) != provider.Unavailable {
		t.Errorf("dropped: %v is %s", err, b.Code(err))
	}
	next.Store(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Send(ctx, tr.Requests[0]); b.Code(err) != provider.Canceled {
		t.Errorf("%v", err)
	}
}

func TestRetryAfterIsPassedOn(t *testing.T) {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer h.Close()
	c := plainConfig()
	c.Endpoint = h.URL
	b, err := New(c, Deps{Open: nowhere, Clock: clockwork.NewRealClock(), AWS: credentialed})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	_, err = b.Inspect(t.Context())
	var e *provider.Error
	if !errors.As(err, &e) || e.Code != provider.Throttled || e.RetryAfter != 7*time.Second {
		t.Errorf("%v: %+v", err, e)
	}
}

func TestWithoutCredentials(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	b := backendOf(t, plainConfig())
	_, err := b.Inspect(t.Context())
	if b.Code(err) != provider.Unauthenticated || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("%v", err)
	}
}

func TestClosed(t *testing.T) {
	b := backendOf(t, plainConfig())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	n := provider.Native{Kind: jobKind, Name: "cb-x"}
	_, ferr := b.Find(t.Context(), provider.Request{})
	_, serr := b.Send(t.Context(), provider.Request{})
	_, derr := b.Describe(t.Context(), n)
	_, ierr := b.Inspect(t.Context())
	_, terr := b.Translate(inPlace(t))
	var lerr, rerr, gerr error
	for _, lerr = range b.List(t.Context(), provider.Query{}) {
	}
	for _, rerr = range b.Results(t.Context(), inPlace(t), []provider.Native{n}) {
	}
	for _, gerr = range b.Logs(t.Context(), []provider.Native{n}, provider.LogOptions{}) {
	}
	for i, err := range []error{ferr, serr, derr, ierr, terr, lerr, rerr, gerr, b.Cancel(t.Context(), n), b.Delete(t.Context(), n)} {
		if !errors.Is(err, provider.ErrClosed) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// What the service understands is what was translated.
func TestWhatIsSentIsWhatWasTranslated(t *testing.T) {
	for name, alter := range matrix {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			got := map[string]string{}
			w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) (none emulator.Disturbance) {
				mu.Lock()
				defer mu.Unlock()
				got[c.Operation] = string(c.Input)
				return none
			}})
			c, s := w.config(), inPlace(t)
			alter(t, &c, &s)
			b := w.backend(c)
			tr, err := b.Translate(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range tr.Requests {
				_, err := b.Send(t.Context(), q)
				// A registered model is not there, which is said of a request that is understood.
				if err != nil && (len(s.Job.Model.Registered) == 0 || b.Code(err) != provider.NotFound) {
					t.Fatalf("%s: %v", q.ID, err)
				}
				mu.Lock()
				if got[q.Op] != string(q.Body) {
					t.Errorf("%s was translated to\n%s\nand understood as\n%s", q.ID, q.Body, got[q.Op])
				}
				mu.Unlock()
			}
		})
	}
}

// Who does not hear that a job was made finds it.
func TestLostReplies(t *testing.T) {
	var lost atomic.Bool
	w := newWorld(t, emulator.Options{Disturb: func(_ context.Context, c emulator.Call) emulator.Disturbance {
		return emulator.Disturbance{Drop: lost.Load() && c.After}
	}})
	w.inputs()
	b, s := w.backend(w.config()), inPlace(t)
	tr, err := b.Translate(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range tr.Requests {
		lost.Store(true)
		if _, err := b.Send(t.Context(), q); b.Code(err) != provider.Unavailable {
			t.Errorf("sending %s: %v", q.ID, err)
		}
		lost.Store(false)
		if _, err := b.Send(t.Context(), q); b.Code(err) != provider.AlreadyExists {
			t.Errorf("sending %s again: %v", q.ID, err)
		}
		if n, err := b.Find(t.Context(), q); err != nil || n.Name != q.Name {
			t.Errorf("finding %s: %+v, %v", q.ID, n, err)
		}
	}
}

// That a staging bucket is not there is told before anything begins.
func TestInspectLooksAtTheStagingPlace(t *testing.T) {
	w := newWorld(t, emulator.Options{})
	c := w.config()
	c.Staging = "s3://no-such-bucket/staging"
	_, err := w.backend(c).Inspect(t.Context())
	if provider.CodeOf(err) != provider.NotFound || !strings.Contains(err.Error(), "looking at the staging place "+c.Staging) {
		t.Errorf("%v", err)
	}
}
