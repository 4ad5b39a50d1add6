// Package record is the record contract: how an input object is cut into
// records, how fields are read from a record, the line that the scorer answers
// for each record, and the layout of published results.
//
// It works on bytes and readers. It must not know models, tensors or ONNX
// Runtime, nor where objects are stored.
package record
