// Package contracttests is the suite that every backend passes: it drives
// core/broker over one backend and checks, invariant by invariant, what the
// contract of core/provider and the house promise to users.
//
// Support is assumed. A backend that cannot keep an invariant says so in
// Harness.Except, with the reason. The suite knows core alone: a backend
// outside of this module runs it in the same way as those inside.
//
//	func TestContract(t *testing.T) {
//		contracttests.Run(t, contracttests.Harness{Name: "mine", New: newSetup})
//	}
package contracttests
