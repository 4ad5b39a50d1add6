package modelserver

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/model/modeltest"
	"github.com/crossbatch/crossbatch/local/onnx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var findRuntime = sync.OnceValues(func() (*onnx.Runtime, error) {
	lib, err := onnx.Finder{}.Find(context.Background())
	if err != nil {
		return nil, err
	}
	return onnx.Load(lib)
})

func runtimeOf(t testing.TB) *onnx.Runtime {
	t.Helper()
	rt, err := findRuntime()
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	return rt
}

// sum is y = 100 x0 + 10 x1 + x2 of any number of records.
func sum() *modeltest.Graph {
	return modeltest.New().Input("x", model.Float32, "N", 3).Output("y", model.Float32, "N", 1).
		Floats("w", []int64{3, 1}, []float32{100, 10, 1}).
		Node("MatMul", []string{"x", "w"}, []string{"y"})
}

// single is the same of one record, without a batch axis: the first record tells.
func single() *modeltest.Graph {
	return modeltest.New().Input("x", model.Float32, 3).Output("y", model.Float32, 1).
		Floats("w", []int64{3, 1}, []float32{100, 10, 1}).
		Node("MatMul", []string{"x", "w"}, []string{"y"})
}

// fixture is a model on disk with a mapping.
type fixture struct {
	path, digest string
	pkg          *model.Package
}

func fixed(t testing.TB, g *modeltest.Graph) fixture {
	t.Helper()
	f := fixture{path: g.Save(t, t.TempDir(), "model.onnx")}
	var err error
	if f.pkg, err = model.Open(context.Background(), f.path); err != nil {
		t.Fatal(err)
	}
	f.digest = f.pkg.Digest
	return f
}

// mapping is that of a job on records as they lie.
func (f fixture) mapping(j job.Job, format job.Format) *mapping.Mapping {
	j.Output.Format = job.JSONL
	m := mapping.Of(j, f.digest, format)
	return &m
}

func (f fixture) options(t testing.TB) Options {
	return Options{
		Runtime: runtimeOf(t), Device: onnx.CPU(), Clock: clockwork.NewRealClock(),
		Model: func(context.Context) (*model.Package, error) { return f.pkg, nil },
	}
}

// running is a server on loopback.
type running struct {
	t      testing.TB
	server *Server
	url    string
	client *http.Client
	stop   context.CancelFunc // as a signal does
	log    *logged

	once sync.Once
	done chan error
}

// logged is what a server says.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves and waits until the model is loaded.
func start(t testing.TB, o Options) *running {
	t.Helper()
	r := &running{t: t, log: &logged{}, done: make(chan error, 1)}
	o.Log = slog.New(slog.NewTextHandler(r.log, nil))
	var err error
	if r.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + ln.Addr().String()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	r.client = &http.Client{Transport: transport}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.done <- r.server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = r.ends() // how it ended is for tests that ask
		if err := r.server.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the model is loaded", func() bool { return r.server.model.Load() != nil })
	return r
}

// ends stops the server, if it still runs, and gives what Serve returned.
func (r *running) ends() (err error) {
	r.once.Do(func() {
		r.stop()
		err = <-r.done
	})
	return err
}

// ended waits for Serve to return by itself.
func (r *running) ended() (err error) {
	r.once.Do(func() {
		defer r.stop()
		select {
		case err = <-r.done:
		case <-time.After(30 * time.Second):
			r.t.Fatalf("the server goes on\n%s", r.log)
		}
	})
	return err
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	over := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r *running) do(req *http.Request) (reply, error) {
	resp, err := r.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b)}, err
}

func (r *running) request(method, path, contentType string, body io.Reader) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req
}

// send is a request that gets an answer, whatever it is.
func (r *running) send(method, path, contentType, body string) reply {
	r.t.Helper()
	got, err := r.do(r.request(method, path, contentType, strings.NewReader(body)))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.log)
	}
	return got
}

// lines are the scorer lines of a body.
func (r *running) lines(contentType, body string) string {
	r.t.Helper()
	got := r.send(http.MethodPost, "/invocations", contentType, body)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != linesType {
		r.t.Fatalf("%d %s %s", got.status, got.header.Get("Content-Type"), got.body)
	}
	return got.body
}

// refused compares a refusal.
func (r reply) refused(t testing.TB, status int, code, message string) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		t.Errorf("%d %q: %v", r.status, r.body, err)
		return
	}
	if r.status != status || e.Error.Code != code || !strings.Contains(e.Error.Message, message) {
		t.Errorf("%d %s %q, want %d %s %q", r.status, e.Error.Code, e.Error.Message, status, code, message)
	}
	if r.header.Get(ContractHeader) != "1" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.header)
	}
	if again := r.header.Get("Retry-After") != ""; again != (status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After %q at %d", r.header.Get("Retry-After"), status)
	}
}

// stalled is a request whose body has begun and does not go on.
type stalled struct {
	body   *io.PipeWriter
	cancel context.CancelFunc
	got    chan reply
	err    chan error
}

// stall begins a request and waits until the server reads its body.
func (r *running) stall(contentType, begin string) *stalled {
	r.t.Helper()
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	s := &stalled{body: pw, cancel: cancel, got: make(chan reply, 1), err: make(chan error, 1)}
	req, before := r.request(http.MethodPost, "/invocations", contentType, pr).WithContext(ctx), r.server.bytes.Load()
	go func() {
		got, err := r.do(req)
		if err != nil {
			s.err <- err
			return
		}
		s.got <- got
	}()
	if _, err := io.WriteString(pw, begin); err != nil {
		r.t.Fatal(err)
	}
	eventually(r.t, "it is read", func() bool { return r.server.bytes.Load() == before+int64(len(begin)) })
	r.t.Cleanup(func() { cancel(); _ = pw.Close() })
	return s
}

// ends gives the reply.
func (s *stalled) ends(t testing.TB) reply {
	t.Helper()
	select {
	case got := <-s.got:
		return got
	case err := <-s.err:
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("no reply")
	}
	return reply{}
}
