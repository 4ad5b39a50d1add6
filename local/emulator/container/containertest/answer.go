package containertest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// Serving starts containers that score nothing: answer answers the requests for
// predictions. They log a line and are ready.
func Serving(answer http.HandlerFunc) container.Start {
	return func(_ context.Context, c container.Container) (container.Server, error) {
		fmt.Fprintln(c.Output, "level=INFO msg=ready")
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case cmp.Or(c.Environment["AIP_HEALTH_ROUTE"], "/ping"):
			case cmp.Or(c.Environment["AIP_PREDICT_ROUTE"], "/invocations"):
				answer(w, r)
			default:
				http.NotFound(w, r)
			}
		}))
		return container.Server{Endpoint: h.URL, Stop: func() { h.CloseClientConnections(); h.Close() }}, nil
	}
}

// Gate holds requests back until it is opened.
type Gate struct {
	held, open    chan struct{}
	first, opened sync.Once
}

// NewGate makes a Gate that is shut.
func NewGate() *Gate { return &Gate{held: make(chan struct{}), open: make(chan struct{})} }

// Held is closed when the first request stands before the gate.
func (g *Gate) Held() <-chan struct{} { return g.held }

// Open lets all requests through. Idempotent.
func (g *Gate) Open() { g.opened.Do(func() { close(g.open) }) }

// Before is answer behind the gate. A request whose client goes away while it is held
// is not answered.
func (g *Gate) Before(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // else nobody notices that the client is gone
		if err != nil {
			return
		}
		g.first.Do(func() { close(g.held) })
		select {
		case <-g.open:
			r.Body = io.NopCloser(bytes.NewReader(body))
			answer(w, r)
		case <-r.Context().Done():
		}
	}
}
