package vertex

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/crossbatch/crossbatch/local/emulator/container"
	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

func instances(c *aiplatformpb.BatchPredictionJob_InstanceConfig) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) { j.InstanceConfig = c }
}

// TestInstances holds what the model sees of a line, and what a result says of it.
func TestInstances(t *testing.T) {
	type config = aiplatformpb.BatchPredictionJob_InstanceConfig
	for _, c := range []struct {
		name, line   string
		config       *config
		u            predict.Uncertain
		sent, result string
		fault        string
	}{
		{"as it is", `{"a": 1.50, "b": [1]}`, nil, predict.Uncertain{}, `{"a": 1.50, "b": [1]}`, `{"instance": {"a": 1.50, "b": [1]}, "prediction": 7}`, ""},
		{"list", `[1, "x"]`, nil, predict.Uncertain{}, `[1, "x"]`, `{"instance": [1, "x"], "prediction": 7}`, ""},
		{"scalar", `"x"`, nil, predict.Uncertain{}, `"x"`, `{"instance": "x", "prediction": 7}`, ""},
		{"scalar refused", `"x"`, nil, predict.Uncertain{ScalarsRefused: true}, "", "", "no JSON object and no array"},
		{"key", `{"k": "ä<1>", "a": 1}`, &config{KeyField: "k"}, predict.Uncertain{}, `{"a": 1}`, `{"key": "ä<1>", "prediction": 7}`, ""},
		{"key kept", `{"k": "x", "a": 1}`, &config{KeyField: "k"}, predict.Uncertain{KeyKept: true}, `{"k": "x", "a": 1}`, `{"key": "x", "prediction": 7}`, ""},
		{"number as key", `{"a": 1, "k": 1.50}`, &config{KeyField: "k"}, predict.Uncertain{}, `{"a": 1}`, `{"key": 1.50, "prediction": 7}`, ""},
		{"object as key", `{"k": {"x": [1]}}`, &config{KeyField: "k"}, predict.Uncertain{}, `{}`, `{"key": {"x": [1]}, "prediction": 7}`, ""},
		{"no key", `{"a": 1}`, &config{KeyField: "k"}, predict.Uncertain{}, "", "", `no key field "k"`},
		{"key of a list", `[1]`, &config{KeyField: "k"}, predict.Uncertain{}, "", "", "no JSON object"},
		{"included", `{"a": 1, "b": 2, "c": 3}`, &config{IncludedFields: []string{"c", "a"}}, predict.Uncertain{}, `{"a": 1, "c": 3}`, `{"instance": {"a": 1, "c": 3}, "prediction": 7}`, ""},
		{"excluded", `{"a": 1, "b": 2}`, &config{ExcludedFields: []string{"b"}}, predict.Uncertain{}, `{"a": 1}`, `{"instance": {"a": 1}, "b": 2, "prediction": 7}`, ""},
		{"excluded with key", `{"a": 1, "b": 2, "k": 3}`, &config{ExcludedFields: []string{"b"}, KeyField: "k"}, predict.Uncertain{}, `{"a": 1}`, `{"key": 3, "prediction": 7}`, ""},
		{"array", `{"a": 1, "b": 2}`, &config{InstanceType: "array", IncludedFields: []string{"b", "a"}}, predict.Uncertain{}, `[2, 1]`, `{"instance": [2, 1], "prediction": 7}`, ""},
		{"array of a list", `[3]`, &config{InstanceType: "array"}, predict.Uncertain{}, `[3]`, `{"instance": [3], "prediction": 7}`, ""},
		{"array without order", `{"a": 1}`, &config{InstanceType: "array"}, predict.Uncertain{}, "", "", "includedFields"},
		{"array, absent", `{"a": 1}`, &config{InstanceType: "array", IncludedFields: []string{"b"}}, predict.Uncertain{}, "", "", `no included field "b"`},
		{"object", `{"a": 1}`, &config{InstanceType: "object"}, predict.Uncertain{}, `{"a": 1}`, `{"instance": {"a": 1}, "prediction": 7}`, ""},
		{"no object", `[1]`, &config{InstanceType: "object"}, predict.Uncertain{}, "", "", "no JSON object"},
		{"no JSON", `{"a": 1`, nil, predict.Uncertain{}, "", "", "not valid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Predict: predict.Options{Uncertain: c.u}})
			w.model.answer = func(*http.Request, string) (int, string) { return http.StatusOK, "{\"predictions\": [\n 7]}" }
			w.put("in/a", "\n"+c.line+"\r\n\n")
			j := w.succeeds(aJob(instances(c.config)))
			results, stats := w.results(j)
			if c.fault != "" {
				if len(results) != 0 || len(stats) != 1 || !strings.Contains(stats[0], c.fault) || !strings.HasSuffix(stats[0], ", 1)") || len(w.model.sent()) != 0 {
					t.Errorf("%q %q", results, stats)
				}
				return
			}
			if sent := w.model.sent(); !slices.Equal(sent, []string{`{"instances": [` + c.sent + `]}`}) {
				t.Errorf("sent %q", sent)
			}
			if !slices.Equal(results, []string{c.result}) || len(stats) != 0 {
				t.Errorf("%q %q, want %q", results, stats, c.result)
			}
		})
	}
}

func TestBatches(t *testing.T) {
	for size, want := range map[int32][]int{0: {64, 64, 2}, 50: {50, 50, 30}, 1000: {130}} {
		for dropped, parameters := range map[bool]string{false: `, "parameters": {"x":1}`, true: ""} {
			w := newWorld(t, Options{Predict: predict.Options{Uncertain: predict.Uncertain{ParametersDropped: dropped}}})
			w.put("in/a", rows(100))
			w.put("in/b", rows(30))
			value, err := structpb.NewValue(map[string]any{"x": 1})
			if err != nil {
				t.Fatal(err)
			}
			change := []tweak{func(j *aiplatformpb.BatchPredictionJob) { j.ModelParameters = value }}
			if size > 0 {
				change = append(change, batches(size))
			}
			w.succeeds(aJob(change...))
			var got []int
			for _, body := range w.model.sent() {
				got = append(got, len(instancesOf(body)))
				if !strings.HasSuffix(strings.ReplaceAll(body, `"x": 1`, `"x":1`), "]"+parameters+"}") {
					t.Errorf("the request ends in %s, want %s", body[len(body)-40:], parameters)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d: batches of %d, want %d", size, got, want)
			}
		}
	}
}

// TestLikelierData holds that JSON is written anew, there and back, and that a batch
// ends with its file.
func TestLikelierData(t *testing.T) {
	w := likelierWorld(t, Options{})
	w.model.answer = func(_ *http.Request, body string) (int, string) {
		return http.StatusOK, `{"predictions":[` + strings.TrimSuffix(strings.Repeat(`{"y":1.50,"s":"ä"},`, len(instancesOf(body))), ",") + `]}`
	}
	w.put("in/a", `{"k":"ä","a":1.50,"b":1e-7}`)
	w.put("in/b", `{"k":"b"}`)
	results, _ := w.results(w.succeeds(aJob(keyed)))
	slices.Sort(results)
	if want := []string{`{"key": "\u00e4", "prediction": {"y": 1.5, "s": "\u00e4"}}`, `{"key": "b", "prediction": {"y": 1.5, "s": "\u00e4"}}`}; !slices.Equal(results, want) {
		t.Errorf("%q, want %q", results, want)
	}
	if sent, want := w.model.sent(), []string{`{"instances": [{"a": 1.5, "b": 1e-07}]}`, `{"instances": [{}]}`}; !slices.Equal(sent, want) {
		t.Errorf("sent %q, want %q", sent, want)
	}
}

// TestOrder holds that the order depends on the seed alone, and not on who was first.
func TestOrder(t *testing.T) {
	run := func(seed uint64) []string {
		w := newWorld(t, Options{Seed: seed})
		w.put("in/a", rows(300))
		results, _ := w.results(w.succeeds(aJob(keyed, batches(4), func(j *aiplatformpb.BatchPredictionJob) { j.DedicatedResources.StartingReplicaCount = 4 })))
		return results
	}
	one, again, other := run(1), run(1), run(2)
	if diff := cmp.Diff(one, again); diff != "" {
		t.Errorf("the same seed gave another order\n%.500s", diff)
	}
	if slices.Equal(one, other) {
		t.Error("another seed gave the same order")
	}
	slices.Sort(one)
	slices.Sort(other)
	if !slices.Equal(one, other) {
		t.Error("another seed gave other results")
	}
}

func TestBadAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		`{"predictions": [1]}`:       "the response has 1 predictions for 2 instances",
		`{}`:                         "the response has 0 predictions for 2 instances",
		`{"predictions": [1, 2, 3]}`: "the response has 3 predictions",
		`[1, 2]`:                     "not of the form",
		`oops`:                       "not of the form",
	} {
		w := newWorld(t, Options{})
		w.model.answer = func(*http.Request, string) (int, string) { return http.StatusOK, answer }
		w.put("in/a", rows(2))
		j := w.succeeds(aJob())
		if results, stats := w.results(j); len(results) != 0 || len(stats) != 1 || !strings.Contains(stats[0], want) || !strings.HasSuffix(stats[0], ", 2)") {
			t.Errorf("%s: %q %q", answer, results, stats)
		}
		if n := len(w.model.sent()); n != 1 || j.GetCompletionStats().GetFailedCount() != 2 {
			t.Errorf("%s: %d tries, %v", answer, n, j.GetCompletionStats())
		}
	}
}

func TestRetries(t *testing.T) {
	for failures := range 5 {
		w := newWorld(t, Options{})
		var tries atomic.Int32
		w.model.answer = func(r *http.Request, body string) (int, string) {
			if int(tries.Add(1)) <= failures {
				return http.StatusBadRequest, "no"
			}
			return saw(r, body)
		}
		w.put("in/a", rows(1))
		j := w.succeeds(aJob())
		if ok := j.GetCompletionStats().GetSuccessfulCount() == 1; ok != (failures <= 3) {
			t.Errorf("after %d failures: %v", failures, j.GetCompletionStats())
		}
	}
}

// TestTimeout turns the clock past what the front end waits, four times.
func TestTimeout(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	w := newWorld(t, Options{Clock: clock})
	w.model.answer = func(r *http.Request, _ string) (int, string) {
		<-r.Context().Done()
		return http.StatusOK, "late"
	}
	w.put("in/a", rows(1))
	name := w.create(aJob()).GetName()
	var out *aiplatformpb.BatchPredictionJob
	w.until(func() bool {
		clock.Advance(30 * time.Second)
		out = w.get(name)
		return over(out.GetState())
	})
	if _, stats := w.results(out); len(stats) != 1 || !strings.Contains(stats[0], "Non-OK result 504 (upstream request timeout) from server, retry=3") {
		t.Errorf("%q", stats)
	}
}

func TestInputs(t *testing.T) {
	for _, c := range []struct {
		uris     []string
		rows     int64
		failures []string
	}{
		{[]string{"gs://some-bucket/in/a"}, 1, nil},
		{[]string{"gs://some-bucket/in/*"}, 3, nil},
		{[]string{"gs://some-bucket/in/**"}, 7, nil},
		{[]string{"gs://some-bucket/in/*/c"}, 4, nil},
		{[]string{"gs://some-bucket/in/a", "gs://some-bucket/in/a"}, 2, nil},
		{[]string{"gs://some-bucket/in/a", "gs://some-bucket/in/none", "gs://no-bucket/*", "gs://some-bucket/none*"}, 1, []string{"in/none cannot be read", "gs://no-bucket/* cannot be read", "no object matches"}},
	} {
		w := newWorld(t, Options{})
		w.put("in/a", rows(1))
		w.put("in/b", rows(2))
		w.put("in/deep/c", rows(4))
		j := w.succeeds(aJob(from(c.uris...)))
		if n := j.GetCompletionStats().GetSuccessfulCount(); n != c.rows || len(j.GetPartialFailures()) != len(c.failures) {
			t.Errorf("%q: %d rows, %v", c.uris, n, j.GetPartialFailures())
			continue
		}
		for n, f := range j.GetPartialFailures() {
			if !strings.Contains(f.GetMessage(), c.failures[n]) {
				t.Errorf("%s, want %s", f.GetMessage(), c.failures[n])
			}
		}
	}
	w := newWorld(t, Options{})
	w.fails(aJob(), codes.InvalidArgument, "No input could be read")
	w.put("in/a", rows(1))
	var many []string
	for n := range 30 {
		many = append(many, fmt.Sprint("gs://some-bucket/none-", n))
	}
	if n := len(w.succeeds(aJob(from(append(many, "gs://some-bucket/in/a")...))).GetPartialFailures()); n != 20 {
		t.Errorf("%d partial failures are shown", n)
	}
	w.put("in/a", "")
	if j := w.succeeds(aJob()); j.GetCompletionStats().GetSuccessfulCount() != 0 {
		t.Errorf("of nothing: %v", j)
	}
	w.put("in/a", rows(1))
	w.fails(aJob(func(j *aiplatformpb.BatchPredictionJob) {
		j.OutputConfig.GetGcsDestination().OutputUriPrefix = "gs://no-bucket/out"
	}), codes.NotFound, "")
}

func TestFolderUnnamed(t *testing.T) {
	w := newWorld(t, Options{Uncertain: Uncertain{FolderUnnamed: true}})
	w.put("in/a", rows(1))
	if folder := w.succeeds(aJob()).GetOutputInfo().GetGcsOutputDirectory(); !strings.Contains(folder, "/prediction-20") {
		t.Errorf("the folder is %s", folder)
	}
}

func TestEnvironment(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(1))
	w.put("model/model.onnx", "onnx")
	w.put("model/deep//weights", "w")
	var seen map[string]string
	w.model.answer = func(r *http.Request, body string) (int, string) {
		uri := w.model.containers[0].Environment["AIP_STORAGE_URI"]
		bucket, prefix, _ := predict.SplitURI(uri)
		seen = w.objects(bucket, prefix+"/")
		return saw(r, body)
	}
	j := w.succeeds(aJob(func(j *aiplatformpb.BatchPredictionJob) {
		m := j.UnmanagedContainerModel
		m.ArtifactUri = "gs://some-bucket/model"
		m.ContainerSpec.Command, m.ContainerSpec.Args = []string{"serve"}, []string{"--port=$(AIP_HTTP_PORT)"}
		m.ContainerSpec.Env = []*aiplatformpb.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "$(A)$$(A)$(NONE)$"}}
		m.ContainerSpec.Ports = []*aiplatformpb.Port{{ContainerPort: 7080}, {ContainerPort: 7081}}
		j.DedicatedResources.MachineSpec.AcceleratorType, j.DedicatedResources.MachineSpec.AcceleratorCount = aiplatformpb.AcceleratorType_NVIDIA_TESLA_T4, 1
	}))
	if want := map[string]string{"model.onnx": "onnx", "deep//weights": "w"}; !maps.Equal(seen, want) {
		t.Errorf("at AIP_STORAGE_URI lie %q, want %q", seen, want)
	}
	c := w.model.containers[0]
	id := j.GetName()[strings.LastIndexByte(j.GetName(), '/')+1:]
	endpoint, deployed := c.Environment["AIP_ENDPOINT_ID"], c.Environment["AIP_DEPLOYED_MODEL_ID"]
	want := map[string]string{
		"A": "1", "B": "1$(A)$(NONE)$", "AIP_HTTP_PORT": "7080", "AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict",
		"AIP_STORAGE_URI": "gs://caip-tenant-emulated/" + id + "/artifacts", "AIP_MODE": "PREDICTION", "AIP_MODE_VERSION": "1.0.0", "AIP_FRAMEWORK": "CUSTOM_CONTAINER",
		"AIP_PROJECT_NUMBER": "123456789012", "AIP_MACHINE_TYPE": "n1-standard-4", "AIP_ACCELERATOR_TYPE": "NVIDIA_TESLA_T4",
		"AIP_ENDPOINT_ID": endpoint, "AIP_MODEL_NAME": endpoint, "AIP_DEPLOYED_MODEL_ID": deployed, "AIP_VERSION_NAME": deployed,
	}
	if diff := cmp.Diff(want, c.Environment); diff != "" || endpoint == "" || deployed == "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.Image != image || !slices.Equal(c.Command, []string{"serve", "--port=7080"}) || c.Folder != "" {
		t.Errorf("%+v", c)
	}
	if left := w.objects("caip-tenant-emulated", ""); len(left) != 0 {
		t.Errorf("the copy is still there: %q", left)
	}
	w.succeeds(aJob(func(j *aiplatformpb.BatchPredictionJob) {
		j.UnmanagedContainerModel.ContainerSpec.PredictRoute, j.UnmanagedContainerModel.ContainerSpec.HealthRoute = "", ""
	}))
	c = w.model.containers[1]
	if e := c.Environment; e["AIP_STORAGE_URI"] != "" || e["AIP_HTTP_PORT"] != "8080" || e["AIP_HEALTH_ROUTE"] != "/v1/endpoints/"+e["AIP_ENDPOINT_ID"]+"/deployedModels/"+e["AIP_DEPLOYED_MODEL_ID"] || e["AIP_PREDICT_ROUTE"] != e["AIP_HEALTH_ROUTE"]+":predict" {
		t.Errorf("without routes: %v", e)
	}
	for uri, code := range map[string]codes.Code{"gs://some-bucket/none": codes.FailedPrecondition, "gs://no-bucket/": codes.NotFound} {
		w.fails(aJob(func(j *aiplatformpb.BatchPredictionJob) { j.UnmanagedContainerModel.ArtifactUri = uri }), code, "")
	}
}

func TestReplicas(t *testing.T) {
	w := newWorld(t, Options{Predict: predict.Options{Replicas: 3}})
	w.put("in/a", rows(9))
	many := func(j *aiplatformpb.BatchPredictionJob) {
		j.DedicatedResources.StartingReplicaCount, j.DedicatedResources.MaxReplicaCount = 3, 1
	}
	// Three requests are answered when all three are there.
	together := make(chan struct{})
	var waiting atomic.Int32
	w.model.answer = func(r *http.Request, body string) (int, string) {
		if waiting.Add(1) == 3 {
			close(together)
		}
		<-together
		return saw(r, body)
	}
	w.succeeds(aJob(batches(3), many))
	if n := len(w.model.containers); n != 3 {
		t.Errorf("%d containers, want 3", n)
	}
}

func TestSlowStart(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(1))
	w.model.health = func(try int) int {
		if try < 5 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	w.succeeds(aJob())
	if w.model.tries != 5 {
		t.Errorf("%d health checks", w.model.tries)
	}
}

const neverReady = "Error: model server never became ready. Please validate that your model file or container configuration are valid."

// TestNeverReady turns the clock by hand.
func TestNeverReady(t *testing.T) {
	for limit, change := range map[time.Duration]tweak{
		40 * time.Minute: func(*aiplatformpb.BatchPredictionJob) {},
		5 * time.Minute: func(j *aiplatformpb.BatchPredictionJob) {
			j.UnmanagedContainerModel.ContainerSpec.DeploymentTimeout = durationpb.New(5 * time.Minute)
		},
	} {
		clock := clockwork.NewFakeClockAt(time.Now())
		w := newWorld(t, Options{Clock: clock})
		w.put("in/a", rows(1))
		w.model.health = func(int) int { return http.StatusInternalServerError }
		name := w.create(aJob(change)).GetName()
		var out *aiplatformpb.BatchPredictionJob
		w.until(func() bool {
			clock.Advance(10 * time.Second)
			out = w.get(name)
			return over(out.GetState())
		})
		if took := out.GetEndTime().AsTime().Sub(out.GetStartTime().AsTime()); took < limit || took > limit+5*time.Minute || out.GetError().GetMessage() != neverReady || out.GetCompletionStats().GetIncompleteCount() != -1 {
			t.Errorf("after %v: %v", took, out)
		}
	}
}

func TestStartFails(t *testing.T) {
	exited := make(chan struct{})
	close(exited)
	for name, start := range map[string]container.Start{
		"not started": func(context.Context, container.Container) (container.Server, error) {
			return container.Server{}, errors.New("no such image")
		},
		"exited": func(context.Context, container.Container) (container.Server, error) {
			h := httptest.NewServer(http.NotFoundHandler())
			return container.Server{Endpoint: h.URL, Exited: exited, Stop: h.Close}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{Start: start})
			w.put("in/a", rows(1))
			w.fails(aJob(), codes.FailedPrecondition, neverReady)
		})
	}
}

// TestRestart lets a container end in the middle of a request: it is started again,
// and the request tried once more.
func TestRestart(t *testing.T) {
	model := &modelServer{}
	var starts atomic.Int32
	w := newWorld(t, Options{Start: func(ctx context.Context, c container.Container) (container.Server, error) {
		s, err := model.start(ctx, c)
		if err != nil || starts.Add(1) > 1 {
			return s, err
		}
		exited := make(chan struct{})
		die := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				return
			}
			close(exited)
			panic(http.ErrAbortHandler)
		}))
		return container.Server{Endpoint: die.URL, Exited: exited, Stop: func() { die.Close(); s.Stop() }}, nil
	}})
	w.put("in/a", rows(3))
	if j := w.succeeds(aJob(batches(1))); j.GetCompletionStats().GetSuccessfulCount() != 3 || starts.Load() != 2 {
		t.Errorf("%d starts, %v", starts.Load(), j.GetCompletionStats())
	}
}

// TestCloseWhileRunning leaves nothing behind.
func TestCloseWhileRunning(t *testing.T) {
	w, _ := stoppable(t, Options{})
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	if w.model.alive() != 0 {
		t.Error("a container still runs")
	}
	_, err := w.try(aJob())
	if err == nil {
		t.Error("a job was taken")
	}
	if _, err := w.storage.Bucket(bucket).Attrs(t.Context()); err != nil && !errors.Is(err, storage.ErrBucketNotExist) {
		t.Error(err)
	}
}
