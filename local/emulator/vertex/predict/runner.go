package predict

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/crossbatch/crossbatch/local/emulator/container"
)

// Options of a Runner. GCS and Start are mandatory.
type Options struct {
	GCS      string // the endpoint of Cloud Storage: http://HOST:PORT
	Project  string // that the service's own bucket is made in
	Start    container.Start
	Clock    clockwork.Clock
	Folder   string // for results of running jobs; empty: the system's own for such
	Replicas int    // how many run at a time, of all jobs together; 0: 4
	Seed     uint64 // of the order of results

	AtLeast    time.Duration // how long a job runs, though its work be done sooner
	PingEvery  time.Duration // 0: 50 ms. The service waits some seconds
	ReadyFor   time.Duration // 0: 40 minutes, as the service
	RetryAfter time.Duration // between tries of a request; 0: 100 ms
	Timeout    time.Duration // of one try; 0: 10 minutes, as the service's front end

	Uncertain Uncertain
}

// Runner runs jobs' data. It is safe for concurrent use.
type Runner struct {
	o         Options
	transport *http.Transport // to Cloud Storage
	gcs       *storage.Client
	slots     chan struct{} // one a replica that runs
}

// New makes a Runner. The caller closes it when nothing runs any more.
func New(o Options) (*Runner, error) {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	if o.Replicas <= 0 {
		o.Replicas = 4
	}
	for at, or := range map[*time.Duration]time.Duration{
		&o.PingEvery: 50 * time.Millisecond, &o.ReadyFor: 40 * time.Minute, &o.RetryAfter: 100 * time.Millisecond, &o.Timeout: 10 * time.Minute,
	} {
		if *at == 0 {
			*at = or
		}
	}
	r := &Runner{o: o, transport: &http.Transport{MaxIdleConnsPerHost: 16}, slots: make(chan struct{}, o.Replicas)}
	var err error
	r.gcs, err = storage.NewClient(context.Background(),
		option.WithEndpoint(o.GCS+"/storage/v1/"), option.WithHTTPClient(&http.Client{Transport: r.transport}), option.WithoutAuthentication(), storage.WithJSONReads())
	if err != nil {
		return nil, fmt.Errorf("opening Cloud Storage at %s: %w", o.GCS, err)
	}
	return r, nil
}

// Close lets connections go.
func (r *Runner) Close() error {
	err := r.gcs.Close()
	r.transport.CloseIdleConnections()
	return err
}

// Hooks are told how a job goes. They are called from several goroutines.
type Hooks struct {
	Started  func(replicas int) // they have been set aside; called once
	Progress func(Counts)
	Log      func(line string) // of a container
}

// run is one job under way.
type run struct {
	task   Task
	o      *Options
	gcs    *storage.Client
	hooks  Hooks
	output *output

	mu     sync.Mutex
	report Report
}

func (j *run) unreadable(why string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Unreadable = append(j.report.Unreadable, why)
}

// Run does a job. It returns when all of it has ended, with what had been done. The
// error is a *Failure, or the cause that ctx was cancelled with: results that were
// there by then are written all the same.
func (r *Runner) Run(ctx context.Context, t Task, h Hooks) (Report, error) {
	j := &run{task: t, o: &r.o, gcs: r.gcs, hooks: h, report: Report{Counts: Counts{Incomplete: -1}}}
	n, err := r.reserve(ctx, t.Replicas)
	if err != nil {
		return j.report, err
	}
	defer func() {
		for range n {
			<-r.slots
		}
	}()
	h.Started(n)
	err = j.do(ctx, n)
	if err := cancelled(ctx); err != nil {
		return j.report, err
	}
	if err != nil {
		return j.report, asFailure(err)
	}
	j.report.Incomplete = 0
	return j.report, nil
}

// reserve waits for one replica, and takes as many more as are free, so that jobs
// never wait for each other with some in hand.
func (r *Runner) reserve(ctx context.Context, want int) (int, error) {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	for n := 1; n < want; n++ {
		select {
		case r.slots <- struct{}{}:
		default:
			return n, nil
		}
	}
	return max(want, 1), nil
}

func (j *run) do(ctx context.Context, replicas int) error {
	var rest sync.WaitGroup
	defer rest.Wait()
	if j.o.AtLeast > 0 {
		rest.Go(func() {
			select {
			case <-j.o.Clock.After(j.o.AtLeast):
			case <-ctx.Done():
			}
		})
	}
	folder, err := os.MkdirTemp(j.o.Folder, "predict-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	defer j.discard(ctx)
	storage, err := j.artifact(ctx)
	if err != nil {
		return err
	}
	objects, err := j.inputs(ctx)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return j.noInput()
	}
	var size int64
	for _, o := range objects {
		size += o.size
	}
	if j.output, err = newOutput(folder, j.o.Seed, j.task.Job, size); err != nil {
		return err
	}
	defer func() { _ = j.output.close() }()
	err = j.predict(ctx, objects, replicas, storage)
	if err == nil && len(j.report.Unreadable) >= len(objects) && j.output.counts == (Counts{}) {
		err = j.noInput()
	}
	j.report.Counts = j.output.counts
	j.report.Incomplete = -1
	writing, cancel := ctx, func() {}
	if ctx.Err() != nil {
		writing, cancel = afterwards(ctx)
	}
	defer cancel()
	if failed := j.output.write(writing, j.put); err == nil {
		err = failed
	}
	return err
}

func (j *run) noInput() error {
	why := "there are none"
	if len(j.report.Unreadable) > 0 {
		why = j.report.Unreadable[0]
	}
	return failf(codes.InvalidArgument, "No input could be read: %s", why)
}

// predict reads all inputs, and hands batches to whichever replica is free.
func (j *run) predict(ctx context.Context, objects []object, replicas int, storage string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	batches := make(chan batch)
	var all sync.WaitGroup
	for range replicas {
		all.Go(func() {
			if err := (&replica{run: j, storage: storage}).work(ctx, batches); err != nil {
				cancel(err)
			}
		})
	}
	err := j.read(ctx, objects, batches)
	close(batches)
	all.Wait()
	if ended := cancelled(ctx); ended != nil {
		return ended
	}
	return err
}

// read cuts the inputs into batches.
func (j *run) read(ctx context.Context, objects []object, batches chan<- batch) error {
	var pending batch
	send := func() error {
		select {
		case batches <- pending:
			pending = nil
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var number int64
	for _, o := range objects {
		err := j.lines(ctx, o, func(line []byte) error {
			r, err := j.task.Instance.read(append([]byte(nil), line...), j.o.Uncertain)
			r.number = number
			number++
			if err != nil {
				return j.failed(batch{r}, fmt.Sprintf("Cannot read an instance of %s: %v.", o, err))
			}
			if pending = append(pending, r); len(pending) == j.task.Batch {
				return send()
			}
			return nil
		})
		var unread *readError
		if errors.As(err, &unread) && ctx.Err() == nil {
			j.unreadable(fmt.Sprintf("%s cannot be read: %v", o, unread.error))
			continue
		}
		if err != nil {
			return err
		}
		if len(pending) > 0 && !j.o.Uncertain.BatchesSpanFiles {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if len(pending) > 0 {
		return send()
	}
	return nil
}

func (j *run) succeeded(b batch, predictions []json.RawMessage) error {
	lines := make([][]byte, len(b))
	for n, r := range b {
		p := []byte(predictions[n])
		if !j.o.Uncertain.TextKept {
			p = rewrite(p)
		}
		lines[n] = r.result(p)
	}
	counts, err := j.output.good(b, lines)
	j.hooks.Progress(counts)
	return err
}

func (j *run) failed(b batch, message string) error {
	counts, err := j.output.bad(b[0].number, message, len(b))
	j.hooks.Progress(counts)
	return err
}

// put writes one object of the output.
func (j *run) put(ctx context.Context, name string, lines []numbered) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // which a writer that is not closed goes with
	bucket, key, _ := SplitURI(j.task.Output + name)
	w := j.gcs.Bucket(bucket).Object(key).NewWriter(ctx)
	w.ChunkSize = 0 // one request; nothing is held to be sent again
	for _, l := range lines {
		if _, err := w.Write(l.line); err != nil {
			return err
		}
	}
	return w.Close()
}

// afterwards is a context for cleaning up, which outlives ctx for a moment.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}
