package sagemaker

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestParseConfig(t *testing.T) {
	full := Config{
		Region: testRegion, RoleARN: testRole, Image: testImage, Staging: "s3://lake/x/?region=us-east-1", Subnets: []string{"subnet-1"},
		SecurityGroups: []string{"sg-1"}, Isolated: true, KMSKey: "alias/x", Tags: map[string]string{"a": "b"}, Endpoint: "http://127.0.0.1:4567", Retention: "168h0m0s",
	}
	text, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig(text)
	if err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("%+v, %v", got, err)
	}
	b := backendOf(t, got)
	if place := b.Capabilities().Staging.Place; place != full.Staging {
		t.Errorf("staging is %s", place)
	}
	if place := backendOf(t, plainConfig()).Capabilities().Staging.Place; place != "s3://lake/staging/" {
		t.Errorf("staging is %s", place)
	}
	for _, text := range []string{`{"region":"us-east-1","secret":"x"}`, `{`, `[]`} {
		if _, err := ParseConfig(json.RawMessage(text)); provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for words, alter := range map[string]func(c *Config){
		"region is missing":   func(c *Config) { c.Region = "" },
		"region is \"EU\"":    func(c *Config) { c.Region = "EU" },
		"role_arn is missing": func(c *Config) { c.RoleARN = "" },
		"role_arn":            func(c *Config) { c.RoleARN = "arn:aws:iam::1:role/x-and-more" },
		"image":               func(c *Config) { c.Image = "a b" },
		"kms_key":             func(c *Config) { c.KMSKey = "a b" },
		"staging":             func(c *Config) { c.Staging = "gs://lake/" },
		"go together":         func(c *Config) { c.Subnets = []string{"a"} },
		"at most 5":           func(c *Config) { c.Subnets, c.SecurityGroups = []string{"a"}, strings.Split("abcdef", "") },
		"at most 16":          func(c *Config) { c.Subnets, c.SecurityGroups = strings.Split("abcdefghijklmnopq", ""), []string{"a"} },
		"subnets is":          func(c *Config) { c.Subnets, c.SecurityGroups = []string{"a_b"}, []string{"a"} },
		"tags":                func(c *Config) { c.Tags = map[string]string{"aws:x": "y"} },
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
