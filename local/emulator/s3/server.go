package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/johannesboyne/gofakes3"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// DefaultRegion is where buckets are that nobody put elsewhere.
const DefaultRegion = "us-east-1"

// Options of a Server. The zero value keeps everything in memory.
type Options struct {
	Clock clockwork.Clock // nil is the real one
	Dir   string          // a folder to keep everything in; made when absent
}

// Server is Amazon S3 as one endpoint for all regions, and an http.Handler. It is
// safe for concurrent use.
type Server struct {
	clock    clockwork.Clock
	store    *objects.Store
	requests atomic.Uint64

	mu    sync.Mutex
	parts map[string]map[string]string // by upload id: checksum by the etag of the part in the store
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
	return &Server{clock: o.Clock, store: store, parts: map[string]map[string]string{}}, nil
}

// Close lets the folder go, durably. Requests that come later are answered 503.
func (s *Server) Close() error { return s.store.Close() }

// CreateBucket makes a bucket in DefaultRegion. One that is there is left alone.
func (s *Server) CreateBucket(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := gofakes3.ValidateBucketName(name); err != nil {
		return fmt.Errorf("bucket %q: %w", name, err)
	}
	_, err := s.store.CreateBucket(name, map[string]string{regionProperty: DefaultRegion})
	if errors.Is(err, objects.ErrBucketExists) {
		return nil
	}
	return err
}

// regionProperty is the property of a bucket that says where it is.
const regionProperty = "region"

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(s, w, r)
	if err := x.serve(); err != nil {
		x.refuse(asFault(err, x.bucket, x.key))
	}
	if x.brokenOff {
		panic(http.ErrAbortHandler) // so that the client sees that its body is not whole
	}
}

// split takes a path apart. The key may hold anything, also slashes at its ends.
func split(path string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return bucket, key
}
