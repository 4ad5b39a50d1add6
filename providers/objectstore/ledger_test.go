package objectstore

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
)

// These make the test binary one of the suite's writers: the writer, and the
// prefix of its ledger. The bucket is raceEnv's.
const (
	writerEnv = "CROSSBATCH_TEST_WRITER"
	prefixEnv = "CROSSBATCH_TEST_PREFIX"
)

// write does the work of a writer of a ledger.
func write(uri, text string) error {
	var w ledgertest.Writer
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return err
	}
	open := New(Options{})
	b, _, err := open.Open(context.Background(), uri)
	if err != nil {
		return err
	}
	return w.Run(context.Background(), b, os.Getenv(prefixEnv), os.Stdout)
}

// ledgers passes the ledger's own suite, its writers in processes of their own.
func ledgers(t *testing.T, s *stand) {
	ledgertest.Run(t, ledgertest.Store{Bucket: s.bucket(t), Race: func(t *testing.T, prefix string, all []ledgertest.Writer) []string {
		return processes(t, len(all), func(i int) []string {
			text, err := json.Marshal(all[i])
			must(t, err)
			return []string{raceEnv + "=" + s.uri, writerEnv + "=" + string(text), prefixEnv + "=" + prefix}
		})
	}})
}
