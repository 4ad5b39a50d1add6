//go:build unix

package ledger_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// inMemory is a ledger that syncs nothing.
func inMemory(t *testing.T) (*ledger.Ledger, *storage.Bucket) {
	t.Helper()
	b := storage.New(memblob.OpenBucket(nil), "mem://x")
	t.Cleanup(func() { _ = b.Close() })
	l, err := ledger.Open(t.Context(), b, "", ledger.Options{Clock: clockwork.NewFakeClock()})
	if err != nil {
		t.Fatal(err)
	}
	return l, b
}

// runTo begins the run of a generation and gives it n events in all.
func runTo(t *testing.T, l *ledger.Ledger, generation, n int) ledger.Key {
	t.Helper()
	key, err := begin(t.Context(), l, print16(1), generation)
	if err != nil {
		t.Fatal(err)
	}
	events, err := l.History(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for seq := 2; seq <= n; seq++ {
		e := ledger.Event{Seq: seq, Kind: ledger.Sent, Run: events[0].Run, Attempt: seq, Reason: "because"}
		switch seq {
		case 2:
			e.Kind, e.Native = ledger.Started, &provider.Native{ID: "native", Console: "https://console"}
		case n:
			e.Kind, e.Outcome = ledger.Failed, &ledger.OutcomeBody{Totals: record.Counts{In: 9}, Code: provider.Invalid, Reason: "the end"}
		}
		if ok, err := l.Append(t.Context(), key, e); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	return key
}

func summaries(t *testing.T, l *ledger.Ledger) []ledger.Summary {
	t.Helper()
	entries, err := l.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The order of runs is that of time; memory tells none that is fine enough.
	slices.SortFunc(entries, func(a, b ledger.Entry) int { return a.Generation - b.Generation })
	out, err := l.Summaries(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func snapshots(t *testing.T, b *storage.Bucket) (n int) {
	t.Helper()
	for _, err := range b.Objects(t.Context(), "snapshots/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestSnapshots(t *testing.T) {
	l, b := inMemory(t)
	var over []ledger.Key
	for generation := range 9 {
		over = append(over, runTo(t, l, generation, 111))
	}
	if err := l.Unfinished(t.Context()); err != nil || snapshots(t, b) != 0 {
		t.Fatalf("a snapshot of 999 events, or %v", err)
	}
	over = append(over, runTo(t, l, 9, 20))
	live, err := begin(t.Context(), l, print16(2), 99)
	if err != nil {
		t.Fatal(err)
	}
	want := summaries(t, l)
	if len(want) != 11 || want[0].NativeID != "native" || want[0].Totals.In != 9 || want[0].Reason != "the end" || want[0].Attempt != 111 || !want[10].Ended.IsZero() {
		t.Fatalf("%+v", want)
	}
	for range 2 { // once: the second has nothing to add
		if err := l.Unfinished(t.Context()); err != nil || snapshots(t, b) != 1 {
			t.Fatalf("%d snapshots, %v", snapshots(t, b), err)
		}
	}
	if got := summaries(t, l); !reflect.DeepEqual(got, want) {
		t.Errorf("with a snapshot:\n%+v\nwithout:\n%+v", got, want)
	}
	sound(t, l)
	// What the snapshot holds is not read any more: bodies that say nothing do no harm.
	for _, key := range over {
		for o, err := range b.Objects(t.Context(), string(key)+"/") {
			if err == nil {
				err = b.Replace(t.Context(), o.Key, []byte("spoilt"))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := summaries(t, l); !reflect.DeepEqual(got, want) {
		t.Error("bodies of old runs are read")
	}
	// A run that goes on after it is read again.
	if ok, err := l.Append(t.Context(), live, ledger.Event{Seq: 2, Kind: ledger.Cancelled, Run: want[10].Run}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := summaries(t, l); got[10].Kind != ledger.Cancelled || got[10].Ended.IsZero() {
		t.Errorf("%+v", got[10])
	}
}

// files are all files below a folder with their content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			out[p] = "folder"
			return err
		}
		body, err := os.ReadFile(p)
		out[p] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Whoever only looks writes nothing, not even what a killed process left undone.
func TestReadersWriteNothing(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.Finish(t.Context(), l, key); err != nil {
		t.Fatal(err)
	}
	next, err := begin(t.Context(), l, print16(2), 0)
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(dir, filepath.FromSlash(string(key)))
	if err := os.Remove(filepath.Join(run, "000003.cancelled")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(string(next)))); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	b, err := storage.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	reader, err := ledger.OpenExisting(t.Context(), b, "", ledger.Options{Step: func(point string) { t.Errorf("a reader writes: %s", point) }})
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(context.Context) error{
		"history": func(ctx context.Context) error {
			events, err := reader.History(ctx, key)
			if len(events) != 3 || events[2].Kind != ledger.Cancelled {
				t.Errorf("%+v", events)
			}
			return err
		},
		"runs": func(ctx context.Context) error {
			entries, err := reader.Runs(ctx)
			if err != nil || len(entries) != 1 || entries[0].Kind != ledger.Cancelled || entries[0].Seq != 3 {
				t.Errorf("%+v", entries)
				return err
			}
			_, err = reader.Summaries(ctx, entries)
			return err
		},
		"runs of": func(ctx context.Context) error { _, err := reader.RunsOf(ctx, identity); return err },
		"resolve": func(ctx context.Context) error { _, err := reader.Resolve(ctx, ""); return err },
		"shards":  func(ctx context.Context) error { _, err := reader.Shards(ctx, inputDigest(t, reader, key)); return err },
		"fsck":    func(ctx context.Context) error { _, err := reader.Fsck(ctx); return err },
	} {
		if err := read(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := files(t, dir); !reflect.DeepEqual(before, after) {
		t.Error("the ledger is not what it was")
	}
}

func inputDigest(t *testing.T, l *ledger.Ledger, key ledger.Key) string {
	t.Helper()
	events, err := l.History(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return events[0].Intent.Input
}
