// Package direct runs a job on this machine without a ledger: what `crossbatch
// score` does, here and inside of the clouds' containers. It checks the job,
// scores its input below the destination and publishes from there; what a
// stopped run finished is taken up by the next one of the same fingerprint.
//
// It must not know how runs are shown, what a command line says, or that ledgers
// and providers' services exist.
package direct
