package record_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

// sample is a manifest with every field set.
func sample() *record.Manifest {
	return &record.Manifest{
		FormatVersion: record.ManifestVersion,
		State:         record.Partial,
		Project:       "growth",
		Address:       `job.propensity["eu"]`,
		Run:           "0123abcd4567",
		Fingerprint:   "f1",
		Model:         record.ModelInfo{Name: "a<b>&c", Digest: "d1"},
		Provider:      "local.here",
		Machine:       "m",
		Engine:        record.Engine{Crossbatch: "0.1.0", ONNXRuntime: "1.2.3", Device: "cpu", Batch: 256},
		Format:        "jsonl",
		Columns:       []record.Column{{Name: "key"}, {Name: "prediction.y", Type: "float"}},
		Totals:        record.Counts{In: 6, OK: 3, Failed: 2, Skipped: 1},
		Fills:         map[string]int64{"b": 2, "a": 1 << 60},
		Started:       time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Finished:      time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
		Shards: []record.Shard{
			{URI: "file:///a", Size: 9, Digest: "s1", Counts: record.Counts{In: 6, OK: 3, Failed: 2, Skipped: 1},
				Part: record.File{Name: "p1", Size: 5, Digest: "x1"}, FailedPart: &record.File{Name: "f1", Size: 6, Digest: "x2"}},
			{URI: "file:///b", Part: record.File{Name: "p2"}},
		},
	}
}

// The published form is a contract with readers of other versions and in other
// languages, so its names stand here in full.
func TestManifestForm(t *testing.T) {
	const want = `{
  "format_version": 1,
  "state": "partial",
  "project": "growth",
  "address": "job.propensity[\"eu\"]",
  "run": "0123abcd4567",
  "fingerprint": "f1",
  "model": {
    "name": "a<b>&c",
    "digest": "d1"
  },
  "provider": "local.here",
  "machine": "m",
  "engine": {
    "crossbatch": "0.1.0",
    "onnxruntime": "1.2.3",
    "device": "cpu",
    "batch": 256
  },
  "format": "jsonl",
  "columns": [
    {
      "name": "key"
    },
    {
      "name": "prediction.y",
      "type": "float"
    }
  ],
  "totals": {
    "in": 6,
    "ok": 3,
    "failed": 2,
    "skipped": 1
  },
  "fills": {
    "a": 1152921504606846976,
    "b": 2
  },
  "started": "2026-01-02T03:04:05.000000006Z",
  "finished": "2026-01-02T03:04:06Z",
  "shards": [
    {
      "uri": "file:///a",
      "size": 9,
      "digest": "s1",
      "in": 6,
      "ok": 3,
      "failed": 2,
      "skipped": 1,
      "part": {
        "name": "p1",
        "size": 5,
        "digest": "x1"
      },
      "failed_part": {
        "name": "f1",
        "size": 6,
        "digest": "x2"
      }
    },
    {
      "uri": "file:///b",
      "size": 0,
      "digest": "",
      "in": 0,
      "ok": 0,
      "failed": 0,
      "skipped": 0,
      "part": {
        "name": "p2",
        "size": 0,
        "digest": ""
      }
    }
  ]
}
`
	got, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	back, err := record.ParseManifest(got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sample(), back); d != "" {
		t.Error(d)
	}
}

func TestManifestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":         "",
		"cut off":         `{"format_version":1,"state":"succ`,
		"trailing":        `{"format_version":1} {}`,
		"no version":      `{"state":"succeeded"}`,
		"null":            `null`,
		"a list":          `[{"format_version":1}]`,
		"later version":   `{"format_version":2}`,
		"earlier version": `{"format_version":0}`,
		"version as text": `{"format_version":"1"}`,
		"half a record":   `{"format_version":1,"totals":{"in":1.5}}`,
		"too large":       `{"format_version":1,"totals":{"in":9223372036854775808}}`,
		"no time":         `{"format_version":1,"started":"yesterday"}`,
		"another thing":   "key,prediction.y\n1,2\n",
	} {
		if m, err := record.ParseManifest([]byte(text)); !errors.Is(err, record.ErrManifest) || m != nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

// Fields that a later writer adds must not lock out this reader.
func TestManifestUnknownField(t *testing.T) {
	m, err := record.ParseManifest([]byte(`{"format_version":1,"run":"r","region":"x","shards":[{"uri":"u","in":1,"new":{}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if m.Run != "r" || len(m.Shards) != 1 || m.Shards[0].In != 1 {
		t.Errorf("%+v", m)
	}
}

func TestManifestFiles(t *testing.T) {
	if d := cmp.Diff([]string{"p1", "f1", "p2"}, sample().Files()); d != "" {
		t.Error(d)
	}
}

func TestCounts(t *testing.T) {
	c := record.Counts{In: 10, OK: 7, Failed: 2, Skipped: 1}
	if !c.Balanced() {
		t.Error("10 = 7 + 2 + 1 is not balanced")
	}
	c.Add(record.Counts{In: 100, OK: 40, Failed: 30, Skipped: 20})
	if want := (record.Counts{In: 110, OK: 47, Failed: 32, Skipped: 21}); c != want {
		t.Errorf("%+v, want %+v", c, want)
	}
	if c.Balanced() {
		t.Error("110 = 47 + 32 + 21 is balanced")
	}
}

// FuzzManifest: no text makes the reader panic; what it takes, it writes as text
// that reads back the same, and what it refuses is refused as no manifest.
func FuzzManifest(f *testing.F) {
	whole, err := sample().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"format_version":1,"shards":null,"started":"2026-01-02T03:04:05+23:59"}`))
	f.Add([]byte(`{"format_version":2}`))
	f.Add([]byte(`{"FORMAT_VERSION":1,"fills":{"\ud800":-1},"shards":[{"failed_part":{}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := record.ParseManifest(text)
		if err != nil {
			if !errors.Is(err, record.ErrManifest) {
				t.Errorf("%v", err)
			}
			return
		}
		first, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := record.ParseManifest(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := back.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Error(cmp.Diff(string(first), string(second)))
		}
		if len(m.Files()) < len(m.Shards) {
			t.Errorf("%d files of %d shards", len(m.Files()), len(m.Shards))
		}
	})
}
