// Package sagemaker is the provider "sagemaker": it runs jobs as Batch Transform
// jobs of Amazon SageMaker.
//
// An attempt is one transform job. Before it a model is made, which runs of one
// ledger share: our image, with the staged model package as its data. Input is read
// where it lies, through a manifest, or as it was staged; for each input object the
// service writes one .out object below the attempt's own prefix, whose lines are
// scorer lines in input order.
//
// The name of a job is its idempotency key, for ever: no job can be deleted. What
// the service's documents leave open is handled both ways.
//
// This package translates, calls and reads, and no more. It must not know ledgers,
// retries, destinations, nor how a record is scored.
package sagemaker
