// Package engine scores the shards of a run into a folder: it checks the data
// against the model, then reads, scores and writes in order, and commits each
// shard with a summary as soon as it is finished.
//
// It knows the local disk and the scorer. It must not know destinations, how a
// result is published, job files, ledgers, clouds or how results are shown.
package engine
