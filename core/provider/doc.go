// Package provider is the contract between crossbatch and a place that runs
// jobs: the interface Backend, the values that pass through it, and what may go
// wrong.
//
// A backend is a thin, honest translation of one service. Everything that is
// the same on all of them (retries, exactly-once submission, watching, folding
// of parts and attempts, collection of results) lives in core/broker, once.
// This package must not know any service, the ledger or how results look.
package provider
