package vertex

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
)

const testKMS = "projects/acme-ml/locations/europe-west4/keyRings/a/cryptoKeys/b"

func TestParseConfig(t *testing.T) {
	full := Config{
		Project: testProject, Location: testLocation, Image: testImage, Staging: "gs://lake/x/", ServiceAccount: "batch@acme-ml.iam.gserviceaccount.com",
		KMSKey: testKMS, Labels: map[string]string{"a": "b"}, Endpoint: "http://127.0.0.1:4567", Retention: "168h0m0s",
	}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig(text)
	if err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("%+v, %v", got, err)
	}
	if place := backendOf(t, got).Capabilities().Staging.Place; place != full.Staging {
		t.Errorf("staging is %s", place)
	}
	if place := backendOf(t, plainConfig()).Capabilities().Staging.Place; place != "gs://lake/staging/" {
		t.Errorf("staging is %s", place)
	}
	for _, text := range []string{`{"project":"x","secret":"x"}`, `{`, `[]`} {
		if _, err := ParseConfig(json.RawMessage(text)); provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for words, alter := range map[string]func(c *Config){
		"project is missing":  func(c *Config) { c.Project = "" },
		"project is \"A\"":    func(c *Config) { c.Project = "A" },
		"location is missing": func(c *Config) { c.Location = "" },
		"location is":         func(c *Config) { c.Location = "EU" },
		"image":               func(c *Config) { c.Image = "a b" },
		"service_account":     func(c *Config) { c.ServiceAccount = "batch" },
		"kms_key":             func(c *Config) { c.KMSKey = "a b" },
		"job's location":      func(c *Config) { c.KMSKey = "projects/p/locations/us-central1/keyRings/a/cryptoKeys/b" },
		"staging":             func(c *Config) { c.Staging = "s3://lake/" },
		"staging is":          func(c *Config) { c.Staging = "gs://lake/a[1]/" },
		"labels":              func(c *Config) { c.Labels = map[string]string{"Team": "y"} },
		"keeps for itself":    func(c *Config) { c.Labels = map[string]string{"crossbatch_run": "y"} },
		"endpoint":            func(c *Config) { c.Endpoint = "ftp://x" },
		"endpoint is no":      func(c *Config) { c.Endpoint = "http://user:hunter2@x" },
		"retention":           func(c *Config) { c.Retention = "7 days" },
	} {
		c := plainConfig()
		alter(&c)
		_, err := New(c, Deps{})
		if provider.CodeOf(err) != provider.Invalid || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", words, err)
		}
	}
	if _, err := New(plainConfig(), Deps{}); err == nil {
		t.Error("a backend without an opener was made")
	}
}
