// Package scorer turns records into tensors and a model's answers into scorer
// lines. It applies a job's mapping: which fields feed which input, how values
// are converted, how records are stacked into batches and what is published.
// Every place that runs a model for crossbatch runs it through this package.
//
// It must not know files, shards' storage, workers or results on disk.
package scorer
