package modelserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 5 * time.Minute
	headerBytes   = 64 << 10
	lastWords     = 5 * time.Second // for requests that are cancelled to say so
)

// Serve answers requests that come in on ln, and loads the model meanwhile: Vertex
// AI starts a container again whose port is not open after 40 seconds. When ctx
// ends it takes no more requests, lets those at hand end, and returns nil; an error
// says that their grace was not enough. It also ends, with an error, once the time
// budget is over (provider.Timeout) or the model cannot serve. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	web := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelWarn),
	}
	s.opts.Log.Info("listening", "address", ln.Addr().String(), "contract", ContractVersion, "concurrency", s.opts.Concurrency,
		"max_payload", s.opts.MaxPayload, "budget", s.opts.Budget.String())
	served, loading := make(chan error, 1), make(chan error, 1)
	go func() { served <- web.Serve(ln) }()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go func() { loading <- s.Load(reading) }()

	err := s.until(ctx, served, loading)
	stop()
	if err != nil {
		s.end(err)
	}
	s.opts.Log.Info("stopping", "reason", reason(err))
	cut := s.shut(web, err == nil)
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	_, _ = <-served, <-loading // until has heard what they say
	if err == nil {
		err = cut
	}
	s.opts.Log.Info("stopped", "requests", s.requests.Load(), "refused", s.refused.Load(), "bytes", s.bytes.Load(),
		"records", s.records.Load(), "failed", s.failed.Load(), "reason", reason(err))
	return err
}

// until waits for a reason to end; nil: ctx is over. Both channels can be received
// from once more.
func (s *Server) until(ctx context.Context, served, loading chan error) error {
	for waiting := loading; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-s.life.Done():
			return context.Cause(s.life)
		case err := <-served:
			served <- err
			return fmt.Errorf("serving: %w", err)
		case err := <-waiting:
			loading <- nil
			waiting = nil
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// shut ends the HTTP server: after what runs, or at once where that was cancelled.
// The error says that requests were cut off.
func (s *Server) shut(web *http.Server, graceful bool) error {
	grace := lastWords
	if graceful {
		grace = s.opts.Grace
	}
	waiting, over := context.WithCancel(context.Background())
	defer over()
	defer s.opts.Clock.AfterFunc(grace, over).Stop()
	stop := context.AfterFunc(s.life, func() { // the budget ends meanwhile
		if graceful {
			s.opts.Clock.AfterFunc(lastWords, over)
		}
	})
	defer stop()
	if web.Shutdown(waiting) == nil {
		return nil
	}
	s.end(errStopped)
	_ = web.Close()
	return provider.Errorf(provider.Canceled, "requests were cut off that did not end within %s", grace)
}

func reason(err error) string {
	if err == nil {
		return "asked to"
	}
	return provider.CodeOf(err).String() + ": " + err.Error()
}

// over is why the server answers no more; nil while it does.
func (s *Server) over() *provider.Error {
	cause := context.Cause(s.life)
	if cause == nil {
		return nil
	}
	var e *provider.Error
	if errors.As(cause, &e) {
		return e
	}
	return &provider.Error{Code: provider.Unavailable, Err: cause}
}
