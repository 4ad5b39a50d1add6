// Package providertest is what the tests of a provider start from: an attempt as the
// broker would hand it over, and golden files for what becomes of it.
//
// It must not know any provider: what is staged, and how, each says itself.
package providertest

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// ModelDigest is the digest of the model of Spec.
const ModelDigest = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"

// Spec is the first attempt of a job on two shards of JSON Lines, which lie in the
// folder in/ of a bucket, such as s3://lake. Nothing is placed yet.
func Spec(kind, bucket string) provider.Spec {
	return provider.Spec{
		Ledger: "00112233445566778899aabbccddeeff", Run: "0123456789abcdef0123", Attempt: 1,
		Job: job.Job{
			Project: "demo", Address: `job.churn["eu"]`, Model: job.Model{Name: "churn", Artifact: "/models/churn.onnx"},
			Input: job.Input{
				Source: []string{bucket + "/in/"}, Key: []string{"id"}, Empty: job.EmptyError, Staging: job.StagingAuto,
				CSV:     job.Dialect{Header: true, Delimiter: ","},
				Tensors: []job.Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: job.Null{Policy: job.NullFail}}},
			},
			Output:  job.Output{Destination: bucket + "/out/", Format: job.JSONL, Compression: job.CompressionNone, Existing: job.ExistingReplace},
			Compute: job.Compute{Instances: 1}, Limits: job.Limits{Retries: 2},
			Placement: job.Placement{Providers: []job.ProviderRef{{Kind: kind, Alias: "default"}}, Strategy: job.StrategyFirst},
		},
		Model: provider.Model{Name: "churn", Artifact: "/models/churn.onnx", Digest: ModelDigest},
		Input: provider.Input{
			Shards: job.Shards{{URI: bucket + "/in/a.jsonl", Size: 10}, {URI: bucket + "/in/b.jsonl", Size: 20}}, Format: job.JSONL, Take: []int{0, 1},
		},
		Output: bucket + "/staging/runs/0123456789abcdef0123/a1/",
		Made:   provider.Made{Engine: record.Engine{Crossbatch: "1"}},
	}
}

// Place says where the model and a mapping lie, below a staging prefix that ends in a
// slash. The input lies where it is.
func Place(t testing.TB, s *provider.Spec, staging string, m mapping.Mapping) {
	t.Helper()
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.Staged = &provider.Staged{
		Place: staging, Model: storage.Join(staging, "models/"+ModelDigest+"/"), Mapping: body,
		MappingURI: storage.Join(staging, "mappings/"+digest+"/scorer.json"), Format: s.Input.Format,
	}
	for _, shard := range s.Input.Take {
		s.Staged.Entries = append(s.Staged.Entries, provider.Entry{URI: s.Input.Shards[shard].URI, Shard: shard, Last: true})
	}
}

// Stage puts the two shards of a spec that is placed into three pieces of JSON Lines,
// nine records in all.
func Stage(s *provider.Spec) {
	s.Staged.Input, s.Staged.Format = storage.Join(s.Staged.Place, "inputs/feed/records/"), job.JSONL
	s.Staged.Entries = []provider.Entry{
		{URI: s.Staged.Input + "000000-000000.jsonl", Shard: 0, Records: 3},
		{URI: s.Staged.Input + "000000-000001.jsonl", Shard: 0, First: 3, Records: 2, Last: true},
		{URI: s.Staged.Input + "000001-000000.jsonl", Shard: 1, Records: 4, Last: true},
	}
}
