package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/gofrs/flock"
)

// Options of a Server.
type Options struct {
	Host string // HOST:PORT that clients reach it under
	Dir  string // a folder to keep everything in, written by Close; made when absent; empty keeps nothing
}

// Server is Google Cloud Storage, and an http.Handler. It is safe for concurrent use.
type Server struct {
	host    string
	dir     string
	lock    *flock.Flock // of dir; nil without one
	library *fakestorage.Server
	handler http.Handler

	closing sync.Once
	closed  atomic.Bool
	failed  error // what Close met
	writes  sync.RWMutex
}

// New makes a server, with what the folder holds. The caller closes it.
func New(o Options) (*Server, error) {
	s := &Server{host: o.Host, dir: o.Dir}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, err
		}
		s.lock = flock.New(filepath.Join(o.Dir, "lock"))
		switch held, err := s.lock.TryLock(); {
		case err != nil:
			return nil, fmt.Errorf("locking %s: %w", o.Dir, err)
		case !held:
			return nil, fmt.Errorf("opening %s: another process has it open", o.Dir)
		}
	}
	var err error
	s.library, err = fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", PublicHost: o.Host, ExternalURL: "http://" + o.Host, BucketsLocation: "US",
	})
	if err == nil {
		s.handler = s.library.HTTPHandler()
		if s.dir != "" {
			err = s.load()
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// Close writes the folder, durably and at one stroke, and lets it go. Requests
// that come later are answered 503.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		s.writes.Lock() // waits for what is being answered
		defer s.writes.Unlock()
		if s.dir != "" {
			s.failed = s.save()
		}
		s.library.Stop()
		s.failed = errors.Join(s.failed, s.unlock())
	})
	return s.failed
}

func (s *Server) unlock() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Unlock()
}

// https://cloud.google.com/storage/docs/buckets#naming
var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$`)

// CreateBucket makes a bucket. One that is there is left alone.
func (s *Server) CreateBucket(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !bucketForm.MatchString(name) {
		return fmt.Errorf("bucket %q: names have 3 to 63 lower case letters, digits, dots, dashes and underscores, the first and last a letter or digit", name)
	}
	s.library.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: name})
	return nil
}
