package gcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.Clone(r.Context())
	r.Host = s.host // under whatever name it is reached, the library must know itself
	if err := s.prepare(r); err != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, http.StatusBadRequest, "invalid", err.Error())
		return
	}
	s.writes.RLock()
	defer s.writes.RUnlock()
	switch path := r.URL.EscapedPath(); {
	case s.closed.Load():
		refuse(w, http.StatusServiceUnavailable, "backendError", "The emulator is being stopped.")
	case strings.HasPrefix(path, "/_internal/"): // the library's own controls
		refuse(w, http.StatusNotFound, "notFound", "Not Found")
	case r.Method == http.MethodGet && listForm.MatchString(path):
		s.list(w, r)
	default:
		if f := s.hold(r, path); f != nil {
			refuse(w, f.status, f.reason, f.message)
			return
		}
		s.handler.ServeHTTP(w, r)
	}
}

// prepare reads the body of a request. The library would read it under the lock
// that all other requests wait for.
func (s *Server) prepare(r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if r.ContentLength >= 0 && int64(len(body)) != r.ContentLength {
		return fmt.Errorf("the body has %d bytes, not %d", len(body), r.ContentLength)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

type fault struct {
	status          int
	reason, message string
}

// refuse answers with an error of the JSON API.
// https://cloud.google.com/storage/docs/json_api/v1/status-codes
func refuse(w http.ResponseWriter, status int, reason, message string) {
	type item struct {
		Domain  string `json:"domain"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	var body struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Errors  []item `json:"errors"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = status, message
	body.Error.Errors = []item{{Domain: "global", Reason: reason, Message: message}}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

var (
	objectForm = regexp.MustCompile(`^(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)$`)
	listForm   = regexp.MustCompile(`^/storage/v1/b/[^/]+/o/?$`)
	copyForm   = regexp.MustCompile(`^/storage/v1/b/([^/]+)/o/([^/]+)/(?:rewriteTo|copyTo)/`)
)

// hold is what the library does not do with preconditions: those of a read or a
// delete are checked here, and the generation that they held for is named; where
// nothing can be named, the request is refused rather than done regardless.
func (s *Server) hold(r *http.Request, path string) *fault {
	q := r.URL.Query()
	for name := range q {
		if strings.HasPrefix(strings.ToLower(name), "ifmetageneration") || strings.HasPrefix(strings.ToLower(name), "ifsourcemetageneration") {
			return notEmulated(name)
		}
	}
	if strings.HasPrefix(path, "/upload/") {
		return nil // checked by the library, at one stroke
	}
	if form := copyForm.FindStringSubmatch(path); form != nil {
		if f := s.pin(r, q, form, "ifSourceGenerationMatch", "ifSourceGenerationNotMatch", "sourceGeneration"); f != nil {
			return f
		}
	} else if form := objectForm.FindStringSubmatch(path); form != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete) {
		if f := s.pin(r, q, form, "ifGenerationMatch", "ifGenerationNotMatch", "generation"); f != nil {
			return f
		}
	}
	for _, name := range []string{"ifGenerationMatch", "ifGenerationNotMatch"} {
		if q.Has(name) {
			return notEmulated(name)
		}
	}
	return nil
}

func notEmulated(name string) *fault {
	return &fault{http.StatusNotImplemented, "notImplemented", fmt.Sprintf("The precondition %s is not emulated on this request.", name)}
}

// pin replaces preconditions of an object that hold by its generation.
func (s *Server) pin(r *http.Request, q url.Values, form []string, match, not, generation string) *fault {
	if !q.Has(match) && !q.Has(not) {
		return nil
	}
	bucket, err1 := url.PathUnescape(form[1])
	key, err2 := url.PathUnescape(form[2])
	if err1 != nil || err2 != nil {
		return &fault{http.StatusBadRequest, "invalid", "the path is not well escaped"}
	}
	var current int64
	o, err := s.library.GetObjectStreaming(bucket, key)
	if err == nil {
		current = o.Generation
		_ = o.Close()
	}
	for name, want := range map[string]bool{match: true, not: false} {
		if !q.Has(name) {
			continue
		}
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil {
			return &fault{http.StatusBadRequest, "invalid", fmt.Sprintf("invalid value for %s: %q", name, q.Get(name))}
		}
		if (n == current) != want {
			if !want && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
				return &fault{http.StatusNotModified, "notModified", "Not Modified"}
			}
			return &fault{http.StatusPreconditionFailed, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."}
		}
		q.Del(name)
	}
	if current > 0 && !q.Has(generation) {
		q.Set(generation, strconv.FormatInt(current, 10))
	}
	r.URL.RawQuery, r.Form = q.Encode(), nil
	return nil
}
