//go:build unix

package ledger_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Two processes may write the same object of a run: what one reads and writes
// again must have the bytes that the other wrote.
func TestAnIntentIsCompletedByteForByte(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	digest, err := l.PutShards(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	cost := 0.1
	body := ledger.IntentBody{
		Job: job.Job{
			Project: identity.Project, Address: identity.Address, Output: job.Output{Destination: identity.Destination},
			Limits: job.Limits{Timeout: 36 * time.Hour, FailedRecords: &job.Tolerance{Percent: 1e-7, IsPercent: true}, Cost: &cost},
			Env:    map[string]string{"B": "<&>\u2028é\x00", "A": ""},
		},
		Provider:    ledger.Block{Kind: "k", Alias: "a", Config: json.RawMessage(`{"z": 12345678901234567890, "a": 1.50, "n": null}`)},
		Fingerprint: print16(1), Input: digest, Staging: "file:///s/",
		Facts: provider.Facts{Notes: map[string]string{"b": "1", "a": "2"}},
	}
	key, _, err := l.Begin(t.Context(), identity, body, job.RunID(l.ID(), identity, print16(1), 0))
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	for _, gone := range []string{"runs", "ids"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	for p, was := range before {
		if is := files(t, dir)[p]; is != was {
			t.Errorf("%s\nholds %s\nnot   %s", p, is, was)
		}
	}
	sound(t, l)

	// A member that a later version put in is kept.
	run := filepath.Join(dir, filepath.FromSlash(string(key)))
	if ok, err := l.Append(t.Context(), key, ledger.Event{Seq: 2, Kind: ledger.Sent, Run: job.RunID(l.ID(), identity, print16(1), 0)}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := edit(run+"/000002.lock", `"seq":2`, `"seq":2,"zeal":1`); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(run + "/000002.sent"); err != nil {
		t.Fatal(err)
	}
	if err := l.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(run + "/000002.sent"); err != nil || !bytes.Contains(got, []byte("zeal")) {
		t.Errorf("%s, %v", got, err)
	}
	sound(t, l)
}

func TestBodiesAreCanonical(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	key, err := begin(t.Context(), l, print16(1), 0)
	if err == nil {
		err = ledgertest.Finish(t.Context(), l, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for p, body := range files(t, dir) {
		if body == "folder" || strings.Contains(p, "/ids/") {
			continue
		}
		n++
		var v map[string]any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(p, err)
		}
		if v["format_version"] != 1.0 {
			t.Errorf("%s is of version %v", p, v["format_version"])
		}
		if again, err := provider.Canonical(v); err != nil || string(again) != body {
			t.Errorf("%s is not canonical: %s", p, body)
		}
	}
	if n != 9 { // the mark, the input, the claim, three events twice
		t.Errorf("%d objects", n)
	}
}
