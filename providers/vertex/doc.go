// Package vertex is the provider "vertex": it runs jobs as batch prediction jobs of
// Google Vertex AI.
//
// An attempt is one batch prediction job, whose model is our image with the staged
// model package: nothing is registered, and nothing has to be deleted. Input is
// always staged as JSON Lines, whose records the service hands to the model a batch
// at a time. It answers in files of any number, and in any order: a record is known
// again by its key field.
//
// A job has no key that its maker chooses, so the label of its attempt is what an
// earlier call is found by. What the service's documents leave open is handled both
// ways.
//
// This package translates, calls and reads, and no more. It must not know ledgers,
// retries, destinations, nor how a record is scored.
package vertex
