package vertex

import (
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/job"
)

// TestContract holds the provider against the contract of all providers, over the
// emulators of Vertex AI and Cloud Storage and our own scoring server, with what the
// service's documents leave open one way and the other.
func TestContract(t *testing.T) {
	for name, o := range variants() {
		o.Predict.Uncertain.BatchesSpanFiles = false // a shard of the suite is a request
		o.Uncertain.CancelComesLate = false          // one that stands still never comes
		idle, fleet := o, 0
		if name != "likelier" {
			fleet = 150 // a thousand are shown once
		}
		idle.Queueing = 24 * time.Hour
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contracttests.Run(t, contracttests.Harness{
				Name: Kind, New: func(t contracttests.T) contracttests.Setup { return newArea(t, o).setup() },
				Idle: func(t contracttests.T) contracttests.Setup { return newArea(t, idle).setup() }, Fleet: fleet,
				Tune: func(j *job.Job) {
					if j.Batching.Records == 0 {
						j.Batching.Records = 1000
					}
				},
			})
		})
	}
}
