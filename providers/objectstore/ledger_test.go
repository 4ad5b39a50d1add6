package objectstore

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
)

// ledgers passes the ledger's own suite, its writers in processes of their own.
func ledgers(t *testing.T, s *stand) {
	ledgertest.Run(t, ledgertest.Store{Bucket: s.bucket(t), Race: func(t *testing.T, prefix string, all []ledgertest.Writer) []string {
		var errands []errand
		for i := range all {
			errands = append(errands, errand{URI: s.uri, Writer: &all[i], Prefix: prefix})
		}
		return s.racing.run(t, errands)
	}})
}
