package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"

	"github.com/johannesboyne/gofakes3"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// fault is an answer that is an error, as S3 writes one.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
type fault struct {
	XMLName    xml.Name `xml:"Error"`
	Code       string
	Message    string
	BucketName string `xml:",omitempty"`
	Key        string `xml:",omitempty"`
	Region     string `xml:",omitempty"`
	Endpoint   string `xml:",omitempty"`
	Header     string `xml:",omitempty"`
	RequestID  string `xml:"RequestId"`
	HostID     string `xml:"HostId"`
	status     int
}

func (f *fault) Error() string { return f.Code + ": " + f.Message }

func newFault(status int, code, format string, args ...any) *fault {
	return &fault{status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notImplemented(header string) *fault {
	f := newFault(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
	f.Header = header
	return f
}

func noSuchKey(key string) *fault {
	f := newFault(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	f.Key = key
	return f
}

func noSuchUpload() *fault {
	return newFault(http.StatusNotFound, "NoSuchUpload", "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
}

func preconditionFailed() *fault {
	return newFault(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

func malformedXML() *fault {
	return newFault(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// asFault is what an error of the store, or of reading a body, looks like to a client.
func asFault(err error, bucket, key string) *fault {
	var f *fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, objects.ErrNoBucket):
		f = newFault(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		f.BucketName = bucket
		return f
	case errors.Is(err, objects.ErrNoObject):
		return noSuchKey(key)
	case errors.Is(err, objects.ErrNoUpload):
		return noSuchUpload()
	case errors.Is(err, objects.ErrNoPart):
		return newFault(http.StatusBadRequest, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
	case errors.Is(err, objects.ErrPrecondition):
		return preconditionFailed()
	case errors.Is(err, objects.ErrBucketNotEmpty):
		f = newFault(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
		f.BucketName = bucket
		return f
	case errors.Is(err, objects.ErrClosed):
		return newFault(http.StatusServiceUnavailable, "ServiceUnavailable", "The emulator is being stopped.")
	}
	var known gofakes3.Error
	if errors.As(err, &known) {
		return newFault(known.ErrorCode().Status(), string(known.ErrorCode()), "%v", err)
	}
	return newFault(http.StatusInternalServerError, "InternalError", "We encountered an internal error: %v", err)
}
