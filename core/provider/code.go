package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Code is what kind of thing went wrong, the same on all providers. The numbers
// stand in ledgers and never change. A Code is an error itself, so that
// errors.Is(err, provider.NotFound) works on whatever the broker returns.
type Code int

// The codes.
const (
	OK               Code = 0
	Invalid          Code = 1  // the request cannot be right
	NotFound         Code = 2  // what it names is not there
	AlreadyExists    Code = 3  // the name is taken
	Unauthenticated  Code = 4  // no valid credentials
	PermissionDenied Code = 5  // valid ones, without the right
	QuotaExceeded    Code = 6  // an account's limit; may fail over
	NoCapacity       Code = 7  // the place is full; may fail over
	Throttled        Code = 8  // too many calls; sent again
	Unavailable      Code = 9  // the service or the way to it; sent again
	Timeout          Code = 10 // a limit on time
	Canceled         Code = 11 // by request
	ModelError       Code = 12 // the model cannot be loaded or run
	DataError        Code = 13 // the data does not fit, or too much of it failed
	Unsupported      Code = 14 // the place cannot do that
	Conflict         Code = 15 // something else stands there, or it changed
	Internal         Code = 16 // anything else
)

var codeNames = map[Code]string{
	OK: "ok", Invalid: "invalid", NotFound: "not_found", AlreadyExists: "already_exists",
	Unauthenticated: "unauthenticated", PermissionDenied: "permission_denied", QuotaExceeded: "quota_exceeded",
	NoCapacity: "no_capacity", Throttled: "throttled", Unavailable: "unavailable", Timeout: "timeout",
	Canceled: "cancelled", ModelError: "model_error", DataError: "data_error", Unsupported: "unsupported",
	Conflict: "conflict", Internal: "internal",
}

// Codes are all codes but OK, in the order of their numbers.
func Codes() []Code {
	var all []Code
	for c := Invalid; c <= Internal; c++ {
		all = append(all, c)
	}
	return all
}

// String is the code's name in files and messages.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "code(" + strconv.Itoa(int(c)) + ")"
}

// Error makes a Code its own sentinel.
func (c Code) Error() string { return c.String() }

// MarshalText writes the code's name. A number that is no code is an error: what
// it would write, nobody could read again.
func (c Code) MarshalText() ([]byte, error) {
	name, ok := codeNames[c]
	if !ok {
		return nil, fmt.Errorf("%d is no error code", int(c))
	}
	return []byte(name), nil
}

// UnmarshalText reads a code's name.
func (c *Code) UnmarshalText(b []byte) error {
	for code, name := range codeNames {
		if name == string(b) {
			*c = code
			return nil
		}
	}
	return fmt.Errorf("%q is no error code", b)
}

// Resend says whether the same call may be made again: the service did not do
// it, and may soon.
func (c Code) Resend() bool { return c == Throttled || c == Unavailable }

// Retry says whether another attempt of a run may fare better.
func (c Code) Retry() bool {
	switch c {
	case NoCapacity, Throttled, Unavailable, Timeout, Internal:
		return true
	}
	return false
}

// ErrClosed is what a backend answers after Close.
var ErrClosed = errors.New("the backend is closed")

// Error is an error of a backend with what is known of it.
type Error struct {
	Code       Code
	Provider   string        // KIND.ALIAS; set by the broker
	Op         string        // send, find, describe, …; set by the broker
	Run        string        // run id; set by the broker
	Message    string        // in the service's words, without secrets
	Hint       string        // what to do about it; may be empty
	RetryAfter time.Duration // what the service asks to wait; 0: it does not say
	Err        error         // the cause; may be nil
}

// Error is provider, operation, message and hint, as far as they are known.
func (e *Error) Error() string {
	s := e.Message
	if s == "" && e.Err != nil {
		s = e.Err.Error()
	}
	if s == "" {
		s = e.Code.String()
	}
	prefix := e.Provider
	if e.Op != "" {
		if prefix != "" {
			prefix += " "
		}
		prefix += e.Op
	}
	if prefix != "" {
		s = prefix + ": " + s
	}
	if e.Hint != "" {
		s = strings.TrimSuffix(s, ".") + "; " + e.Hint // services end their words with a full stop
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the code, so that errors.Is(err, provider.NotFound) holds.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// Errorf makes an Error of a code and a message. What %w wraps is its cause.
func Errorf(c Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	cause := errors.Unwrap(err)
	if _, several := err.(interface{ Unwrap() []error }); several {
		cause = err
	}
	return &Error{Code: c, Message: err.Error(), Err: cause}
}

// CodeOf is the code that an error carries, the outermost one where there are
// several; Internal when it carries none. It is OK of nil and of nothing else.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	var e *Error
	if errors.As(err, &e) {
		if e.Code == OK && e.Err != nil {
			return CodeOf(e.Err)
		}
		return e.Code.orInternal()
	}
	var c Code
	if errors.As(err, &c) {
		return c.orInternal()
	}
	return Internal
}

// orInternal keeps an error from passing for a success.
func (c Code) orInternal() Code {
	if c == OK {
		return Internal
	}
	return c
}
