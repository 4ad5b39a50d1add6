package broker

import (
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

// stager is a service of which a draft is made.
type stager struct {
	provider.Backend
	needs provider.Staging
}

func (s stager) Capabilities() provider.Capabilities {
	return provider.Capabilities{Staging: &s.needs}
}
func (stager) Check(provider.Spec) []provider.Finding { return nil }
func (stager) Translate(provider.Spec) (provider.Translation, error) {
	return provider.Translation{}, nil
}

// A draft says which bytes of the input pass through this machine: those that are
// staged, and those that are read once more where nobody counts their records.
func TestWhatPassesThrough(t *testing.T) {
	needs := provider.Staging{Place: "s3://b/staging/", Write: job.JSONL, InPlace: []provider.Form{{Scheme: "s3", Format: job.JSONL, Compression: compress.None}}}
	for name, c := range map[string]struct {
		uri             string
		uncounted       bool
		staged, counted int64
	}{
		"staged":             {"file:///a.jsonl", true, 100, 0},
		"in place":           {"s3://b/a.jsonl", false, 0, 0},
		"in place, to count": {"s3://b/a.jsonl", true, 0, 100},
	} {
		be := stager{needs: needs}
		be.needs.Uncounted = c.uncounted
		d := Desired{
			Job: job.Job{
				Project: "p", Address: "job.x", Model: job.Model{Name: "m", Artifact: "m.onnx"}, Placement: job.Placement{Providers: []job.ProviderRef{{Kind: "x", Alias: "a"}}},
				Output: job.Output{Destination: "s3://b/out/", Format: job.JSONL}, Input: job.Input{Staging: "auto"},
			},
			Provider: ledger.Block{Kind: "x", Alias: "a"}, Model: provider.Model{Digest: strings.Repeat("0", 64)},
			Shards: job.Shards{{URI: c.uri, Size: 100, Digest: "sha256:" + strings.Repeat("1", 64)}}, Format: job.JSONL, Staging: "s3://b/staging/",
		}
		got, err := NewDraft(be, NoLedger, d, false)
		if err != nil || got.Staged != c.staged || got.Counted != c.counted {
			t.Errorf("%s: %d staged, %d counted, %v", name, got.Staged, got.Counted, err)
		}
	}
}
