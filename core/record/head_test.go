package record_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

func TestParseHead(t *testing.T) {
	m := record.Manifest{
		FormatVersion: record.ManifestVersion, State: record.Partial, Project: "p\"ä<1>", Address: `job.x["eu"]`, Run: "0123", Fingerprint: "45",
		Totals: record.Counts{In: 1 << 53, OK: 1<<53 - 3, Failed: 2, Skipped: 1},
		Shards: []record.Shard{{URI: "a", Part: record.File{Name: "run"}}},
	}
	body, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := record.ParseHead(body); err != nil || got != m.Head() {
		t.Errorf("%+v %v", got, err)
	}
	for _, text := range []string{"", "{", "null", "[]", "{}", `{"format_version": 2}`, `{"format_version": 1.5}`, `{"format_version": 1, "run": 7}`, `{"format_version": 1, "totals": {"in": "x"}}`, `{"format_version": 1} {}`} {
		if got, err := record.ParseHead([]byte(text)); !errors.Is(err, record.ErrManifest) || got != (record.Head{}) {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
}

// FuzzParseHead holds that what both read of a manifest is the same, and that what the
// one which reads all takes, the other takes, too.
func FuzzParseHead(f *testing.F) {
	f.Add(`{"format_version": 1, "state": "succeeded", "project": "p", "address": "job.x", "run": "r", "fingerprint": "f", "totals": {"in": 1, "ok": 1}, "shards": [{"run": "no"}]}`)
	f.Add(`{"format_version": 1, "totals": null, "run": null}`)
	f.Fuzz(func(t *testing.T, text string) {
		if names := strings.ToLower(text); names != text || strings.ContainsAny(text, "\\ſK") {
			return // encoding/json takes names of any case, and the last of several
		}
		whole, err := record.ParseManifest([]byte(text))
		head, herr := record.ParseHead([]byte(text))
		if err != nil || herr != nil {
			return
		}
		if strings.Count(text, `"run"`) < 2 && strings.Count(text, `"totals"`) < 2 && head != whole.Head() {
			t.Errorf("%+v, want %+v", head, whole.Head())
		}
	})
}
