package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func rowsOf(t *testing.T) []provider.Rows {
	t.Helper()
	var w record.RowsWriter
	if err := errors.Join(w.Add(3, 5), w.Add(1000, 1000)); err != nil {
		t.Fatal(err)
	}
	return []provider.Rows{{Shard: 2, Rows: w.Rows()}}
}

// Rows come back under their digest, and nothing else does.
func TestRowsAreKept(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	want := rowsOf(t)
	digest, err := l.PutRows(t.Context(), want)
	if told, derr := ledger.RowsDigest(want); err != nil || derr != nil || told != digest {
		t.Fatalf("%s, %v, %s, %v", digest, err, told, derr)
	}
	if again, err := l.PutRows(t.Context(), want); err != nil || again != digest {
		t.Errorf("put again: %s, %v", again, err)
	}
	if got, err := l.Rows(t.Context(), digest); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := l.Rows(t.Context(), strings.Repeat("0", 64)); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("%v", err)
	}
	path := filepath.Join(dir, "rows", digest+".json")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{
		"another shard": strings.Replace(string(body), `"shard":2`, `"shard":3`, 1), "another version": strings.Replace(string(body), `"format_version":1`, `"format_version":2`, 1), "no JSON": "{",
	} {
		if err := os.WriteFile(path, []byte(other), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Rows(t.Context(), digest); !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Bytes that are no rows are not taken for rows, though their digest is right.
func TestRowsThatAreNone(t *testing.T) {
	l := open(t, t.TempDir())
	digest, err := l.PutRows(t.Context(), []provider.Rows{{Shard: 1, Rows: record.Rows{0x80}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Rows(t.Context(), digest); !errors.Is(err, ledger.ErrFormat) {
		t.Errorf("%v", err)
	}
}

// What a run tries again is looked for by fsck.
func TestFsckMissesRows(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	shards, err := l.PutShards(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := l.PutRows(t.Context(), rowsOf(t))
	if err != nil {
		t.Fatal(err)
	}
	in := ledger.IntentBody{
		Job:         job.Job{Project: identity.Project, Address: identity.Address, Output: job.Output{Destination: identity.Destination}},
		Fingerprint: print16(1), Input: shards, Retry: &ledger.RetryBody{Run: "r", Rows: rows},
	}
	if _, _, err := l.Begin(t.Context(), identity, in, job.RunID(l.ID(), identity, print16(1), 0)); err != nil {
		t.Fatal(err)
	}
	if problems, err := l.Fsck(t.Context()); err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", problems, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "rows")); err != nil {
		t.Fatal(err)
	}
	if problems, err := l.Fsck(t.Context()); err != nil || len(problems) != 1 || !strings.HasPrefix(problems[0].Object, "rows/") {
		t.Errorf("%v, %v", problems, err)
	}
}
