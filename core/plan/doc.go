// Package plan says what would become of wanted runs, and why: which of them would be
// begun, joined or left alone, and what would be sent. A plan can be kept in a file
// and applied later, as long as it holds.
//
// It decides by the broker's own rules (broker.Desired.Course), so a plan and a submit
// never differ. It must not know how jobs are written or shown, and it writes nothing:
// what is planned, the broker begins.
package plan
