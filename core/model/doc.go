// Package model reads ONNX files: what goes in, what comes out, which files
// belong to the model, and whether one record of a batch can influence another.
//
// It reads the protobuf wire format itself (protowire), so it needs no cgo and
// no generated code, and it never copies a tensor's data. It must not know ONNX
// Runtime, how a record is written, or what a job is.
//
//   - Parse reads a model from memory; Open a model and its external data from disk.
//   - Graph.Coupled names the nodes that mix records of one batch.
//   - Adapt rewrites outputs that a runtime binding cannot read.
package model
