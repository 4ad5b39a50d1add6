// Package modeltest builds small ONNX models for tests, of this module's
// packages and of any other. It is not for production: a call that makes no
// sense, such as a dimension of a wrong type, fails when Bytes is called, by
// a model that no reader accepts.
package modeltest
