package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jonboulle/clockwork"
)

// Container is what stands for a container and must be started.
type Container struct {
	Image       string
	Command     []string // with its arguments, such as "serve"; empty: what the image says
	Environment map[string]string
	Folder      string // stands for /opt/ml: model files are in its folder "model". For reading only; empty: nothing is mounted
	Output      Output
}

// Server is a started container.
type Server struct {
	Endpoint string          // http://HOST:PORT, without a slash at its end
	Exited   <-chan struct{} // closed when it has ended; may be nil
	Stop     func()          // ends it, and waits for that. Called once
}

// Start starts a container. ctx is for the start only. It need not be ready: see
// Probe.
type Start func(ctx context.Context, c Container) (Server, error)

// maxAnswer is how much is read of an answer to Get.
const maxAnswer = 1 << 20

// Get asks for a page and reads the first mebibyte of it.
func Get(ctx context.Context, h *http.Client, clock clockwork.Clock, url string, timeout time.Duration) (status int, body []byte, err error) {
	ctx, cancel := clockwork.WithTimeout(ctx, clock, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := h.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, body, err
}

// Probe is how a service finds out that a server is ready.
type Probe struct {
	HTTP    *http.Client
	Clock   clockwork.Clock
	Path    string        // that answers 200
	Timeout time.Duration // of one try
	Every   time.Duration
	For     time.Duration // how long before it is given up
}

// ErrExited is the error of a server that ended before it was ready.
var ErrExited = errors.New("it exited")

// NotReadyError says how a server last answered that was given up.
type NotReadyError struct{ Last string }

// Error implements error.
func (e *NotReadyError) Error() string { return e.Last }

// Wait asks until the answer is 200. The error is ErrExited, a *NotReadyError, or
// the cause that ctx was cancelled with.
func (p Probe) Wait(ctx context.Context, s Server) error {
	last := "it did not answer"
	for begun := p.Clock.Now(); ; {
		status, _, err := Get(ctx, p.HTTP, p.Clock, s.Endpoint+p.Path, p.Timeout)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			last = fmt.Sprintf("it answered %d", status)
		}
		if p.Clock.Since(begun) >= p.For {
			return &NotReadyError{last}
		}
		select {
		case <-p.Clock.After(p.Every):
		case <-s.Exited: // nil blocks for ever
			return ErrExited
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
