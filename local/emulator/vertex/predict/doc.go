// Package predict does what a batch prediction job of Vertex AI does with its data:
// reads JSON Lines from Cloud Storage, makes instances of them, sends them in
// batches to the servers of a job's containers, and writes result files in no order,
// beside files with what went wrong.
//
// Rows go through it in a stream; results lie in temporary files until the job ends,
// and one result file at a time is held in memory. How a server is started is the
// caller's affair.
//
// It must not know of names, states and times of jobs, nor of the protocol that
// they are made with.
//
// Facts are from
// https://docs.cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions and
// custom-container-requirements beside it; where these are silent, Uncertain has a
// choice.
package predict
