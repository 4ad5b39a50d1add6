package sagemaker

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
)

// Options of a Server. S3 and Start are mandatory.
type Options struct {
	Clock clockwork.Clock // nil is the real one
	S3    string          // the endpoint where jobs read and write: http://HOST:PORT

	Start container.Start // starts what stands for a container

	Account string // 12 digits, in ARNs; empty: 123456789012

	// How long jobs take, besides the work. Zero is no time.
	Queueing time.Duration // before a job has instances; Transform.AtLeast is from then on
	Stopping time.Duration // from StopTransformJob to Stopped

	// Quotas are how many instances of a type all live jobs of a region may have
	// together; types that are not named have no limit.
	Quotas map[string]int

	Transform transform.Options // but S3, Start and Clock, which are taken from here
	Uncertain Uncertain

	// Disturb is asked about every request that is in order, before it is carried
	// out and again after. Nil disturbs nothing.
	Disturb func(ctx context.Context, c Call) Disturbance
}

// Uncertain are points of the control plane on which the service's documents are
// silent or known to be wrong. The zero value is the likelier of both. For those of
// the data see transform.Uncertain.
type Uncertain struct {
	// UnknownIsNotFound answers ResourceNotFound to who describes or stops a job
	// that is unknown, as the model says; else ValidationException, as is seen.
	UnknownIsNotFound bool
	// StopComesLate lets a job that is being stopped run to its end, Completed or
	// Failed.
	StopComesLate bool
	// DefaultsUnsaid lets Describe give just what Create was given; else defaults
	// that nobody set are there too.
	DefaultsUnsaid bool
}

// Call is a request, for Options.Disturb.
type Call struct {
	Service   string // sagemaker or logs
	Operation string // such as CreateTransformJob
	Region    string // that it was signed for
	Input     []byte // what was understood of it, as JSON with sorted members
	After     bool   // it has been carried out
}

// Disturbance is what goes wrong with a request. The zero value is nothing.
type Disturbance struct {
	Delay time.Duration // before anything else
	// Status, when it is not 0, is the answer, with Code and Message. Before: nothing
	// was done. After: all was done and this is said all the same.
	Status        int
	Code, Message string
	Drop          bool // the connection ends without an answer
	// Stale, before a list: it is as it was so long ago.
	Stale time.Duration
	// Fail, before CreateTransformJob: the job is made, and instead of running it
	// fails for this reason.
	Fail string
}

// Server is the two services as one endpoint for all regions, and an http.Handler.
// It is safe for concurrent use. Nothing is kept when it is closed.
type Server struct {
	o          Options
	operations map[string]operation
	transform  *transform.Runner
	logs       *logs

	life    context.Context //nolint:containedctx // of the jobs: from New to Close
	end     context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool
	models map[place]*model
	jobs   map[place]*job
	tags   map[string][]tag // by ARN
}

// place is a name in a region. Names that differ in case only have the same ARN, so
// they are one.
type place struct{ region, name string }

func at(region, name string) place { return place{region, strings.ToLower(name)} }

var errClosed = errors.New("the emulator is closed")

// New makes a Server. The caller closes it.
func New(o Options) (*Server, error) {
	if o.S3 == "" || o.Start == nil {
		return nil, errors.New("sagemaker: Options.S3 and Options.Start must be set")
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	o.Transform.Endpoint, o.Transform.Start, o.Transform.Clock = o.S3, o.Start, o.Clock
	s := &Server{
		o: o, transform: transform.New(o.Transform), logs: newLogs(o.Clock),
		models: map[place]*model{}, jobs: map[place]*job{}, tags: map[string][]tag{},
	}
	s.operations = s.routes()
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Close ends all jobs and their containers, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	s.transform.Close()
	return nil
}

// now is the time as the API tells it: in milliseconds.
func (s *Server) now() time.Time { return s.o.Clock.Now().UTC().Truncate(time.Millisecond) }

// wait waits on the server's clock.
func (s *Server) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	select {
	case <-s.o.Clock.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(s, w, r)
	if err := x.serve(); err != nil {
		x.refuse(err)
	}
}
