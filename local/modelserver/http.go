package modelserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
)

// ContractHeader stands in every answer and holds ContractVersion, the version of
// scorer.json that the server reads.
const (
	ContractHeader  = "X-Crossbatch-Contract"
	ContractVersion = mapping.FormatVersion
)

// ServeHTTP answers the routes of both services. Paths are compared as they are.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(ContractHeader, strconv.Itoa(ContractVersion))
	if !s.enter() {
		s.refuse(w, r, &refusal{http.StatusServiceUnavailable, errStopped})
		return
	}
	defer s.calls.Done()
	method, serve := s.route(r.URL.Path)
	switch {
	case serve == nil:
		s.refuse(w, r, refusef(http.StatusNotFound, provider.NotFound, "there is no such route; there are /ping, /execution-parameters and /invocations"))
	case r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead):
		w.Header().Set("Allow", method)
		s.refuse(w, r, refusef(http.StatusMethodNotAllowed, provider.Invalid, "this route takes %s", method))
	default:
		serve(w, r)
	}
}

// route is the one method of a path and what answers it; nil: nothing does.
func (s *Server) route(path string) (string, http.HandlerFunc) {
	switch path {
	case s.opts.PredictRoute:
		if path != "" {
			return http.MethodPost, s.predict(instancesBody)
		}
	case s.opts.HealthRoute, "/ping":
		if path != "" {
			return http.MethodGet, s.ping
		}
	case "/execution-parameters":
		return http.MethodGet, s.parameters
	case "/invocations":
		return http.MethodPost, s.predict(linesBody)
	}
	return "", nil
}

// ping is 200 once the model is loaded, and while the server goes on.
func (s *Server) ping(w http.ResponseWriter, _ *http.Request) {
	if s.model.Load() == nil || s.over() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// parameters tells Batch Transform what to send where its job does not say. It
// holds its rule on their product.
func (s *Server) parameters(w http.ResponseWriter, _ *http.Request) {
	n := min(s.opts.Concurrency, mostTransforms)
	payload := int64(usualPayload)
	if s.declared {
		payload = s.opts.MaxPayload / job.MiB
	}
	payload = min(max(payload, 1), mostTransforms/int64(n))
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"MaxConcurrentTransforms":%d,"BatchStrategy":%q,"MaxPayloadInMB":%d}`, n, s.opts.Strategy, payload)
}

// predict answers requests with records.
func (s *Server) predict(kind bodyKind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		a := &answer{server: s, w: w, http10: !r.ProtoAtLeast(1, 1), kind: kind}
		err := s.score(a, r)
		switch {
		case err == nil:
		case a.begun: // 200 is sent: only a broken connection tells the client
			s.opts.Log.Warn("broken off", "route", r.URL.Path, "reason", err.Error())
			panic(http.ErrAbortHandler)
		default:
			s.refuse(w, r, err)
		}
	}
}

// refusal is why a request as a whole is not answered.
type refusal struct {
	status int
	cause  *provider.Error
}

func (r *refusal) Error() string { return r.cause.Error() }

func (r *refusal) Unwrap() error { return r.cause }

func refusef(status int, code provider.Code, format string, args ...any) *refusal {
	return &refusal{status, provider.Errorf(code, format, args...)}
}

// retryAfter is when a request may be sent again that was refused for the time
// being, in seconds.
const retryAfter = "1"

// refuse answers a request with {"error":{"code":C,"message":M}}.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var f *refusal
	if !errors.As(err, &f) {
		f = refusef(http.StatusInternalServerError, provider.CodeOf(err), "%w", err)
	}
	s.refused.Add(1)
	s.opts.Log.Warn("refused", "route", r.URL.Path, "status", f.status, "code", f.cause.Code.String(), "reason", f.Error())
	var body struct {
		Error struct {
			Code    provider.Code `json:"code"`
			Message string        `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = f.cause.Code, f.Error()
	text, err := json.Marshal(body)
	if err != nil { // a code without a name
		text = []byte(`{"error":{"code":"internal","message":"the error cannot be written"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if f.status == http.StatusRequestEntityTooLarge || f.status == http.StatusRequestTimeout || s.over() != nil {
		h.Set("Connection", "close")
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(append(text, '\n')) // who broke off does not read it
}
