package azblob

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// Options of a Server. The zero value keeps everything in memory.
type Options struct {
	Clock clockwork.Clock // nil is the real one
	Dir   string          // a folder to keep everything in; made when absent
}

// Server is Azure Blob Storage with one account, and an http.Handler. It is safe
// for concurrent use.
type Server struct {
	clock clockwork.Clock
	store *objects.Store
}

// New makes a server. The caller closes it.
func New(o Options) (*Server, error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	store, err := objects.Open(objects.Options{Clock: o.Clock, Dir: o.Dir})
	if err != nil {
		return nil, err
	}
	return &Server{clock: o.Clock, store: store}, nil
}

// Close lets the folder go, durably. Requests that come later are answered 503.
func (s *Server) Close() error { return s.store.Close() }

// CreateBucket makes a container. One that is there is left alone.
func (s *Server) CreateBucket(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !validContainer(name) {
		return fmt.Errorf("container %q: names have 3 to 63 lower case letters, digits and single dashes, the first and last a letter or digit", name)
	}
	_, err := s.store.CreateBucket(name, nil)
	if errors.Is(err, objects.ErrBucketExists) {
		return nil
	}
	return err
}

var containerForm = regexp.MustCompile(`^[a-z0-9](-?[a-z0-9])*$`)

// https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
func validContainer(name string) bool {
	return len(name) >= 3 && len(name) <= 63 && containerForm.MatchString(name)
}

// exchange is one request and its answer.
type exchange struct {
	http.ResponseWriter
	server          *Server
	r               *http.Request
	query           url.Values
	container, blob string
	id              string // of the request
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, server: s, r: r, id: strings.ToLower(rand.Text())}
	h := w.Header()
	h.Set("Server", "Windows-Azure-Blob/1.0")
	h.Set("X-Ms-Request-Id", x.id)
	for _, name := range []string{"X-Ms-Version", "X-Ms-Client-Request-Id"} {
		if v := r.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	if err := x.serve(); err != nil {
		x.refuse(asFault(err))
	}
}

// refuse answers with an error.
func (x *exchange) refuse(f *fault) {
	// A client that is still sending would meet a closed connection in place of
	// the answer.
	_, _ = io.Copy(io.Discard, x.r.Body)
	x.Header().Set("X-Ms-Error-Code", f.code)
	if x.r.Method == http.MethodHead || f.status == http.StatusNotModified {
		x.WriteHeader(f.status)
		return
	}
	_ = x.reply(f.status, f.body(x.id, x.server.clock.Now()))
}

// reply answers with a document.
func (x *exchange) reply(status int, document any) error {
	body, err := xml.Marshal(document)
	if err != nil {
		return err
	}
	x.Header().Set("Content-Type", "application/xml")
	x.WriteHeader(status)
	_, _ = x.Write([]byte(xml.Header))
	_, _ = x.Write(body)
	return nil
}

// done answers with headers alone.
func (x *exchange) done(status int) error {
	x.WriteHeader(status)
	return nil
}

func (x *exchange) serve() error {
	var err error
	if x.query, err = url.ParseQuery(x.r.URL.RawQuery); err != nil || !utf8.ValidString(x.r.URL.Path) {
		return newFault(http.StatusBadRequest, "InvalidUri", "The requested URI does not represent any resource on the server.")
	}
	if err := x.server.authenticate(x.r, x.query); err != nil {
		return err
	}
	if err := x.refuseAbsent(); err != nil {
		return err
	}
	account, path, _ := strings.Cut(strings.TrimPrefix(x.r.URL.Path, "/"), "/")
	if account != Account {
		return newFault(http.StatusBadRequest, "InvalidUri", "The path must begin with the account, /%s.", Account)
	}
	x.container, x.blob, _ = strings.Cut(path, "/")
	h, err := x.route()
	if err != nil {
		return err
	}
	return h()
}

// absentHeaders ask for what is not here.
var absentHeaders = []string{
	"X-Ms-Lease-Id", "X-Ms-Source-Lease-Id", "X-Ms-Encryption-Key", "X-Ms-Encryption-Scope", "X-Ms-Tags", "X-Ms-If-Tags", "X-Ms-Source-If-Tags", "X-Ms-Structured-Body",
	"X-Ms-Immutability-Policy-Until-Date", "X-Ms-Legal-Hold", "X-Ms-Rehydrate-Priority", "X-Ms-Access-Tier", "X-Ms-Seal-Blob",
}

func (x *exchange) refuseAbsent() error {
	for _, name := range absentHeaders {
		if x.r.Header.Get(name) != "" {
			return notEmulated(strings.ToLower(name))
		}
	}
	for _, name := range []string{"snapshot", "versionid"} {
		if x.query.Has(name) {
			return notEmulated(name)
		}
	}
	return nil
}

// route finds what is asked for, by method, restype and comp.
func (x *exchange) route() (func() error, error) {
	what := x.r.Method
	if t := x.query.Get("restype"); t != "" {
		what += " restype=" + t
	}
	if c := x.query.Get("comp"); c != "" {
		what += " comp=" + c
	}
	var routes map[string]func() error
	switch {
	case x.container == "":
		routes = map[string]func() error{
			"GET comp=list": x.listContainers, "GET restype=account comp=properties": x.accountInfo, "HEAD restype=account comp=properties": x.accountInfo,
		}
	case x.blob == "" && x.query.Get("restype") == "container":
		routes = map[string]func() error{
			"PUT restype=container": x.createContainer, "DELETE restype=container": x.deleteContainer,
			"GET restype=container": x.containerProperties, "HEAD restype=container": x.containerProperties,
			"GET restype=container comp=metadata": x.containerProperties, "HEAD restype=container comp=metadata": x.containerProperties,
			"GET restype=container comp=list": x.listBlobs, "GET restype=container comp=acl": x.containerPolicy,
		}
	case x.blob != "":
		routes = map[string]func() error{
			"PUT": x.put, "GET": x.get, "HEAD": x.properties, "DELETE": x.delete,
			"PUT comp=properties": x.setProperties, "PUT comp=metadata": x.setMetadata, "GET comp=metadata": x.metadata, "HEAD comp=metadata": x.metadata,
			"PUT comp=block": x.putBlock, "PUT comp=blocklist": x.putBlockList, "GET comp=blocklist": x.getBlockList,
		}
	}
	if h := routes[what]; h != nil {
		return h, nil
	}
	return nil, notEmulated(fmt.Sprintf("%q on this path", what))
}
