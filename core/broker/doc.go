// Package broker runs jobs on providers: it starts a run exactly once, walks its
// requests, watches it, tries again what may fare better, and publishes what it
// made. It is the type that verbs and programs hold.
//
// Everything it knows of a run stands in the ledger. Each step is decided from
// the run's history alone and written back by compare-and-swap, so whoever
// comes next, in this process or another, goes on where a killed one stopped,
// and any number may work on one run at a time.
//
// It must not know any provider: what differs between them is in
// provider.Capabilities.
package broker
