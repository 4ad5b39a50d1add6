package record

import "fmt"

// Code names why a record failed. Codes are part of the published format.
type Code string

// The codes of failed records.
const (
	Malformed    Code = "malformed"     // not JSON, not an object, not a CSV row
	InvalidUTF8  Code = "invalid_utf8"  // bytes that are no UTF-8
	TooLong      Code = "too_long"      // over the limit on a record's bytes
	FieldCount   Code = "field_count"   // a CSV row with more or fewer cells than the header
	MissingField Code = "missing_field" // a field that feeds the model is absent or null
	MissingKey   Code = "missing_key"   // the key is absent or null
	WrongType    Code = "wrong_type"    // a value that the tensor's type does not take
	OutOfRange   Code = "out_of_range"  // a number that the tensor's type cannot hold
	WrongShape   Code = "wrong_shape"   // more, fewer or differently nested elements than the model takes
	ModelError   Code = "model_error"   // the model fails on this record, also when it is alone
)

// Failure is why one record has no prediction.
type Failure struct {
	Code    Code
	Message string
}

// Fail makes a Failure.
func Fail(code Code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Error makes a Failure usable as an error.
func (f *Failure) Error() string { return string(f.Code) + ": " + f.Message }
