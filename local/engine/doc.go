// Package engine scores files into files: it lists a job's input, checks it
// against the model, runs the pipeline (read, score, write in order) and
// publishes the result as one commit.
//
// It knows the local disk and the scorer. It must not know job files, ledgers,
// clouds or how results are shown.
package engine
