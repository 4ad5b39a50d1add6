//go:build unix

package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestALedgerHasOneID(t *testing.T) {
	dir := t.TempDir()
	folder, err := storage.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	memory := storage.New(memblob.OpenBucket(nil), "mem://x")
	defer func() { _ = memory.Close() }()
	for name, b := range map[string]*storage.Bucket{"folder": folder, "memory": memory} {
		for _, prefix := range []string{"", "deep/er/"} {
			if _, err := ledger.OpenExisting(t.Context(), b, prefix, ledger.Options{}); !errors.Is(err, ledger.ErrNoLedger) {
				t.Errorf("%s %s: before it is made: %v", name, prefix, err)
			}
			ids := make([]string, 16)
			var wg sync.WaitGroup
			for i := range ids {
				wg.Go(func() {
					l, err := ledger.Open(t.Context(), b, prefix, ledger.Options{Clock: clockwork.NewFakeClock()})
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = l.ID()
				})
			}
			wg.Wait()
			l, err := ledger.OpenExisting(t.Context(), b, prefix, ledger.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if len(id) != 32 || id != l.ID() {
					t.Errorf("%s %s: %q and %q", name, prefix, id, l.ID())
				}
			}
		}
	}
}

func TestOtherFilesAreNoLedger(t *testing.T) {
	for body, want := range map[string]string{
		`{"format_version":2,"id":"00000000000000000000000000000000"}`: "format_version is 2, this crossbatch reads 1",
		`{"format_version":1,"id":"short"}`:                            `its id is "short"`,
		`{"id":"00000000000000000000000000000000"}`:                    "format_version is 0",
		`half`: "ledger.json",
		``:     "ledger.json",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ledger.json"), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		b, err := storage.OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ledger.Open(t.Context(), b, "", ledger.Options{Clock: clockwork.NewFakeClock()})
		if !errors.Is(err, ledger.ErrFormat) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %v", body, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
