// Package transform does what a job of SageMaker Batch Transform does with its
// data: reads objects of S3, decompresses, splits, filters, sends requests to a
// model server as the service sends them to a container, joins, filters, puts the
// answers together and writes .out objects.
//
// Objects go through it in a stream. What is held at once is bounded by the
// requests under way; bodies larger than a mebibyte lie in files. How a server is
// started is the caller's affair.
//
// It must not know of names, states and times of jobs, nor of the protocol that
// they are made with.
//
// Facts are from the service's API reference and developer guide, at
// https://docs.aws.amazon.com/sagemaker/latest/; where these are silent or disagree,
// Uncertain has a choice.
package transform
