package sagemaker

import (
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/contracttests"
)

// TestContract holds the provider against the contract of all providers, over the
// emulators of SageMaker and S3 and our own scoring server, with what the service's
// documents leave open one way and the other.
func TestContract(t *testing.T) {
	for name, o := range variants() {
		o.Uncertain.StopComesLate = false // one that stands still never comes
		idle, fleet := o, 0
		if name != "as is likely" {
			fleet = 150 // a thousand are shown once
		}
		idle.Queueing = 24 * time.Hour
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contracttests.Run(t, contracttests.Harness{
				Name: Kind, New: func(t contracttests.T) contracttests.Setup { return newArea(t, o).setup() },
				Idle: func(t contracttests.T) contracttests.Setup { return newArea(t, idle).setup() }, Fleet: fleet,
			})
		})
	}
}
