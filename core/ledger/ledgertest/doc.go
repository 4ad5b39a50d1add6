// Package ledgertest is what a ledger must do on any store, as a suite: whoever
// can open a bucket runs it. It must not know how buckets are opened.
package ledgertest
