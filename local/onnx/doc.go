// Package onnx runs ONNX models with ONNX Runtime: it finds and installs the
// shared library, opens sessions on a device and runs batches of tensors.
//
// It is the only package that uses cgo, by way of github.com/yalue/onnxruntime_go.
// The traps of that binding are dealt with here and nowhere else. It must not
// know records, jobs or files of results.
package onnx
