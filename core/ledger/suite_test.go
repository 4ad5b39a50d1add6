//go:build unix

package ledger_test

import (
	"testing"

	"gocloud.dev/blob/memblob"

	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestSuite(t *testing.T) {
	folder, err := storage.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*storage.Bucket{"folder": folder, "memory": storage.New(memblob.OpenBucket(nil), "mem://x")} {
		t.Run(name, func(t *testing.T) {
			defer func() { _ = b.Close() }()
			ledgertest.Run(t, ledgertest.Store{Bucket: b})
		})
	}
}
