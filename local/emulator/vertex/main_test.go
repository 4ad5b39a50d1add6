package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	aiplatform "cloud.google.com/go/aiplatform/apiv1"
	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"cloud.google.com/go/storage"
	"go.uber.org/goleak"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/gcs"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const (
	bucket = "some-bucket"
	region = "us-central1"
	parent = "projects/emulated-project/locations/" + region
	number = "projects/123456789012/locations/" + region
	image  = region + "-docker.pkg.dev/p/repository/image:1"
)

// world is the emulators of Cloud Storage and of this package on loopback, official
// clients, and a model server.
type world struct {
	*testing.T
	*aiplatform.JobClient
	models  *aiplatform.ModelClient
	logs    *logging.Client
	storage *storage.Client
	server  *Server
	model   *modelServer
	url     string
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	// So that tests can write down what goes over the wire; TestLikelierData has it
	// the other way.
	o.Predict.Uncertain.TextKept, o.Predict.Uncertain.BatchesSpanFiles = true, true
	return likelierWorld(t, o)
}

func likelierWorld(t *testing.T, o Options) *world {
	t.Helper()
	w := &world{T: t, model: &modelServer{}}
	served := httptest.NewUnstartedServer(nil)
	store, err := gcs.New(gcs.Options{Host: served.Listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	served.Config.Handler = store
	served.Start()
	if err := store.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	o.GCS = served.URL
	if o.Start == nil {
		o.Start = w.model.start
	}
	o.Predict.PingEvery, o.Predict.RetryAfter, o.Predict.Folder = time.Millisecond, time.Millisecond, t.TempDir()
	if w.server, err = New(o); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(w.server)
	h.Config.Protocols = Protocols()
	h.Start()
	w.url = h.URL
	conn, err := grpc.NewClient(h.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if w.JobClient, err = aiplatform.NewJobClient(t.Context(), option.WithGRPCConn(conn)); err != nil {
		t.Fatal(err)
	}
	if w.models, err = aiplatform.NewModelClient(t.Context(), option.WithGRPCConn(conn)); err != nil {
		t.Fatal(err)
	}
	if w.logs, err = logging.NewClient(t.Context(), option.WithGRPCConn(conn)); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	if w.storage, err = storage.NewClient(t.Context(), option.WithEndpoint(served.URL+"/storage/v1/"), option.WithHTTPClient(&http.Client{Transport: transport}), option.WithoutAuthentication(), storage.WithJSONReads()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		transport.CloseIdleConnections()
		h.Close()
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
		served.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		if n := w.model.alive(); n != 0 {
			t.Errorf("%d containers were left running", n)
		}
	})
	return w
}

// modelServer stands for containers. The zero value answers each instance with
// {"saw":INSTANCE}.
type modelServer struct {
	health func(try int) int
	answer func(r *http.Request, body string) (status int, out string) // nil: see above
	say    string                                                      // on stdout

	mu         sync.Mutex
	containers []container.Container
	bodies     []string
	tries      int
	running    int
}

func (m *modelServer) start(_ context.Context, c container.Container) (container.Server, error) {
	m.mu.Lock()
	m.containers = append(m.containers, c)
	m.running++
	m.mu.Unlock()
	_, _ = io.WriteString(c.Output, m.say)
	h := httptest.NewServer(&box{m, c})
	return container.Server{Endpoint: h.URL, Stop: func() {
		h.CloseClientConnections()
		h.Close()
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}}, nil
}

func (m *modelServer) alive() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

// sent are the bodies of all requests so far.
func (m *modelServer) sent() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.bodies)
}

// box is a running container.
type box struct {
	*modelServer
	container.Container
}

func (b *box) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET " + b.Environment["AIP_HEALTH_ROUTE"]:
		b.mu.Lock()
		b.tries++
		try := b.tries
		b.mu.Unlock()
		if b.health != nil {
			w.WriteHeader(b.health(try))
		}
	case "POST " + b.Environment["AIP_PREDICT_ROUTE"]:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.bodies = append(b.bodies, string(body))
		b.mu.Unlock()
		answer := b.answer
		if answer == nil {
			answer = saw
		}
		code, out := answer(r, string(body))
		w.WriteHeader(code)
		_, _ = io.WriteString(w, out)
	default:
		http.NotFound(w, r)
	}
}

type predictions struct {
	Predictions []json.RawMessage `json:"predictions"`
}

func instancesOf(body string) []json.RawMessage {
	var in struct{ Instances []json.RawMessage }
	_ = json.Unmarshal([]byte(body), &in)
	return in.Instances
}

func saw(_ *http.Request, body string) (int, string) {
	var out predictions
	for _, i := range instancesOf(body) {
		out.Predictions = append(out.Predictions, json.RawMessage(fmt.Sprintf(`{"saw":%s}`, i)))
	}
	text, _ := json.Marshal(out)
	return http.StatusOK, string(text)
}

func (w *world) put(key, body string) {
	w.Helper()
	o := w.storage.Bucket(bucket).Object(key).NewWriter(w.Context())
	if _, err := io.WriteString(o, body); err != nil {
		w.Fatal(err)
	}
	if err := o.Close(); err != nil {
		w.Fatal(err)
	}
}

// objects are all below a prefix of a bucket, by the rest of their keys.
func (w *world) objects(bucket, prefix string) map[string]string {
	w.Helper()
	out := map[string]string{}
	for it := w.storage.Bucket(bucket).Objects(w.Context(), &storage.Query{Prefix: prefix}); ; {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) || errors.Is(err, storage.ErrBucketNotExist) {
			return out
		}
		if err != nil {
			w.Fatal(err)
		}
		r, err := w.storage.Bucket(bucket).Object(a.Name).NewReader(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		text, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			w.Fatal(err)
		}
		out[strings.TrimPrefix(a.Name, prefix)] = string(text)
	}
}

// results are the lines of all result files in a job's folder, and of all files with
// errors, as they stand there.
func (w *world) results(j *aiplatformpb.BatchPredictionJob) (results, stats []string) {
	w.Helper()
	folder := strings.TrimPrefix(j.GetOutputInfo().GetGcsOutputDirectory(), "gs://"+bucket+"/")
	if folder == "" {
		folder = "out/"
	}
	files := w.objects(bucket, folder)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	}) {
		for line := range strings.Lines(files[name]) {
			if strings.Contains(name, "prediction.results-") {
				results = append(results, strings.TrimSuffix(line, "\n"))
			} else {
				stats = append(stats, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return results, stats
}

type tweak func(*aiplatformpb.BatchPredictionJob)

// aJob is a specification in order: lines of in/ to out/.
func aJob(change ...tweak) *aiplatformpb.BatchPredictionJob {
	j := &aiplatformpb.BatchPredictionJob{
		DisplayName: "j",
		UnmanagedContainerModel: &aiplatformpb.UnmanagedContainerModel{
			ContainerSpec: &aiplatformpb.ModelContainerSpec{ImageUri: image, PredictRoute: "/predict", HealthRoute: "/health"},
		},
		InputConfig: &aiplatformpb.BatchPredictionJob_InputConfig{
			InstancesFormat: "jsonl", Source: &aiplatformpb.BatchPredictionJob_InputConfig_GcsSource{GcsSource: &aiplatformpb.GcsSource{Uris: []string{"gs://" + bucket + "/in/*"}}},
		},
		OutputConfig: &aiplatformpb.BatchPredictionJob_OutputConfig{
			PredictionsFormat: "jsonl",
			Destination:       &aiplatformpb.BatchPredictionJob_OutputConfig_GcsDestination{GcsDestination: &aiplatformpb.GcsDestination{OutputUriPrefix: "gs://" + bucket + "/out"}},
		},
		DedicatedResources: &aiplatformpb.BatchDedicatedResources{MachineSpec: &aiplatformpb.MachineSpec{MachineType: "n1-standard-4"}, StartingReplicaCount: 1},
	}
	for _, c := range change {
		c(j)
	}
	return j
}

func named(name string) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) { j.DisplayName = name }
}

func keyed(j *aiplatformpb.BatchPredictionJob) {
	j.InstanceConfig = &aiplatformpb.BatchPredictionJob_InstanceConfig{KeyField: "k"}
}

func batches(n int32) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) {
		j.ManualBatchTuningParameters = &aiplatformpb.ManualBatchTuningParameters{BatchSize: n}
	}
}

func from(uris ...string) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) { j.InputConfig.GetGcsSource().Uris = uris }
}

func (w *world) try(j *aiplatformpb.BatchPredictionJob) (*aiplatformpb.BatchPredictionJob, error) {
	return w.CreateBatchPredictionJob(w.Context(), &aiplatformpb.CreateBatchPredictionJobRequest{Parent: parent, BatchPredictionJob: j})
}

func (w *world) create(j *aiplatformpb.BatchPredictionJob) *aiplatformpb.BatchPredictionJob {
	w.Helper()
	out, err := w.try(j)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) get(name string) *aiplatformpb.BatchPredictionJob {
	w.Helper()
	out, err := w.GetBatchPredictionJob(w.Context(), &aiplatformpb.GetBatchPredictionJobRequest{Name: name})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) stop(name string) error {
	return w.CancelBatchPredictionJob(w.Context(), &aiplatformpb.CancelBatchPredictionJobRequest{Name: name})
}

// until looks again and again until something holds.
func (w *world) until(holds func() bool) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-w.Context().Done():
			w.Fatal("the test is over")
		}
	}
}

func (w *world) ends(name string) *aiplatformpb.BatchPredictionJob {
	w.Helper()
	var out *aiplatformpb.BatchPredictionJob
	w.until(func() bool {
		out = w.get(name)
		return over(out.GetState())
	})
	return out
}

// succeeds runs a job and holds that it goes well.
func (w *world) succeeds(j *aiplatformpb.BatchPredictionJob) *aiplatformpb.BatchPredictionJob {
	w.Helper()
	out := w.ends(w.create(j).GetName())
	if out.GetState() != succeeded {
		w.Errorf("it is %s: %v", out.GetState(), out.GetError())
	}
	return out
}

// fails runs a job and holds that it fails.
func (w *world) fails(j *aiplatformpb.BatchPredictionJob, code codes.Code, says string) *aiplatformpb.BatchPredictionJob {
	w.Helper()
	out := w.ends(w.create(j).GetName())
	if out.GetState() != failed || codes.Code(out.GetError().GetCode()) != code || !strings.Contains(out.GetError().GetMessage(), says) { //nolint:gosec // a code
		w.Errorf("it is %s: %v, want FAILED: %s %q", out.GetState(), out.GetError(), code, says)
	}
	return out
}

// refused holds that an error has a code and says something.
func (w *world) refused(err error, code codes.Code, says string) {
	w.Helper()
	if status.Code(err) != code || !strings.Contains(err.Error(), says) {
		w.Errorf("%v\nwant %s: %s", err, code, says)
	}
}

// list gives the display names that a list has, over all of its pages.
func (w *world) list(filter string) string {
	w.Helper()
	var out []string
	for it := w.ListBatchPredictionJobs(w.Context(), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent, Filter: filter}); ; {
		j, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return strings.Join(out, " ")
		}
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, j.GetDisplayName())
	}
}

// lines are the log entries that a filter lets through.
func (w *world) lines(filter, order string) []string {
	w.Helper()
	var out []string
	for it := w.logs.ListLogEntries(w.Context(), &loggingpb.ListLogEntriesRequest{ResourceNames: []string{"projects/emulated-project"}, Filter: filter, OrderBy: order}); ; {
		e, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return out
		}
		if err != nil {
			w.Fatal(err)
		}
		out = append(out, e.GetTextPayload())
	}
}
