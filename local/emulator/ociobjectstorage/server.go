package ociobjectstorage

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// Options of a Server. Objects, Namespace and Region are mandatory.
type Options struct {
	Objects   *objects.Store // the buckets are its buckets; it stays the caller's
	Namespace string         // the only one there is
	Region    string         // where copies may go to
	Clock     clockwork.Clock

	// CopyDelay is how long a copy takes. Zero: it is done when next asked about.
	CopyDelay time.Duration

	// Key knows the public key of a key id (tenancy/user/fingerprint), so that
	// signatures are verified; nil for an unknown one, which is refused. Without
	// Key, signatures must only be well formed.
	Key func(keyID string) *rsa.PublicKey
}

// Server is the service. It is safe for concurrent use.
type Server struct {
	o Options

	mu      sync.Mutex
	work    map[string]*workRequest
	ids     []string       // of work, oldest first
	pending []*workRequest // those that are not over
}

// New makes a service.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	return &Server{o: o, work: map[string]*workRequest{}}
}

// request is a request with what its path means.
type request struct {
	*http.Request
	query          url.Values
	bucket, object string
}

// header is a header's value; the SDKs send some empty, which counts as absent.
func (r *request) header(name string) string { return strings.TrimSpace(r.Header.Get(name)) }

type handler func(http.ResponseWriter, *request) error

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	id := rand.Text()
	if client := hr.Header.Get("opc-request-id"); client != "" {
		id = client + "/" + id
	}
	w.Header().Set("opc-request-id", id)
	if client := hr.Header.Get("opc-client-request-id"); client != "" {
		w.Header().Set("opc-client-request-id", client)
	}
	if err := s.serve(w, hr); err != nil {
		s.fail(w, hr, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, hr *http.Request) error {
	if err := s.authenticate(hr); err != nil {
		return err
	}
	s.settle()
	query, err := url.ParseQuery(hr.URL.RawQuery)
	if err != nil {
		return invalid("the query cannot be parsed")
	}
	r := &request{Request: hr, query: query}
	h, err := s.route(r)
	if err != nil {
		return err
	}
	return h(w, r)
}

// route finds the handler by the path as it was sent: names may hold "//", "..",
// "+" and escaped slashes, which a mux would tidy away.
func (s *Server) route(r *request) (handler, error) {
	raw := strings.SplitN(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/", 6)
	part := make([]string, len(raw))
	for i := range raw {
		var err error
		if part[i], err = url.PathUnescape(raw[i]); err != nil {
			return nil, invalid("the path cannot be parsed")
		}
	}
	switch part[0] {
	case "workRequests":
		return s.routeWork(r, part[1:])
	case "n":
	default:
		return nil, errNoRoute
	}
	if len(part) == 1 || len(part) == 2 && part[1] == "" {
		return byMethod(r, methods{http.MethodGet: s.getNamespace})
	}
	if part[1] != s.o.Namespace {
		return nil, &failure{http.StatusNotFound, "NamespaceNotFound", "You do not have authorization to perform this request, or the requested resource could not be found."}
	}
	switch {
	case len(part) == 2:
		return byMethod(r, methods{http.MethodGet: s.getNamespaceMetadata})
	case part[2] != "b":
		return nil, errNoRoute
	case len(part) == 3 || len(part) == 4 && part[3] == "":
		return byMethod(r, methods{http.MethodGet: s.listBuckets, http.MethodPost: s.createBucket})
	}
	r.bucket = part[3]
	if len(part) == 4 {
		return byMethod(r, methods{http.MethodGet: s.getBucket, http.MethodHead: s.headBucket, http.MethodDelete: s.deleteBucket})
	}
	if len(part) == 5 {
		switch part[4] {
		case "o":
			return byMethod(r, methods{http.MethodGet: s.listObjects})
		case "u":
			return byMethod(r, methods{http.MethodGet: s.listUploads, http.MethodPost: s.createUpload})
		}
		return nil, errNoRoute
	}
	r.object = part[5]
	switch part[4] {
	case "o":
		return byMethod(r, methods{
			http.MethodGet: s.getObject, http.MethodHead: s.headObject, http.MethodPut: s.putObject, http.MethodDelete: s.deleteObject,
		})
	case "u":
		return byMethod(r, methods{
			http.MethodGet: s.listParts, http.MethodPut: s.putPart, http.MethodPost: s.commitUpload, http.MethodDelete: s.abortUpload,
		})
	case "actions":
		action := map[string]handler{"renameObject": s.renameObject, "copyObject": s.copyObject, "batchDeleteObjects": s.batchDelete}[part[5]]
		if action == nil {
			return nil, errNoRoute
		}
		return byMethod(r, methods{http.MethodPost: action})
	}
	return nil, errNoRoute
}

func (s *Server) routeWork(r *request, part []string) (handler, error) {
	switch {
	case len(part) == 1 && part[0] != "":
		r.object = part[0]
		return byMethod(r, methods{http.MethodGet: s.getWork, http.MethodDelete: s.cancelWork})
	case len(part) == 2 && part[1] == "errors":
		r.object = part[0]
		return byMethod(r, methods{http.MethodGet: s.listWorkErrors})
	}
	return nil, errNoRoute
}

type methods map[string]handler

func byMethod(r *request, m methods) (handler, error) {
	if h := m[r.Method]; h != nil {
		return h, nil
	}
	return nil, &failure{http.StatusMethodNotAllowed, "MethodNotAllowed", r.Method + " is not allowed here."}
}

var errNoRoute = errors.New("no such path")
