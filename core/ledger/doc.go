// Package ledger keeps the history of runs: what was wanted, sent, started,
// seen to end and published. It only ever adds objects, so any number of
// processes may write at once and one that is killed leaves nothing half done.
//
// The state of every run can be told from the keys of its objects. The format
// is in docs/ledger.md. The package must not know what a provider is called by
// or what follows an event: that is the broker's.
package ledger
