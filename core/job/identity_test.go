package job

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sample() Job {
	return Job{
		Project: "p", Address: "job.a",
		Model: Model{Name: "m", Artifact: "/m.onnx"},
		Input: Input{
			Source: []string{"/data"}, Format: CSV, Key: []string{"id"}, Empty: EmptyError, Staging: StagingAuto,
			CSV:     Dialect{Header: true, Delimiter: ","},
			Tensors: []Tensor{{Input: "x", Fields: []string{"a", "b"}, Null: Null{Policy: NullFail}}},
		},
		Output:    Output{Destination: "/out/", Format: JSONL, Compression: CompressionNone, Existing: ExistingReplace},
		Compute:   Compute{Instances: 1},
		Limits:    Limits{Retries: 2},
		Placement: Placement{Providers: []ProviderRef{{"local", "here"}}, Strategy: StrategyFirst},
		Env:       map[string]string{"A": "1", "B": "2"},
		Labels:    map[string]string{"team": "growth"},
	}
}

func shards() Shards {
	return Shards{{URI: "file:///data/a.csv", Size: 10, Digest: "aa"}, {URI: "file:///data/b.csv", Size: 20, Digest: "bb"}}
}

func fingerprint(t *testing.T, j Job, model string, in Shards) string {
	t.Helper()
	f, err := Fingerprint(j, model, in)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFingerprintHoldsWhatCanChangeResults(t *testing.T) {
	base := fingerprint(t, sample(), "model", shards())
	seen := map[string]string{base: "nothing"}
	for what, change := range map[string]func(*Job){
		"env":          func(j *Job) { j.Env = map[string]string{"A": "1", "B": "3"} },
		"format":       func(j *Job) { j.Input.Format = JSONL },
		"delimiter":    func(j *Job) { j.Input.CSV.Delimiter = ";" },
		"header":       func(j *Job) { j.Input.CSV.Header = false },
		"key":          func(j *Job) { j.Input.Key = []string{"name"} },
		"tensor order": func(j *Job) { j.Input.Tensors[0].Fields = []string{"b", "a"} },
		"null":         func(j *Job) { j.Input.Tensors[0].Null.Policy = NullNaN },
		"keep":         func(j *Job) { j.Output.Keep = []Rename{{"a", "a"}} },
		"select":       func(j *Job) { j.Output.Select = []Selection{{"s", "y[1]"}} },
		"out format":   func(j *Job) { j.Output.Format = CSV },
		"destination":  func(j *Job) { j.Output.Destination = "/other/" },
		"limit":        func(j *Job) { j.Input.Limit = 10 },
	} {
		j := sample()
		change(&j)
		f := fingerprint(t, j, "model", shards())
		if other, ok := seen[f]; ok {
			t.Errorf("changing %s gives the fingerprint of changing %s", what, other)
		}
		seen[f] = what
	}
	if fingerprint(t, sample(), "other", shards()) == base {
		t.Error("the model's digest is not in the fingerprint")
	}
	swapped := shards()
	swapped[0], swapped[1] = swapped[1], swapped[0]
	if fingerprint(t, sample(), "model", swapped) == base {
		t.Error("the order of shards is not in the fingerprint")
	}
	changed := shards()
	changed[1].Digest = "cc"
	if fingerprint(t, sample(), "model", changed) == base {
		t.Error("a shard's content is not in the fingerprint")
	}
}

func TestFingerprintLeavesOutWhatCannotChangeResults(t *testing.T) {
	base := fingerprint(t, sample(), "model", shards())
	for what, change := range map[string]func(*Job){
		"provider": func(j *Job) { j.Placement.Providers = []ProviderRef{{"vertex", "eu"}} },
		"accept":   func(j *Job) { j.Placement.Accept = []string{"compute.spot"} },
		"compute":  func(j *Job) { j.Compute = Compute{Instances: 4, CPUs: 8, Machine: "large"} },
		"batching": func(j *Job) { j.Batching = Batching{Records: 7} },
		"limits": func(j *Job) {
			j.Limits = Limits{Timeout: time.Hour, Retries: 5, FailedRecords: &Tolerance{Count: 3}}
		},
		"labels":   func(j *Job) { j.Labels = nil },
		"staging":  func(j *Job) { j.Input.Staging = StagingAlways },
		"existing": func(j *Job) { j.Output.Existing = ExistingFail },
		"source":   func(j *Job) { j.Input.Source = []string{"/data/*.csv"} }, // the shards tell what it led to
		"env built in another order": func(j *Job) {
			j.Env = map[string]string{}
			for _, k := range []string{"B", "A"} {
				j.Env[k] = map[string]string{"A": "1", "B": "2"}[k]
			}
		},
	} {
		j := sample()
		change(&j)
		if fingerprint(t, j, "model", shards()) != base {
			t.Errorf("%s changes the fingerprint", what)
		}
	}
}

// Lengths stand before names, so that no two inputs are written alike.
func TestShardsDigestIsUnambiguous(t *testing.T) {
	a := Shards{{URI: "x 1 aa\n1 y", Size: 2, Digest: "bb"}}
	b := Shards{{URI: "x", Size: 1, Digest: "aa"}, {URI: "y", Size: 2, Digest: "bb"}}
	if a.Digest() == b.Digest() {
		t.Error("one shard with a crafted name has the digest of two")
	}
	if (Shards{}).Digest() != (Shards)(nil).Digest() {
		t.Error("no shards have two digests")
	}
	if got := b.Bytes(); got != 3 {
		t.Errorf("Bytes is %d, want 3", got)
	}
}

func TestRunID(t *testing.T) {
	id := sample().Identity()
	run := RunID("ledger", id, "f", 0)
	if len(run) != 20 || strings.Trim(run, "0123456789abcdef") != "" {
		t.Errorf("%q is not 20 hex digits", run)
	}
	relabelled := sample()
	relabelled.Labels = nil
	if RunID("ledger", relabelled.Identity(), "f", 0) != run {
		t.Error("the same run has two ids")
	}
	seen := map[string]string{run: "nothing"}
	for what, got := range map[string]string{
		"ledger":                     RunID("another", id, "f", 0),
		"project":                    RunID("ledger", Identity{"q", id.Address, id.Destination}, "f", 0),
		"address":                    RunID("ledger", Identity{id.Project, "job.b", id.Destination}, "f", 0),
		"destination":                RunID("ledger", Identity{id.Project, id.Address, "/other/"}, "f", 0),
		"fingerprint":                RunID("ledger", id, "g", 0),
		"generation":                 RunID("ledger", id, "f", 1),
		"none (score has no ledger)": ScoreID(id, "f"),
	} {
		if other, ok := seen[got]; ok {
			t.Errorf("changing %s gives the run id of changing %s", what, other)
		}
		seen[got] = what
	}
}

// A digest tells a shard; a version does where no digest is known, and changes
// nothing where one is, so that fingerprints stay.
func TestVersionsInTheDigestOfShards(t *testing.T) {
	digested := Shards{{URI: "s3://b/k", Size: 3, Digest: "xxh3:00"}}
	if got := digested.Digest(); got != "475c679a6eeb02c5fb76ca0416b10535f8c23fd0dc553b9e8de0be64733250a3" {
		t.Errorf("with a digest: %s", got)
	}
	both := Shards{{URI: "s3://b/k", Size: 3, Digest: "xxh3:00", Version: "etag:x"}}
	if both.Digest() != digested.Digest() {
		t.Error("a version changed the digest of a shard that has one")
	}
	if got := (Shards{{URI: "s3://b/k", Size: 3}}).Digest(); got != "7d305a50d04f3c8f4f3b579de2d0001381e4ffa88539ed6e28a0c51819a6afb1" {
		t.Errorf("with neither: %s", got)
	}
	seen := map[string]string{}
	for _, v := range []string{"", "etag:x", "etag:y", "x", "generation:1", "etag:x\n8 s3://b/k 3 "} {
		d := Shards{{URI: "s3://b/k", Size: 3, Version: v}}.Digest()
		if other, ok := seen[d]; ok {
			t.Errorf("the versions %q and %q make one digest", v, other)
		}
		seen[d] = v
	}
	if got, err := json.Marshal(digested[0]); err != nil || string(got) != `{"uri":"s3://b/k","size":3,"digest":"xxh3:00"}` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := json.Marshal(both[0]); err != nil || string(got) != `{"uri":"s3://b/k","size":3,"digest":"xxh3:00","version":"etag:x"}` {
		t.Errorf("%s, %v", got, err)
	}
}
