package sagemaker

import (
	"context"
	"errors"
	"flag"
	"os"
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

// TestMain gives all tests credentials: those of S3 are found by the SDK's own chain.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": testKey, "AWS_SECRET_ACCESS_KEY": testSecret, "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	testRegion = "us-east-1"
	testRole   = "arn:aws:iam::123456789012:role/service-role/batch"
	testImage  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	testDigest = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
)

func plainConfig() Config {
	return Config{Region: testRegion, RoleARN: testRole, Image: testImage, Staging: "s3://lake/staging"}
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

// inPlace is a spec whose two shards are read where they lie.
func inPlace(t testing.TB) provider.Spec {
	t.Helper()
	s := provider.Spec{
		Ledger: "00112233445566778899aabbccddeeff", Run: "0123456789abcdef0123", Attempt: 1,
		Job: job.Job{
			Project: "demo", Address: `job.churn["eu"]`, Model: job.Model{Name: "churn", Artifact: "/models/churn.onnx"},
			Input: job.Input{
				Source: []string{"s3://lake/in/"}, Key: []string{"id"}, Empty: job.EmptyError, Staging: job.StagingAuto,
				CSV:     job.Dialect{Header: true, Delimiter: ","},
				Tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: job.Null{Policy: job.NullFail}}},
			},
			Output:  job.Output{Destination: "s3://lake/out/", Format: job.JSONL, Compression: job.CompressionNone, Existing: job.ExistingReplace},
			Compute: job.Compute{Instances: 1}, Limits: job.Limits{Retries: 2},
			Placement: job.Placement{Providers: []job.ProviderRef{{Kind: Kind, Alias: "default"}}, Strategy: job.StrategyFirst},
		},
		Model: provider.Model{Name: "churn", Artifact: "/models/churn.onnx", Digest: testDigest},
		Input: provider.Input{
			Shards: job.Shards{{URI: "s3://lake/in/a.jsonl", Size: 10}, {URI: "s3://lake/in/b.jsonl", Size: 20}}, Format: job.JSONL, Take: []int{0, 1},
		},
		Output: "s3://lake/staging/runs/0123456789abcdef0123/a1/",
		Made:   provider.Made{Engine: record.Engine{Crossbatch: "1"}},
	}
	place(t, &s)
	return s
}

// place says where what a spec needs lies, as the broker does for input that is
// read in place.
func place(t testing.TB, s *provider.Spec) {
	t.Helper()
	m := mapping.Of(s.Job, s.Model.Digest, s.Input.Format)
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.Staged = &provider.Staged{
		Place: "s3://lake/staging/", Model: "s3://lake/staging/models/" + testDigest + "/", Mapping: body,
		MappingURI: "s3://lake/staging/mappings/" + digest + "/scorer.json", Format: s.Input.Format,
	}
	for _, shard := range s.Input.Take {
		s.Staged.Entries = append(s.Staged.Entries, provider.Entry{URI: s.Input.Shards[shard].URI, Shard: shard, Last: true})
	}
}

// staged puts a spec's input into pieces.
func staged(s *provider.Spec) {
	s.Staged.Input, s.Staged.Format = "s3://lake/staging/inputs/feed/records/", job.JSONL
	s.Staged.Entries = []provider.Entry{
		{URI: s.Staged.Input + "000000-000000.jsonl", Shard: 0, Records: 3},
		{URI: s.Staged.Input + "000000-000001.jsonl", Shard: 0, First: 3, Records: 2, Last: true},
		{URI: s.Staged.Input + "000001-000000.jsonl", Shard: 1, Records: 4, Last: true},
	}
}

const hour = time.Hour
