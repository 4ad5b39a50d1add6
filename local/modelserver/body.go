package modelserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// admit lets a request in whose body has size bytes (-1: it does not say). It
// waits for the memory that the body takes. The caller releases it. Who breaks off
// meanwhile is noticed when the body is read: net/http does not look before.
func (s *Server) admit(ctx context.Context, size int64) (release func(), err error) {
	select {
	case s.tickets <- struct{}{}:
	default:
		return nil, refusef(http.StatusServiceUnavailable, provider.Throttled, "%d requests are scored or wait already, which is the limit", cap(s.tickets))
	}
	if size < 0 {
		size = s.opts.MaxPayload
	}
	if err := s.memory.Acquire(ctx, size); err != nil {
		<-s.tickets
		return nil, s.gone(ctx)
	}
	return func() {
		s.memory.Release(size)
		<-s.tickets
	}, nil
}

// gone is the refusal of a request whose context ended.
func (s *Server) gone(ctx context.Context) error {
	if e := s.over(); e != nil {
		return &refusal{http.StatusServiceUnavailable, e}
	}
	return &refusal{statusClosed, &provider.Error{Code: provider.Canceled, Message: "the client broke the request off", Err: context.Cause(ctx)}}
}

// statusClosed is what servers log where the client did not wait for the answer,
// since nginx did. Nobody gets to see it.
const statusClosed = 499

func (s *Server) tooLarge(size int64) error {
	what := "more than the limit"
	if size >= 0 {
		what = fmt.Sprintf("%d bytes", size)
	}
	return refusef(http.StatusRequestEntityTooLarge, provider.Invalid,
		"the request has %s; at most %d bytes are taken: send fewer records at a time (MaxPayloadInMB, batch size), or raise --max-payload or SAGEMAKER_MAX_PAYLOAD_IN_MB", what, s.opts.MaxPayload)
}

// read reads a request's body into buf. It does not believe what the client says of
// its size: memory grows with what has come.
func (s *Server) read(w http.ResponseWriter, r *http.Request, buf []byte) ([]byte, error) {
	control, limit := http.NewResponseController(w), s.opts.MaxPayload
	body := http.MaxBytesReader(w, r.Body, limit)
	err := s.within(s.opts.ReadTimeout, control.SetReadDeadline, func() error {
		for {
			if len(buf) == cap(buf) {
				grown := make([]byte, len(buf), min(max(2*cap(buf), 64<<10), int(limit)+1))
				copy(grown, buf)
				buf = grown
			}
			n, err := body.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			s.bytes.Add(int64(n))
			if err != nil {
				return err
			}
		}
	})
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		return buf, nil
	case errors.As(err, &large):
		return buf, s.tooLarge(-1)
	case s.over() != nil:
		return buf, s.gone(r.Context())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return buf, refusef(http.StatusRequestTimeout, provider.Timeout, "the request's body did not arrive within %s", s.opts.ReadTimeout)
	}
	return buf, &refusal{http.StatusBadRequest, &provider.Error{Code: provider.Canceled, Message: "the request's body broke off", Err: err}}
}

// within runs f, which reads from a connection or writes to it, and makes that fail
// when it takes longer than d, or when the server's life ends. Deadlines of
// connections know no clock but the machine's, so one in the past is set in time.
func (s *Server) within(d time.Duration, deadline func(time.Time) error, f func() error) error {
	var mu sync.Mutex
	done := false
	interrupt := func() {
		mu.Lock()
		defer mu.Unlock()
		if !done {
			_ = deadline(time.Unix(1, 0)) // without deadlines, f ends by itself
		}
	}
	timer := s.opts.Clock.AfterFunc(d, interrupt)
	stop := context.AfterFunc(s.life, interrupt)
	err := f()
	timer.Stop()
	stop()
	mu.Lock()
	done = true
	mu.Unlock()
	return err
}

// buffer is memory for a body, which giveBack returns for the next one.
func (s *Server) buffer() []byte {
	if b, ok := s.bodies.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

func (s *Server) giveBack(b []byte) {
	if cap(b) > 0 {
		s.bodies.Put(&b)
	}
}
