//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	aiplatform "cloud.google.com/go/aiplatform/apiv1"
	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/storage"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/crossbatch/crossbatch/local/onnx"
)

// TestEmulatedVertexServesModels lets `crossbatch emulate` run a job of somebody who
// knows nothing of crossbatch: its container is this program, which fetches the model
// from where AIP_STORAGE_URI says and listens where AIP_HTTP_PORT does.
func TestEmulatedVertexServesModels(t *testing.T) {
	t.Setenv(onnx.PathVariable, library(t))
	e := emulate(t, "--bucket", "gcs:data")
	objects := e.gcs()
	for key, body := range map[string][]byte{"model/model.onnx": models["sum"]().Bytes(), "in/rows.jsonl": rows(100)} {
		w := objects.Bucket("data").Object(key).NewWriter(t.Context())
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c, err := aiplatform.NewJobClient(t.Context(), option.WithEndpoint(strings.TrimPrefix(e.endpoints["vertex"], "http://")), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	const image = "us-central1-docker.pkg.dev/p/r/any"
	j, err := c.CreateBatchPredictionJob(t.Context(), &aiplatformpb.CreateBatchPredictionJobRequest{
		Parent: "projects/emulated-project/locations/us-central1",
		BatchPredictionJob: &aiplatformpb.BatchPredictionJob{
			DisplayName: "sum",
			UnmanagedContainerModel: &aiplatformpb.UnmanagedContainerModel{
				ArtifactUri: "gs://data/model", ContainerSpec: &aiplatformpb.ModelContainerSpec{ImageUri: image, PredictRoute: "/predict", HealthRoute: "/health"},
			},
			InputConfig: &aiplatformpb.BatchPredictionJob_InputConfig{
				InstancesFormat: "jsonl", Source: &aiplatformpb.BatchPredictionJob_InputConfig_GcsSource{GcsSource: &aiplatformpb.GcsSource{Uris: []string{"gs://data/in/*"}}},
			},
			InstanceConfig: &aiplatformpb.BatchPredictionJob_InstanceConfig{KeyField: "id"},
			OutputConfig: &aiplatformpb.BatchPredictionJob_OutputConfig{
				PredictionsFormat: "jsonl", Destination: &aiplatformpb.BatchPredictionJob_OutputConfig_GcsDestination{GcsDestination: &aiplatformpb.GcsDestination{OutputUriPrefix: "gs://data/out"}},
			},
			DedicatedResources: &aiplatformpb.BatchDedicatedResources{MachineSpec: &aiplatformpb.MachineSpec{MachineType: "n1-standard-2"}, StartingReplicaCount: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for j.GetState() < aiplatformpb.JobState_JOB_STATE_SUCCEEDED {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the test is over")
		}
		if j, err = c.GetBatchPredictionJob(t.Context(), &aiplatformpb.GetBatchPredictionJobRequest{Name: j.GetName()}); err != nil {
			t.Fatal(err)
		}
	}
	if j.GetState() != aiplatformpb.JobState_JOB_STATE_SUCCEEDED || j.GetCompletionStats().GetSuccessfulCount() != 100 {
		t.Fatalf("%v", j)
	}
	seen := map[int]bool{}
	folder := strings.TrimPrefix(j.GetOutputInfo().GetGcsOutputDirectory(), "gs://data/")
	for it := objects.Bucket("data").Objects(t.Context(), &storage.Query{Prefix: folder + "/prediction.results-"}); ; {
		a, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := objects.Bucket("data").Object(a.Name).NewReader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		_ = r.Close()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var result struct {
				Key        int
				Prediction json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &result); err != nil {
				t.Fatal(err)
			}
			seen[result.Key] = true
			if want := fmt.Sprintf(`"y": [%d]`, 100*result.Key+12); !strings.Contains(string(result.Prediction), want) {
				t.Errorf("%s, want %s", line, want)
			}
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d keys came back", len(seen))
	}
	e.stop(syscall.SIGINT, exitOK)
}
