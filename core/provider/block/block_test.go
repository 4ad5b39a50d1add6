package block_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/block"
	"github.com/crossbatch/crossbatch/core/provider/rule"
)

func TestParse(t *testing.T) {
	type config struct {
		Region string `json:"region"`
	}
	got, err := block.Parse[config](json.RawMessage(`{"region":"eu"}`))
	if err != nil || got.Region != "eu" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{`{"region":"eu","secret":"x"}`, `{`, `[]`, ``} {
		if _, err := block.Parse[config](json.RawMessage(text)); provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheck(t *testing.T) {
	region := rule.Service("Batch").Whole(`[a-z]+`, 1, 3)
	for words, fields := range map[string][]block.Field{
		"":                  {{"region", "eu", region, true}, {"zone", "", region, false}},
		"region is missing": {{"zone", "", region, false}, {"region", "", region, true}},
		"zone is \"A\"":     {{"region", "eu", region, true}, {"zone", "A", region, false}, {"more", "", region, true}},
	} {
		err := block.Check(fields...)
		if words == "" && err != nil || words != "" && (provider.CodeOf(err) != provider.Invalid || !strings.HasPrefix(err.Error(), words)) {
			t.Errorf("%q: %v", words, err)
		}
	}
}

func TestCheckEndpoint(t *testing.T) {
	for endpoint, sound := range map[string]bool{
		"": true, "http://127.0.0.1:4566": true, "https://batch.example/x": true,
		"ftp://x": false, "batch.example": false, "http://": false, "http://user:hunter2@x": false, "http://x\x7f": false,
	} {
		err := block.CheckEndpoint(endpoint)
		if sound != (err == nil) || err != nil && (provider.CodeOf(err) != provider.Invalid || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestCheckRetention(t *testing.T) {
	for retention, sound := range map[string]bool{"": true, "168h0m0s": true, "7 days": false, "0s": false, "-1h": false} {
		if err := block.CheckRetention(retention); sound != (err == nil) || err != nil && provider.CodeOf(err) != provider.Invalid {
			t.Errorf("%q: %v", retention, err)
		}
	}
}

func TestPoll(t *testing.T) {
	for endpoint, least := range map[string]time.Duration{
		"": 30 * time.Second, "https://batch.example": 30 * time.Second, "://": 30 * time.Second, "http://10.0.0.1:80": 30 * time.Second,
		"http://127.0.0.1:4566": 200 * time.Millisecond, "http://[::1]:4566": 200 * time.Millisecond,
	} {
		if p := block.Poll(endpoint); p.Min != least || p.Max < p.Min {
			t.Errorf("%q: %+v", endpoint, p)
		}
	}
}
