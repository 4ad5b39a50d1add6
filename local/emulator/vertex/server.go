package vertex

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// Options of a Server. GCS and Start are mandatory.
type Options struct {
	Clock clockwork.Clock // nil is the real one
	GCS   string          // the endpoint of Cloud Storage: http://HOST:PORT

	Start container.Start // starts what stands for a container

	// The one project there is. Names in answers have its number.
	Project       string // empty: emulated-project
	ProjectNumber string // empty: 123456789012

	// How long jobs take, besides the work. Zero is no time.
	Queueing time.Duration // before a job runs; Predict.AtLeast is from then on
	Stopping time.Duration // from CANCELLING to CANCELLED
	// ExpireAfter is how long after its creation a job that still lives becomes
	// EXPIRED. Zero is never.
	ExpireAfter time.Duration

	// Quotas are how many replicas of a machine type all live jobs of a location may
	// have together; types that are not named have no limit.
	Quotas map[string]int

	Seed      uint64          // of ids, and of the order of results
	Predict   predict.Options // but GCS, Project, Start, Clock and Seed, which are taken from here
	Uncertain Uncertain

	// Disturb is asked about every request of a method that there is, before it is
	// carried out and again after. Nil disturbs nothing.
	Disturb func(ctx context.Context, c Call) Disturbance
}

// Uncertain are points of the control plane on which the service's documents are
// silent. The zero value is the likelier of both. For those of the data see
// predict.Uncertain.
type Uncertain struct {
	// CreatedQueued makes jobs QUEUED for Options.Queueing; else they are PENDING
	// from the start, as recorded answers to Create are.
	CreatedQueued bool
	// PartlyIsPartially ends a job of which some rows failed as PARTIALLY_SUCCEEDED;
	// else it is SUCCEEDED, with a failedCount.
	PartlyIsPartially bool
	// NothingIsFailed ends a job of which all rows failed as FAILED; else as one of
	// which some did.
	NothingIsFailed bool
	// StatsWhileRunning fills completionStats from the first batch on; else when the
	// job is over.
	StatsWhileRunning bool
	// OutputInfoEarly fills outputInfo from RUNNING on; else only of a job that
	// SUCCEEDED or PARTIALLY_SUCCEEDED.
	OutputInfoEarly bool
	// CancelComesLate lets a job that is being cancelled run to its end.
	CancelComesLate bool
	// CancelledWithoutError leaves error out of a CANCELLED job; else it has code 1,
	// as is documented of other kinds of jobs.
	CancelledWithoutError bool
	// CancelOverIsOK takes a cancel of a job that is over for done; else it is
	// FAILED_PRECONDITION.
	CancelOverIsOK bool
	// QuotaRefusesCreate answers RESOURCE_EXHAUSTED to who creates a job over
	// Options.Quotas; else the job fails with that code.
	QuotaRefusesCreate bool
	// FolderUnnamed leaves a name out of the output folder of a job without a
	// registered model; else it is the job's display name.
	FolderUnnamed bool
	// LogResource is the type of monitored resource that container logs carry. Empty:
	// aiplatform.googleapis.com/BatchPredictionJob. Others are said of it: ml_job, and
	// aiplatform.googleapis.com/Endpoint.
	LogResource string
	// LogLabel is the resource's label that holds the job's id. Empty: job_id.
	LogLabel string
}

// Call is a request, for Options.Disturb.
type Call struct {
	Service   string // aiplatform or logging
	Operation string // such as CreateBatchPredictionJob
	Location  string // of its parent or name; empty where there is none
	Input     []byte // the message that was understood, as JSON with sorted members
	After     bool   // it has been carried out
}

// Disturbance is what goes wrong with a request. The zero value is nothing.
type Disturbance struct {
	Delay time.Duration // before anything else
	// Code, when it is not OK, is the answer, with Message. Before: nothing was done.
	// After: all was done and this is said all the same.
	Code    codes.Code
	Message string
	// Drop ends the connection without an answer. In gRPC, where a connection carries
	// other calls as well, it is the UNAVAILABLE that a client makes of it.
	Drop bool
	// Stale, before a list: it is as it was so long ago.
	Stale time.Duration
	// Late, before a create: for so long no list has the job.
	Late time.Duration
	// Fail, before a create: the job is made, and instead of running it fails with
	// these words, for want of machines.
	Fail string
}

// Server is the two services as one endpoint for all locations, and an http.Handler.
// It is safe for concurrent use. Nothing is kept when it is closed.
type Server struct {
	o       Options
	grpc    *grpc.Server
	routes  []route
	predict *predict.Runner
	logs    *logs

	life    context.Context //nolint:containedctx // of the jobs: from New to Close
	end     context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	random     *rand.Rand
	jobs       map[place]*job
	models     map[place]*aiplatformpb.Model
	operations map[place]*longrunningpb.Operation
}

// New makes a Server. The caller closes it, after what serves it.
func New(o Options) (*Server, error) {
	if o.GCS == "" || o.Start == nil {
		return nil, errors.New("vertex: Options.GCS and Options.Start must be set")
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	o.Project = or(o.Project, "emulated-project")
	o.ProjectNumber = or(o.ProjectNumber, "123456789012")
	o.Uncertain.LogResource = or(o.Uncertain.LogResource, "aiplatform.googleapis.com/BatchPredictionJob")
	o.Uncertain.LogLabel = or(o.Uncertain.LogLabel, "job_id")
	p := &o.Predict
	p.GCS, p.Project, p.Start, p.Clock, p.Seed = o.GCS, o.Project, o.Start, o.Clock, o.Seed
	s := &Server{
		o: o, logs: &logs{}, random: rand.New(rand.NewPCG(o.Seed, 0)), //nolint:gosec // ids, no secrets
		jobs: map[place]*job{}, models: map[place]*aiplatformpb.Model{}, operations: map[place]*longrunningpb.Operation{},
	}
	var err error
	if s.predict, err = predict.New(o.Predict); err != nil {
		return nil, err
	}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(maxBody))
	jobs, models, operations, entries := &jobService{Server: s}, &modelService{Server: s}, &operationService{Server: s}, &logService{Server: s}
	aiplatformpb.RegisterJobServiceServer(s.grpc, jobs)
	aiplatformpb.RegisterModelServiceServer(s.grpc, models)
	longrunningpb.RegisterOperationsServer(s.grpc, operations)
	loggingpb.RegisterLoggingServiceV2Server(s.grpc, entries)
	s.routes = routes(jobs, models, operations, entries)
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// Protocols are what the http.Server of a Server must speak, which is more than it
// does unasked: http.Server{Handler: s, Protocols: vertex.Protocols()}, or of a
// httptest.NewUnstartedServer(s) its Config.Protocols.
func Protocols() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// Close ends all jobs and their containers, and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.running.Wait()
	s.grpc.Stop()
	return s.predict.Close()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		s.grpc.ServeHTTP(w, r)
		return
	}
	s.rest(w, r)
}

// now is the time as the API tells it: in microseconds.
func (s *Server) now() time.Time { return s.o.Clock.Now().UTC().Truncate(time.Microsecond) }

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

// newID makes an id of digits. It is called under the lock.
func (s *Server) newID() string { return strconv.FormatInt(1e18+s.random.Int64N(8e18), 10) }

func or(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}
