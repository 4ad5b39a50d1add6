//go:build unix

package backend

import (
	"context"
	"flag"
	"path/filepath"
	"testing"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

var update = flag.Bool("update", false, "write the suite's reference results anew")

// TestContract holds the local provider against the contract of all providers.
func TestContract(t *testing.T) {
	h := contracttests.Harness{Name: "local", New: newArea}
	if *update {
		h.Update = filepath.Join("..", "..", "contracttests", "testdata")
	}
	contracttests.Run(t, h)
	h.Name, h.Update, h.Tune = "local, small batches", "", func(j *job.Job) { j.Batching.Records = 2 }
	t.Run("small batches", func(t *testing.T) { contracttests.Run(t, h) })
}

func newArea(t contracttests.T) contracttests.Setup {
	a := &area{T: t, dir: t.TempDir()}
	t.Cleanup(a.clear)
	return contracttests.Setup{
		Block: ledger.Block{Kind: Kind, Alias: "default", Config: []byte("{}")}, Area: "file://" + a.dir + "/", Jobs: a,
		Backend: func(context.Context, ledger.Block) (provider.Backend, error) {
			return New(Config{Alias: "default", Device: "cpu", Runs: filepath.Join(a.dir, "staging", "runs")}, deps("worker")), nil
		},
	}
}
