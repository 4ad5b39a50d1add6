package vertex

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	rest "google.golang.org/api/aiplatform/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
)

func (w *world) rest() *rest.ProjectsLocationsBatchPredictionJobsService {
	w.Helper()
	transport := &http.Transport{}
	s, err := rest.NewService(w.Context(), option.WithEndpoint(w.url+"/"), option.WithHTTPClient(&http.Client{Transport: transport}), option.WithoutAuthentication())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(transport.CloseIdleConnections)
	return s.Projects.Locations.BatchPredictionJobs
}

func aRESTJob(name string) *rest.GoogleCloudAiplatformV1BatchPredictionJob {
	return &rest.GoogleCloudAiplatformV1BatchPredictionJob{
		DisplayName: name, Labels: map[string]string{"a": "b"},
		UnmanagedContainerModel: &rest.GoogleCloudAiplatformV1UnmanagedContainerModel{ContainerSpec: &rest.GoogleCloudAiplatformV1ModelContainerSpec{
			ImageUri: image, PredictRoute: "/predict", HealthRoute: "/health", DeploymentTimeout: "3.5s",
		}},
		InputConfig:        &rest.GoogleCloudAiplatformV1BatchPredictionJobInputConfig{InstancesFormat: "jsonl", GcsSource: &rest.GoogleCloudAiplatformV1GcsSource{Uris: []string{"gs://some-bucket/in/*"}}},
		OutputConfig:       &rest.GoogleCloudAiplatformV1BatchPredictionJobOutputConfig{PredictionsFormat: "jsonl", GcsDestination: &rest.GoogleCloudAiplatformV1GcsDestination{OutputUriPrefix: "gs://some-bucket/out"}},
		DedicatedResources: &rest.GoogleCloudAiplatformV1BatchDedicatedResources{MachineSpec: &rest.GoogleCloudAiplatformV1MachineSpec{MachineType: "n1-standard-4"}, StartingReplicaCount: 1},
	}
}

// TestREST drives a job through Google's own REST client.
func TestREST(t *testing.T) {
	w := newWorld(t, Options{Seed: 3})
	c := w.rest()
	w.put("in/a", rows(10))
	j, err := c.Create(parent, aRESTJob("j")).Do()
	if err != nil {
		t.Fatal(err)
	}
	if j.State != "JOB_STATE_PENDING" || j.CreateTime == "" || !strings.HasPrefix(j.Name, number+"/batchPredictionJobs/") {
		t.Errorf("%+v", j)
	}
	w.ends(j.Name)
	if j, err = c.Get(j.Name).Do(); err != nil || j.State != "JOB_STATE_SUCCEEDED" || j.CompletionStats.SuccessfulCount != 10 || j.OutputInfo.GcsOutputDirectory == "" {
		t.Errorf("%+v %v", j, err)
	}
	for _, name := range []string{"k", "l"} {
		if _, err := c.Create(parent, aRESTJob(name)).Do(); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	err = c.List(parent).Filter(`labels.a=b AND display_name!="k"`).PageSize(1).ReadMask("name,displayName").Pages(t.Context(), func(p *rest.GoogleCloudAiplatformV1ListBatchPredictionJobsResponse) error {
		for _, j := range p.BatchPredictionJobs {
			if names = append(names, j.DisplayName); j.State != "" || j.Name == "" || len(p.BatchPredictionJobs) != 1 {
				t.Errorf("%+v", j)
			}
		}
		return nil
	})
	if err != nil || strings.Join(names, " ") != "l j" {
		t.Errorf("%q %v", names, err)
	}
	op, err := c.Delete(j.Name).Do()
	if err != nil || !op.Done {
		t.Errorf("%+v %v", op, err)
	}
	for code, ask := range map[int]func() error{
		404: func() error { _, err := c.Get(j.Name).Do(); return err },
		403: func() error {
			_, err := c.Get("projects/other/locations/us-central1/batchPredictionJobs/1").Do()
			return err
		},
		400: func() error {
			_, err := c.Create(parent, &rest.GoogleCloudAiplatformV1BatchPredictionJob{}).Do()
			return err
		},
	} {
		var api *googleapi.Error
		if err := ask(); !errors.As(err, &api) || api.Code != code || api.Message == "" || (code == 400) != (len(api.Details) > 0) {
			t.Errorf("%v, want %d", err, code)
		}
	}
}

func TestRESTCancelAndFaults(t *testing.T) {
	s := &script{next: map[string][]Disturbance{"GetBatchPredictionJob": {{Code: codes.Unavailable, Message: "later"}, {Drop: true}}}}
	w := newWorld(t, Options{Queueing: time.Hour, Disturb: s.disturb})
	c := w.rest()
	j := w.create(aJob())
	_, err := c.Get(j.GetName()).Do()
	var api *googleapi.Error
	if !errors.As(err, &api) || api.Code != 503 || api.Message != "later" {
		t.Errorf("%v", err)
	}
	if _, err := w.raw("GET", "/v1/"+j.GetName(), ""); err == nil {
		t.Error("the connection was to be cut")
	}
	if _, err := c.Cancel(j.GetName(), &rest.GoogleCloudAiplatformV1CancelBatchPredictionJobRequest{}).Do(); err != nil {
		t.Error(err)
	}
	w.ends(j.GetName())
	s.mu.Lock()
	defer s.mu.Unlock()
	if call := s.calls[0]; call.Operation != "CreateBatchPredictionJob" || call.Service != "aiplatform" {
		t.Errorf("%+v", call)
	}
}

// raw asks without a client of Google's.
func (w *world) raw(verb, path, body string) (string, error) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), verb, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return resp.Status + " " + string(text), err
}

func TestRESTBodies(t *testing.T) {
	w := newWorld(t, Options{Queueing: time.Hour})
	w.create(aJob())
	for _, c := range []struct{ verb, path, body, want string }{
		{"GET", "/v1/" + parent + "/batchPredictionJobs?readMask=state", "", `200 OK {"batchPredictionJobs":[{"state":"JOB_STATE_PENDING"}]}`},
		{"GET", "/v1/" + parent + "/batchPredictionJobs?readMask=state&$alt=json%3Benum-encoding%3Dint", "", `200 OK {"batchPredictionJobs":[{"state":2}]}`},
		{"GET", "/v1/" + parent + "/models", "", `200 OK {}`},
		{"GET", "/v1/" + parent + "/operations", "", `200 OK {}`},
		{"GET", "/v1/" + parent + "/models/1", "", `"status":"NOT_FOUND"`},
		{"GET", "/v1/" + parent + "/operations/1", "", `"status":"NOT_FOUND"`},
		{"POST", "/v1/" + parent + "/batchPredictionJobs", `{"displayName": 1}`, `"status":"INVALID_ARGUMENT"`},
		{"POST", "/v1/" + parent + "/batchPredictionJobs", `{"nonsense": "1"}`, `unknown field`},
		{"POST", "/v1/" + parent + "/batchPredictionJobs", `{`, `Invalid JSON payload`},
		{"GET", "/v1/" + parent + "/batchPredictionJobs?pageSize=x", "", `"code":400`},
		{"PATCH", "/v1/" + parent + "/models", "", `"status":"UNIMPLEMENTED"`},
		{"GET", "/v1/elsewhere", "", `"status":"NOT_FOUND"`},
		{"POST", "/v2/entries:list", `{"resourceNames": ["projects/emulated-project"]}`, `200 OK {}`},
		{"POST", "/v2/entries:list", `[]`, `Invalid JSON payload`},
	} {
		got, err := w.raw(c.verb, c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		if status, text, _ := strings.Cut(got, " {"); strings.HasPrefix(c.want, "200") {
			var compact any
			if json.Unmarshal([]byte("{"+text), &compact) == nil {
				out, _ := json.Marshal(compact)
				got = status + " " + string(out)
			}
		}
		if !strings.Contains(strings.ReplaceAll(got, ": ", ":"), strings.ReplaceAll(c.want, ": ", ":")) {
			t.Errorf("%s %s %s: %s\nwant %s", c.verb, c.path, c.body, got, c.want)
		}
	}
}
