package ociblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"gocloud.dev/gcerrors"
)

var errUnimplemented = errors.New("not implemented for OCI Object Storage")

// Error is a request that failed: which one, on what, and what the service said.
// It unwraps to the SDK's error.
type Error struct {
	where string
	err   error
}

// Error has one line; the SDK's own has a dozen.
func (e *Error) Error() string {
	f, ok := serviceError(e.err)
	if !ok {
		return e.where + ": " + e.err.Error()
	}
	text := fmt.Sprintf("%s: %d %s", e.where, f.GetHTTPStatusCode(), f.GetCode())
	if f.GetCode() != noBody {
		text += ": " + f.GetMessage()
	}
	if id := f.GetOpcRequestID(); id != "" {
		text += " (request " + id + ")"
	}
	if hint := hints(f.GetHTTPStatusCode()); hint != "" {
		text += "; " + hint
	}
	return text
}

// Unwrap is the SDK's error.
func (e *Error) Unwrap() error { return e.err }

// noBody is the code that the SDK gives to answers without JSON, such as all to HEAD.
const noBody = "BadErrorResponse"

func hints(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "the key, its fingerprint or the clock of this machine is wrong"
	case http.StatusNotFound:
		return "what is not there and what one may not see look the same"
	}
	return ""
}

// serviceError finds what the service answered, if it did.
func serviceError(err error) (common.ServiceError, bool) {
	var f common.ServiceError
	ok := errors.As(err, &f)
	return f, ok
}

// statusOf is 0 for what is not an answer of the service.
func statusOf(err error) int {
	if f, ok := serviceError(err); ok {
		return f.GetHTTPStatusCode()
	}
	return 0
}

// ErrorCode goes by the status, as answers to HEAD have no code.
func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	var failed *copyFailure
	switch {
	case errors.Is(err, errUnimplemented):
		return gcerrors.Unimplemented
	case errors.Is(err, context.Canceled):
		return gcerrors.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	case errors.Is(err, errNotModified):
		return gcerrors.FailedPrecondition
	case errors.As(err, &failed):
		return failed.errorCode()
	}
	switch status := statusOf(err); {
	case status == http.StatusBadRequest, status == http.StatusRequestedRangeNotSatisfiable, status == http.StatusRequestEntityTooLarge:
		return gcerrors.InvalidArgument
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return gcerrors.PermissionDenied
	case status == http.StatusNotFound:
		return gcerrors.NotFound
	case status == http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case status == http.StatusTooManyRequests:
		return gcerrors.ResourceExhausted
	case status == http.StatusNotImplemented:
		return gcerrors.Unimplemented
	case status >= 500:
		return gcerrors.Internal
	}
	return gcerrors.Unknown
}

// ErrorAs gives what the service answered.
func (b *bucket) ErrorAs(err error, i any) bool {
	p, ok := i.(*common.ServiceError)
	if !ok {
		return false
	}
	f, ok := serviceError(err)
	if ok {
		*p = f
	}
	return ok
}

// copyFailure is a copy that was accepted and failed later.
type copyFailure struct{ status, code, message string }

func (f *copyFailure) Error() string {
	if f.code == "" {
		return "the copy ended as " + f.status
	}
	return fmt.Sprintf("the copy ended as %s: %s: %s", f.status, f.code, f.message)
}

func (f *copyFailure) errorCode() gcerrors.ErrorCode {
	switch {
	case strings.HasSuffix(f.code, "NotFound"):
		return gcerrors.NotFound
	case f.code == "IfNoneMatchFailed", f.code == "NoEtagMatch":
		return gcerrors.FailedPrecondition
	}
	return gcerrors.Unknown
}
