package transform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// Options of a Runner. Endpoint and Start are mandatory.
type Options struct {
	Endpoint  string // of S3: http://HOST:PORT
	Start     container.Start
	Clock     clockwork.Clock
	Folder    string // for models and large bodies of running jobs; empty: the system's own for such
	Instances int    // how many run at a time, of all jobs together; 0: 4

	AtLeast    time.Duration // how long a job runs, though its work be done sooner
	PingEvery  time.Duration // 0: 50 ms. The service waits about a second
	PingFor    time.Duration // 0: 30 minutes, as the service
	RetryAfter time.Duration // between tries of a request; 0: 100 ms

	Uncertain Uncertain
}

// Runner runs jobs' data. It is safe for concurrent use.
type Runner struct {
	o     Options
	http  *http.Transport // to S3
	slots chan struct{}   // one an instance that runs
}

// New makes a Runner. The caller closes it when nothing runs any more.
func New(o Options) *Runner {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Instances <= 0 {
		o.Instances = 4
	}
	for at, or := range map[*time.Duration]time.Duration{&o.PingEvery: 50 * time.Millisecond, &o.PingFor: 30 * time.Minute, &o.RetryAfter: 100 * time.Millisecond} {
		if *at == 0 {
			*at = or
		}
	}
	return &Runner{o: o, http: &http.Transport{MaxIdleConnsPerHost: 16}, slots: make(chan struct{}, o.Instances)}
}

// Close lets connections go.
func (r *Runner) Close() { r.http.CloseIdleConnections() }

// Hooks are told how a job goes. They are called from several goroutines.
type Hooks struct {
	Started func()                    // it has an instance; called once
	Log     func(stream, line string) // stream is below the job's: INSTANCE-TIME, or that and /data-log
}

// run is one job under way.
type run struct {
	task      Task
	o         *Options
	uncertain Uncertain
	s3        *s3.Client
	slots     chan struct{}
	hooks     Hooks
	folder    string
	epoch     int64 // in the names of streams
	data      []string

	mu      sync.Mutex
	gravest blame
	written []object // bucket and key of what stands in S3 now
}

// Run does a job. It returns when all of it has ended. The error is a *Failure, or
// the cause that ctx was cancelled with: when that is ErrStopped, outputs are
// taken back.
func (r *Runner) Run(ctx context.Context, t Task, h Hooks) error {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h.Started()
	j := &run{
		task: t, o: &r.o, uncertain: r.o.Uncertain, slots: r.slots, hooks: h, epoch: r.o.Clock.Now().Unix(),
		s3: s3.New(s3.Options{
			BaseEndpoint: aws.String(r.o.Endpoint), Region: t.Region, UsePathStyle: true,
			HTTPClient:                 &http.Client{Transport: r.http},
			Credentials:                credentials.NewStaticCredentialsProvider("emulator", "emulator", ""),
			RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		}),
	}
	var err error
	if j.folder, err = os.MkdirTemp(r.o.Folder, "transform-*"); err != nil {
		<-r.slots
		j.fail(0, asFault(err))
		return j.gravest.failure()
	}
	defer func() { _ = os.RemoveAll(j.folder) }()
	j.do(ctx)
	if err := cancelled(ctx); err != nil {
		if errors.Is(err, ErrStopped) && !j.uncertain.StopKeepsFinished {
			j.discard(ctx)
		}
		return err
	}
	return j.gravest.failure()
}

// do holds one slot already, which is that of the first instance.
func (j *run) do(ctx context.Context) {
	release := func() { <-j.slots }
	objects, err := j.prepare(ctx)
	if err != nil {
		release()
		if ctx.Err() == nil {
			j.fail(0, asFault(err))
		}
		return
	}
	var all sync.WaitGroup
	if j.o.AtLeast > 0 {
		all.Go(func() {
			select {
			case <-j.o.Clock.After(j.o.AtLeast):
			case <-ctx.Done():
			}
		})
	}
	n := j.task.Instances
	for i := range min(n, len(objects)) { // the others would stay idle
		all.Go(func() {
			if i > 0 {
				select {
				case j.slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
			defer release()
			var mine []object
			for k := i; k < len(objects); k += n {
				mine = append(mine, objects[k])
			}
			if err := (&instance{run: j, number: i}).work(ctx, mine); err != nil && ctx.Err() == nil {
				j.fail(i, asFault(err))
			}
		})
	}
	all.Wait()
}

func (j *run) prepare(ctx context.Context) ([]object, error) {
	objects, err := j.objects(ctx)
	if err != nil {
		return nil, err
	}
	for i, d := range j.task.Definitions {
		folder, err := j.provide(ctx, i, d)
		if err != nil {
			return nil, err
		}
		j.data = append(j.data, folder)
	}
	return objects, nil
}

// fail takes down a fault of an instance as a whole.
func (j *run) fail(number int, f *fault) {
	j.blame(f.blame)
	for _, line := range f.lines {
		j.dataLog(number, line)
	}
}

func (j *run) blame(b blame) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.gravest = max(j.gravest, b)
}

// dataLog writes a line as the service writes them.
func (j *run) dataLog(number int, line string) {
	at := j.o.Clock.Now().UTC().Format("2006-01-02T15:04:05.000")
	j.hooks.Log(j.stream(number)+"/data-log", fmt.Sprintf("%s:[sagemaker logs]: %s", at, line))
}

// afterwards is a context for cleaning up, which outlives ctx for a moment.
func (j *run) afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

func (j *run) wrote(o object) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.written = append(j.written, o)
}

// discard takes back what was written.
func (j *run) discard(ctx context.Context) {
	ctx, cancel := j.afterwards(ctx)
	defer cancel()
	for _, o := range j.written {
		if _, err := j.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(o.key)}); err != nil {
			j.dataLog(0, fmt.Sprintf("%s: could not be taken back: %v", o, err))
		}
	}
}
