// Package jsonpath knows the part of JSONPath that Batch Transform's filters take:
// $ at the start, .name, *, ['a','b'], [n,n,...] with negative indexes, and
// [start:end]. It selects from JSON texts, whose numbers and order of members it
// leaves as they are, and from rows of fields.
//
// https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
//
// It must not know what the texts are for.
package jsonpath
