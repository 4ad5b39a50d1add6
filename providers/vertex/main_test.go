package vertex

import (
	"context"
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const (
	testProject  = "acme-ml"
	testLocation = "europe-west4"
	testImage    = "europe-west4-docker.pkg.dev/acme-ml/batch/crossbatch@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	testDigest   = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
)

func plainConfig() Config {
	return Config{Project: testProject, Location: testLocation, Image: testImage, Staging: "gs://lake/staging"}
}

// nowhere is for tests that open nothing.
func nowhere(context.Context, string) (*storage.Bucket, string, error) {
	return nil, "", errors.New("nothing is opened here")
}

func backendOf(t testing.TB, c Config) *Backend {
	t.Helper()
	b, err := New(c, Deps{Open: nowhere, Clock: clockwork.NewRealClock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// plain is a spec of two shards, whose input is staged.
func plain(t testing.TB) provider.Spec {
	t.Helper()
	s := provider.Spec{
		Ledger: "00112233445566778899aabbccddeeff", Run: "0123456789abcdef0123", Attempt: 1,
		Job: job.Job{
			Project: "demo", Address: `job.churn["eu"]`, Model: job.Model{Name: "churn", Artifact: "/models/churn.onnx"},
			Input: job.Input{
				Source: []string{"gs://lake/in/"}, Key: []string{"id"}, Empty: job.EmptyError, Staging: job.StagingAuto,
				CSV:     job.Dialect{Header: true, Delimiter: ","},
				Tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: job.Null{Policy: job.NullFail}}},
			},
			Output:  job.Output{Destination: "gs://lake/out/", Format: job.JSONL, Compression: job.CompressionNone, Existing: job.ExistingReplace},
			Compute: job.Compute{Instances: 1}, Limits: job.Limits{Retries: 2},
			Placement: job.Placement{Providers: []job.ProviderRef{{Kind: Kind, Alias: "default"}}, Strategy: job.StrategyFirst},
		},
		Model: provider.Model{Name: "churn", Artifact: "/models/churn.onnx", Digest: testDigest},
		Input: provider.Input{
			Shards: job.Shards{{URI: "gs://lake/in/a.jsonl", Size: 10}, {URI: "gs://lake/in/b.jsonl", Size: 20}}, Format: job.JSONL, Take: []int{0, 1},
		},
		Output: "gs://lake/staging/runs/0123456789abcdef0123/a1/",
		Made:   provider.Made{Engine: record.Engine{Crossbatch: "1"}},
	}
	place(t, &s)
	return s
}

// place says where what a spec needs lies, as the broker does.
func place(t testing.TB, s *provider.Spec) {
	t.Helper()
	m := mapping.Of(s.Job, s.Model.Digest, job.JSONL)
	m.Origin, m.Staged, m.Sealed = s.Input.Format, true, s.Job.Model.Artifact != ""
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	const input = "gs://lake/staging/inputs/feed/records/"
	s.Staged = &provider.Staged{
		Place: "gs://lake/staging/", Model: "gs://lake/staging/models/" + testDigest + "/", Mapping: body,
		MappingURI: "gs://lake/staging/mappings/" + digest + "/scorer.json", Format: job.JSONL, Input: input,
		Entries: []provider.Entry{
			{URI: input + "000000-000000.jsonl", Shard: 0, Records: 3},
			{URI: input + "000000-000001.jsonl", Shard: 0, First: 3, Records: 2, Last: true},
			{URI: input + "000001-000000.jsonl", Shard: 1, Records: 4, Last: true},
		},
	}
}

const hour = time.Hour
