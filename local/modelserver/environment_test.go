package modelserver

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

func TestReadEnvironment(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		want Environment
	}{
		"nothing": {nil, Environment{}},
		"SageMaker": {
			map[string]string{
				"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
				"SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD", "CROSSBATCH_SCORER_0": "{\"a\":", "CROSSBATCH_SCORER_1": "1}", "CROSSBATCH_BUDGET": "1h30m",
			},
			Environment{MaxPayload: 6 * job.MiB, Concurrency: 4, Strategy: singleRecord, Scorer: []byte(`{"a":1}`), Budget: 90 * time.Minute},
		},
		"SageMaker without limits": {map[string]string{"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0", "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "0"}, Environment{}},
		"Vertex AI": {
			map[string]string{"AIP_HTTP_PORT": "8081", "AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p", "AIP_STORAGE_URI": "gs://b/m", "CROSSBATCH_MAPPING": "gs://b/scorer.json"},
			Environment{Port: "8081", HealthRoute: "/h", PredictRoute: "/p", Model: "gs://b/m", Mapping: "gs://b/scorer.json"},
		},
		"a model of one's own": {map[string]string{"CROSSBATCH_MODEL": "/m", "AIP_STORAGE_URI": "gs://b/m"}, Environment{Model: "/m"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadEnvironment(func(name string) string { return tc.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadEnvironmentRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"AIP_HTTP_PORT": "99999", "AIP_HEALTH_ROUTE": "health", "AIP_PREDICT_ROUTE": "predict", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6MB",
		"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "-1", "CROSSBATCH_BUDGET": "3600", "CROSSBATCH_SCORER_1": "x",
	} {
		_, err := ReadEnvironment(func(n string) string {
			if n == name {
				return value
			}
			return ""
		})
		if !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	both := map[string]string{"CROSSBATCH_MAPPING": "/m", "CROSSBATCH_SCORER_0": "x"}
	if _, err := ReadEnvironment(func(n string) string { return both[n] }); !errors.Is(err, provider.Invalid) || !strings.Contains(err.Error(), "both set") {
		t.Errorf("%v", err)
	}
}
