package objectstore

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// front stands before a service and lets tests answer in its place, cut its
// answers off or lose them.
type front struct {
	*httptest.Server

	mu   sync.Mutex
	step step
	seen []string // methods and paths
}

// step sees a request. forward asks the service, as often as it is called.
type step func(w http.ResponseWriter, r *http.Request, forward func(http.ResponseWriter))

func before(t *testing.T, endpoint string) *front {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			// Copies on Azure name their source by its URL. What is asked of GCS goes
			// by the host that its emulator knows.
			if strings.HasPrefix(r.In.Header.Get("User-Agent"), "azsdk") {
				r.Out.Host = r.In.Host
			}
		},
		ErrorLog: log.New(io.Discard, "", 0), FlushInterval: -1,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	f := &front{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		step := f.step
		f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
		f.mu.Unlock()
		forward := func(w http.ResponseWriter) { proxy.ServeHTTP(w, r) }
		if step == nil {
			forward(w)
			return
		}
		step(w, r, forward)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// during puts a step in force for a call.
func (f *front) during(s step, call func()) {
	f.mu.Lock()
	f.step, f.seen = s, nil
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.step = nil
		f.mu.Unlock()
	}()
	call()
}

func (f *front) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

// lost asks the service and breaks the connection instead of answering.
func lost(forward func(http.ResponseWriter)) {
	forward(httptest.NewRecorder())
	panic(http.ErrAbortHandler)
}

// cutOff lets so many bytes of the body through, then breaks the connection.
type cutOff struct {
	http.ResponseWriter
	left int
}

func (c *cutOff) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 || err != nil {
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func (c *cutOff) Unwrap() http.ResponseWriter { return c.ResponseWriter }
