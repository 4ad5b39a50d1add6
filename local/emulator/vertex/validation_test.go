package vertex

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func machine(kind string, accelerator aiplatformpb.AcceleratorType, count int32) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) {
		j.DedicatedResources.MachineSpec = &aiplatformpb.MachineSpec{MachineType: kind, AcceleratorType: accelerator, AcceleratorCount: count}
	}
}

func spec(change func(*aiplatformpb.ModelContainerSpec)) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) { change(j.UnmanagedContainerModel.ContainerSpec) }
}

func TestValidation(t *testing.T) {
	w := newWorld(t, Options{Queueing: time.Hour})
	type job = aiplatformpb.BatchPredictionJob
	const none = aiplatformpb.AcceleratorType_ACCELERATOR_TYPE_UNSPECIFIED
	env := func(name string) tweak {
		return spec(func(c *aiplatformpb.ModelContainerSpec) { c.Env = []*aiplatformpb.EnvVar{{Name: name}} })
	}
	imaged := func(uri string) tweak {
		return spec(func(c *aiplatformpb.ModelContainerSpec) { c.ImageUri = uri })
	}
	for _, c := range []struct {
		name   string
		change tweak
		says   string // empty: it is taken
	}{
		{"in order", func(*job) {}, ""},
		{"no display name", named(""), "Field: batch_prediction_job.display_name; Message: Required field is not set."},
		{"longest display name", named(strings.Repeat("ä", 128)), ""},
		{"long display name", named(strings.Repeat("ä", 129)), "display_name; Message: It has 129 characters; at most 128"},
		{"labels", labelled("a", "", "größe-1_x", strings.Repeat("é", 64)), ""},
		{"label value in upper case", labelled("a", "B"), `Label value "B"`},
		{"label value with a dot", labelled("a", "1.5"), `Label value "1.5"`},
		{"label value with a colon", labelled("a", "b:c"), `Label value`},
		{"long label value", labelled("a", strings.Repeat("b", 65)), "Label value"},
		{"label key in upper case", labelled("A", "b"), "Label key"},
		{"label key with a digit first", labelled("1a", "b"), "does not begin with a lowercase letter"},
		{"empty label key", labelled("", "b"), "does not begin with a lowercase letter"},
		{"both models", func(j *job) { j.Model = parent + "/models/1" }, "Exactly one of model and unmanaged_container_model"},
		{"no model", func(j *job) { j.UnmanagedContainerModel = nil }, "Exactly one of model"},
		{"model elsewhere", func(j *job) {
			j.UnmanagedContainerModel, j.Model = nil, "projects/emulated-project/locations/us-east1/models/1"
		}, "in the location of the job"},
		{"model misnamed", func(j *job) { j.UnmanagedContainerModel, j.Model = nil, "models/1" }, "not of the form"},
		{"publisher's model", func(j *job) { j.UnmanagedContainerModel, j.Model = nil, "publishers/google/models/x" }, "is not emulated here"},
		{"no container", func(j *job) { j.UnmanagedContainerModel.ContainerSpec = nil }, "container_spec; Message: Required"},
		{"artifact elsewhere", func(j *job) { j.UnmanagedContainerModel.ArtifactUri = "s3://b/m" }, "artifact_uri"},
		{"no image", imaged(""), "image_uri; Message: Required"},
		{"image in the multi-region", imaged("us-docker.pkg.dev/vertex-ai/prediction/x:latest"), ""},
		{"image by digest", imaged(region + "-docker.pkg.dev/p/r/i@sha256:0"), ""},
		{"image elsewhere", imaged("europe-west4-docker.pkg.dev/p/r/i"), "in the region of the job"},
		{"image in another registry", imaged("docker.io/library/x"), "not in Artifact Registry"},
		{"image without a repository", imaged(region + "-docker.pkg.dev/p/i"), "not in Artifact Registry"},
		{"reserved variable", env("AIP_X"), "reserved"},
		{"misnamed variable", env("a-b"), "C identifier"},
		{"variable", env("_a1"), ""},
		{"port", spec(func(c *aiplatformpb.ModelContainerSpec) {
			c.Ports = []*aiplatformpb.Port{{ContainerPort: 0}}
		}), "ports[0].container_port"},
		{"predict route", spec(func(c *aiplatformpb.ModelContainerSpec) { c.PredictRoute = "predict" }), "predict_route"},
		{"health route", spec(func(c *aiplatformpb.ModelContainerSpec) { c.HealthRoute = "health" }), "health_route"},
		{"deployment timeout", spec(func(c *aiplatformpb.ModelContainerSpec) { c.DeploymentTimeout = durationpb.New(3 * time.Hour) }), "deployment_timeout"},
		{"gRPC", spec(func(c *aiplatformpb.ModelContainerSpec) {
			c.GrpcPorts = []*aiplatformpb.Port{{ContainerPort: 1}}
		}), "not emulated"},
		{"empty command", spec(func(c *aiplatformpb.ModelContainerSpec) { c.Command = []string{""} }), "command"},
		{"no input", func(j *job) { j.InputConfig = nil }, "input_config; Message: Required"},
		{"no input format", func(j *job) { j.InputConfig.InstancesFormat = "" }, "instances_format; Message: Required"},
		{"unknown input format", func(j *job) { j.InputConfig.InstancesFormat = "json" }, `Format "json" is not one of jsonl, csv`},
		{"csv", func(j *job) { j.InputConfig.InstancesFormat = "csv" }, "Format csv is not emulated here"},
		{"no source", func(j *job) { j.InputConfig.Source = nil }, "input_config.source; Message: Required"},
		{"no URIs", from(), "gcs_source.uris; Message: Required"},
		{"URI elsewhere", from("gs://b/a", "s3://b/a"), "gcs_source.uris[1]"},
		{"URI without an object", from("gs://b"), "names no object"},
		{"BigQuery input", func(j *job) {
			j.InputConfig.Source = &aiplatformpb.BatchPredictionJob_InputConfig_BigquerySource{}
		}, "not emulated"},
		{"no output", func(j *job) { j.OutputConfig = nil }, "output_config; Message: Required"},
		{"no output format", func(j *job) { j.OutputConfig.PredictionsFormat = "" }, "predictions_format; Message: Required"},
		{"csv output", func(j *job) { j.OutputConfig.PredictionsFormat = "csv" }, "not emulated"},
		{"tf-record output", func(j *job) { j.OutputConfig.PredictionsFormat = "tf-record" }, "is not one of jsonl, csv, bigquery"},
		{"no destination", func(j *job) { j.OutputConfig.Destination = nil }, "output_config.destination; Message: Required"},
		{"output elsewhere", func(j *job) { j.OutputConfig.GetGcsDestination().OutputUriPrefix = "out" }, "output_uri_prefix"},
		{"output to a bucket", func(j *job) { j.OutputConfig.GetGcsDestination().OutputUriPrefix = "gs://b" }, ""},
		{"instance type", instances(&aiplatformpb.BatchPredictionJob_InstanceConfig{InstanceType: "map"}), "instance_type"},
		{"included and excluded", instances(&aiplatformpb.BatchPredictionJob_InstanceConfig{IncludedFields: []string{"a"}, ExcludedFields: []string{"b"}}), "must be empty when included_fields"},
		{"field twice", instances(&aiplatformpb.BatchPredictionJob_InstanceConfig{IncludedFields: []string{"a", "a"}}), "there twice"},
		{"no resources", func(j *job) { j.DedicatedResources = nil }, "dedicated_resources; Message: Required"},
		{"no machine", func(j *job) { j.DedicatedResources.MachineSpec = nil }, "machine_spec; Message: Required"},
		{"no machine type", machine("", none, 0), "machine_type; Message: Required"},
		{"unknown machine type", machine("n1-standard-3", none, 0), `Machine type "n1-standard-3" is not supported`},
		{"nonsense machine type", machine("large", none, 0), "is not supported"},
		{"T4", machine("n1-standard-8", aiplatformpb.AcceleratorType_NVIDIA_TESLA_T4, 2), ""},
		{"three T4", machine("n1-standard-8", aiplatformpb.AcceleratorType_NVIDIA_TESLA_T4, 3), "is not supported with 3 accelerators"},
		{"L4 on n1", machine("n1-standard-8", aiplatformpb.AcceleratorType_NVIDIA_L4, 1), "is not supported with 1 accelerators"},
		{"L4", machine("g2-standard-24", aiplatformpb.AcceleratorType_NVIDIA_L4, 2), ""},
		{"g2 without", machine("g2-standard-24", none, 0), "needs its accelerators"},
		{"g2 with another number", machine("g2-standard-24", aiplatformpb.AcceleratorType_NVIDIA_L4, 1), "is not supported with 1"},
		{"accelerator without a count", machine("n1-standard-8", aiplatformpb.AcceleratorType_NVIDIA_TESLA_T4, 0), "set together"},
		{"count without accelerator", machine("n1-standard-8", none, 1), "set together"},
		{"negative replicas", func(j *job) { j.DedicatedResources.StartingReplicaCount = -1 }, "must not be negative"},
		{"fewer replicas at most", func(j *job) {
			j.DedicatedResources.StartingReplicaCount, j.DedicatedResources.MaxReplicaCount = 5, 2
		}, ""},
		{"batch size", batches(-1), "batch_size"},
		{"no batch size", batches(0), ""},
		{"key", func(j *job) { j.EncryptionSpec = &aiplatformpb.EncryptionSpec{KmsKeyName: "k"} }, "kms_key_name"},
		{"key elsewhere", func(j *job) {
			j.EncryptionSpec = &aiplatformpb.EncryptionSpec{KmsKeyName: "projects/p/locations/us-east1/keyRings/r/cryptoKeys/k"}
		}, "in the region of the job"},
		{"service account", func(j *job) { j.ServiceAccount = "me" }, "service_account"},
		{"explanation", func(j *job) { j.GenerateExplanation = true }, "not emulated"},
	} {
		j, err := w.try(aJob(c.change))
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says == "":
			if err := w.stop(j.GetName()); err != nil {
				t.Error(err)
			}
		case status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.says):
			t.Errorf("%s: %v\nwant %s", c.name, err, c.says)
		}
	}
	_, err := w.try(nil)
	w.refused(err, codes.InvalidArgument, "batch_prediction_job; Message: Required")
	_, err = w.try(&job{})
	w.refused(err, codes.InvalidArgument, "5.Field: ")
	for other, code := range map[string]codes.Code{"projects/other/locations/us-central1": codes.PermissionDenied, "projects/emulated-project/locations/global": codes.InvalidArgument, "": codes.InvalidArgument} {
		_, err := w.CreateBatchPredictionJob(t.Context(), &aiplatformpb.CreateBatchPredictionJobRequest{Parent: other, BatchPredictionJob: aJob()})
		w.refused(err, code, "")
	}
}

// TestRoutingHeader asks without the header that all official clients send.
func TestRoutingHeader(t *testing.T) {
	w := newWorld(t, Options{})
	conn, err := grpc.NewClient(strings.TrimPrefix(w.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := aiplatformpb.NewJobServiceClient(conn)
	list := func(header ...string) error {
		_, err := c.ListBatchPredictionJobs(metadata.AppendToOutgoingContext(context.WithoutCancel(t.Context()), header...), &aiplatformpb.ListBatchPredictionJobsRequest{Parent: parent})
		return err
	}
	w.refused(list(), codes.InvalidArgument, "x-goog-request-params")
	w.refused(list("x-goog-request-params", "parent=projects"), codes.InvalidArgument, "x-goog-request-params")
	w.refused(list("x-goog-request-params", "name="+parent), codes.InvalidArgument, "x-goog-request-params")
	if err := list("x-goog-request-params", "parent="+strings.ReplaceAll(parent, "/", "%2F"), "authorization", "Bearer any"); err != nil {
		t.Error(err)
	}
}
