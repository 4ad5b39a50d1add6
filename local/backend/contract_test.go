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
	"github.com/crossbatch/crossbatch/core/storage"
)

var update = flag.Bool("update", false, "write the suite's reference results anew")

// TestContract holds the local provider against the contract of all providers,
// in several circumstances.
func TestContract(t *testing.T) {
	h := contracttests.Harness{Name: "local", New: newArea("area")}
	if *update {
		h.Update = filepath.Join("..", "..", "contracttests", "testdata")
	}
	small, odd := h, h
	small.Update, small.Tune = "", func(j *job.Job) { j.Batching.Records = 2 }
	odd.Update, odd.New = "", newArea("a place %20 with #odd 'names' ü")
	for name, h := range map[string]contracttests.Harness{
		"plain": h, "small batches": small, "read-only input, odd names, slow clock": odd,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contracttests.Run(t, h)
		})
	}
}

func newArea(name string) func(contracttests.T) contracttests.Setup {
	return func(t contracttests.T) contracttests.Setup {
		a := &area{T: t, dir: filepath.Join(t.TempDir(), name), odd: name != "area"}
		t.Cleanup(a.clear)
		return contracttests.Setup{
			Block: ledger.Block{Kind: Kind, Alias: "default", Config: []byte("{}")}, Area: storage.FileURI(a.dir) + "/", Jobs: a,
			Clock: a.clock(), Written: a.written,
			Backend: func(context.Context, ledger.Block) (provider.Backend, error) {
				return New(Config{Alias: "default", Device: "cpu", Runs: filepath.Join(a.dir, "staging", "runs")}, deps("worker")), nil
			},
		}
	}
}
