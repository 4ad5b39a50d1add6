//go:build unix && !linux

package backend

import (
	"os"
	"testing"
)

// asNobody is for root on Linux; everybody else has no right to give up.
func asNobody(t *testing.T) func() {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Fatal("run the tests as another user than root")
	}
	return func() {}
}
