package transform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// Failure is why a job failed, as the API says it.
type Failure struct{ Reason string }

func (f *Failure) Error() string { return f.Reason }

// The reasons that are seen of the service. What happened stands in the data log.
const (
	reasonClient    = "ClientError: See job logs for more information"
	reasonAlgorithm = "AlgorithmError: See job logs for more information"
	reasonInternal  = "InternalServerError: We encountered an internal error. Please try again."
)

// ErrStopped is the cause to cancel the context of a job with that is stopped.
var ErrStopped = errors.New("the job was stopped")

// blame says whose fault something is.
type blame int

const (
	client blame = iota + 1
	algorithm
	internal
)

// fault is something that goes wrong with a job or a file. Lines are for the data
// log.
type fault struct {
	blame blame
	lines []string
}

func (f *fault) Error() string { return strings.Join(f.lines, " ") }

func faultf(b blame, format string, args ...any) *fault {
	return &fault{b, []string{fmt.Sprintf(format, args...)}}
}

// asFault tells whose fault an error is. Those of S3 are the user's when it says
// that something is absent or forbidden.
func asFault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorFault() != smithy.FaultServer {
		switch api.ErrorCode() {
		case "NoSuchKey", "NoSuchBucket", "NotFound", "AccessDenied", "PermanentRedirect", "InvalidBucketName", "InvalidObjectState", "Forbidden":
			return faultf(client, "%s: %s", api.ErrorCode(), api.ErrorMessage())
		}
	}
	return faultf(internal, "%v", err)
}

// failure is the reason for faults of which the gravest is b.
func (b blame) failure() error {
	switch b {
	case 0:
		return nil
	case client:
		return &Failure{reasonClient}
	case algorithm:
		return &Failure{reasonAlgorithm}
	}
	return &Failure{reasonInternal}
}

// cancelled is the error of a context, or nil.
func cancelled(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
