package azblob

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// fault is an answer that is an error.
// https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
type fault struct {
	status        int
	code, message string
}

func (f *fault) Error() string { return f.code + ": " + f.message }

func newFault(status int, code, format string, args ...any) *fault {
	return &fault{status, code, fmt.Sprintf(format, args...)}
}

func notEmulated(what string) *fault {
	return newFault(http.StatusNotImplemented, "NotImplemented", "The emulator has no %s.", what)
}

func badHeader(name string) *fault {
	return newFault(http.StatusBadRequest, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format: %s.", name)
}

func badParameter(name string) *fault {
	return newFault(http.StatusBadRequest, "InvalidQueryParameterValue", "Value for one of the query parameters specified in the request URI is invalid: %s.", name)
}

func conditionNotMet() *fault {
	return newFault(http.StatusPreconditionFailed, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
}

// asFault is what an error of the store, or of reading a body, looks like to a client.
func asFault(err error) *fault {
	var f *fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, objects.ErrNoBucket):
		return newFault(http.StatusNotFound, "ContainerNotFound", "The specified container does not exist.")
	case errors.Is(err, objects.ErrBucketExists):
		return newFault(http.StatusConflict, "ContainerAlreadyExists", "The specified container already exists.")
	case errors.Is(err, objects.ErrNoObject):
		return newFault(http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
	case errors.Is(err, objects.ErrNoPart):
		return newFault(http.StatusBadRequest, "InvalidBlockList", "The specified block list is invalid.")
	case errors.Is(err, objects.ErrClosed):
		return newFault(http.StatusServiceUnavailable, "ServerBusy", "The emulator is being stopped.")
	}
	return newFault(http.StatusInternalServerError, "InternalError", "The server encountered an internal error: %v", err)
}

type errorBody struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

func (f *fault) body(requestID string, now time.Time) errorBody {
	return errorBody{Code: f.code, Message: fmt.Sprintf("%s\nRequestId:%s\nTime:%s", f.message, requestID, now.UTC().Format("2006-01-02T15:04:05.0000000Z"))}
}
