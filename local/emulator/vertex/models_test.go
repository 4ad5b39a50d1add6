package vertex

import (
	"errors"
	"strings"
	"testing"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func registered(name string) tweak {
	return func(j *aiplatformpb.BatchPredictionJob) { j.Model, j.UnmanagedContainerModel = name, nil }
}

func TestRegisteredModel(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("in/a", rows(2))
	w.put("m/model.onnx", "onnx")
	churn, err := w.server.AddModel(region, &aiplatformpb.Model{
		Name: "churn", DisplayName: "Churn model", ArtifactUri: "gs://some-bucket/m/", Labels: map[string]string{"team": "red"}, VersionAliases: []string{"gold"},
		SupportedInputStorageFormats: []string{"jsonl"}, ContainerSpec: &aiplatformpb.ModelContainerSpec{ImageUri: image, PredictRoute: "/p", HealthRoute: "/h"},
	})
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.server.AddModel(region, &aiplatformpb.Model{
		DisplayName: "other", SupportedOutputStorageFormats: []string{"bigquery"}, ContainerSpec: &aiplatformpb.ModelContainerSpec{ImageUri: image},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.server.AddModel(region, &aiplatformpb.Model{DisplayName: "x"}); err == nil || !strings.Contains(err.Error(), "container_spec") {
		t.Errorf("a model without a container: %v", err)
	}
	if churn != number+"/models/churn" || !strings.HasPrefix(other, number+"/models/") {
		t.Errorf("they are called %s and %s", churn, other)
	}
	for _, version := range []string{"", "@1", "@gold", "@default"} {
		j := w.succeeds(aJob(registered(parent + "/models/churn" + version)))
		if j.GetModel() != churn || j.GetModelVersionId() != "1" || j.GetUnmanagedContainerModel() != nil || !strings.Contains(j.GetOutputInfo().GetGcsOutputDirectory(), "/prediction-Churn_model-") {
			t.Errorf("%s: %v", version, j)
		}
	}
	if c := w.model.containers[0]; c.Environment["AIP_PREDICT_ROUTE"] != "/p" || c.Environment["AIP_STORAGE_URI"] == "" {
		t.Errorf("%v", c.Environment)
	}
	if got := w.list(`model_display_name="Churn model"`); got != "j j j j" {
		t.Errorf("%q", got)
	}
	_, err = w.try(aJob(registered(churn + "@2")))
	w.refused(err, codes.NotFound, "churn@2")
	_, err = w.try(aJob(registered(parent + "/models/none")))
	w.refused(err, codes.NotFound, "models/none")
	_, err = w.try(aJob(registered(other)))
	w.refused(err, codes.InvalidArgument, "does not support the format jsonl, but bigquery")

	m, err := w.models.GetModel(t.Context(), &aiplatformpb.GetModelRequest{Name: churn})
	if err != nil || m.GetDisplayName() != "Churn model" || m.GetVersionId() != "1" || m.GetContainerSpec().GetPredictRoute() != "/p" {
		t.Errorf("%v %v", m, err)
	}
	for filter, want := range map[string]string{"": "other Churn model", "model=churn": "Churn model", `display_name="other"`: "other", `display_name!=other`: "Churn model", "labels.team:*": "Churn model", "labels.team=blue": ""} {
		var got []string
		for it := w.models.ListModels(t.Context(), &aiplatformpb.ListModelsRequest{Parent: parent, Filter: filter, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}}}); ; {
			m, err := it.Next()
			if errors.Is(err, iterator.Done) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.GetName() != "" {
				t.Errorf("the mask left %v", m)
			}
			got = append(got, m.GetDisplayName())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	_, err = w.models.ListModels(t.Context(), &aiplatformpb.ListModelsRequest{Parent: parent, Filter: "base_model_name=x"}).Next()
	w.refused(err, codes.InvalidArgument, "base_model_name")
	_, err = w.models.UploadModel(t.Context(), &aiplatformpb.UploadModelRequest{Parent: parent})
	w.refused(err, codes.Unimplemented, "")
}
