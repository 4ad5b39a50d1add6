package vertex

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Code classifies an error of this package.
func (b *Backend) Code(err error) provider.Code { return codeOf(err) }

// coded is the code of an answer.
// https://cloud.google.com/apis/design/errors#handling_errors
func coded(c codes.Code, message string) provider.Code {
	switch c {
	case codes.OK:
		return provider.OK
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return provider.Invalid
	case codes.NotFound:
		return provider.NotFound
	case codes.AlreadyExists:
		return provider.AlreadyExists
	case codes.Aborted:
		return provider.Conflict
	case codes.Unauthenticated:
		return provider.Unauthenticated
	case codes.PermissionDenied:
		return provider.PermissionDenied
	case codes.ResourceExhausted:
		if ofRate(message) {
			return provider.Throttled
		}
		return provider.QuotaExceeded
	case codes.Canceled:
		return provider.Canceled
	case codes.DeadlineExceeded:
		return provider.Timeout
	case codes.Unavailable, codes.Internal:
		return provider.Unavailable
	case codes.Unimplemented:
		return provider.Unsupported
	}
	return provider.Internal
}

// ofRate tells a quota of calls a minute, which waiting mends, from one of machines,
// which it does not. Both have one code.
func ofRate(message string) bool {
	lower := strings.ToLower(message)
	for _, words := range []string{"per minute", "requests per", "submission requests", "rate limit", "too many requests"} {
		if strings.Contains(lower, words) {
			return true
		}
	}
	return false
}

// hint says what to do about a code.
func hint(c provider.Code) string {
	switch c {
	case provider.QuotaExceeded:
		return "batch prediction has quotas of its own, mostly of processors: ask for more (\"Custom model serving\" of the Vertex AI API), or name a smaller compute.machine"
	case provider.PermissionDenied:
		return "the caller lacks roles/aiplatform.user, iam.serviceAccounts.actAs or logging.viewer; the service agent service-NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com reads and writes the staging bucket"
	case provider.Unauthenticated:
		return "run `gcloud auth application-default login`, or look at GOOGLE_APPLICATION_CREDENTIALS and this machine's clock"
	}
	return ""
}

func codeOf(err error) provider.Code { return provider.Classify(err, ofService) }

// ofService is the code of what the service answered, or that it did not.
func ofService(err error) (provider.Code, bool) {
	if s, ok := statusOf(err); ok {
		return coded(s.Code(), s.Message()), true
	}
	var network net.Error
	return provider.Unavailable, errors.As(err, &network)
}

// statusOf is what the service, or the transport, answered.
func statusOf(err error) (*status.Status, bool) {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return nil, false
	}
	return s.GRPCStatus(), true
}

// failedIn is failed for a call that had less time than ctx: to whoever is not gone
// himself, a service that does not answer cannot be reached.
func (b *Backend) failedIn(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if code := codeOf(err); code == provider.Timeout || code == provider.Canceled {
		return provider.Errorf(provider.Unavailable, "%s: the service did not answer within %s", doing, answerTimeout)
	}
	return b.failed(doing, err)
}

// failed gives an error of a call its code, in the service's words. What a service
// says of credentials is not repeated: it may hold what was sent.
func (b *Backend) failed(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := codeOf(err)
	e := &provider.Error{Code: code, Hint: hint(code), RetryAfter: retryAfter(err), Err: err}
	s, answered := statusOf(err)
	switch {
	case answered && code == provider.Unauthenticated:
		e.Message, e.Err = doing+": the credentials are not accepted", nil
	case answered && code == provider.Canceled:
		return context.Canceled
	case answered:
		e.Message = doing + ": " + s.Code().String() + ": " + s.Message()
	case code == provider.Unavailable:
		e.Message = doing + ": the service cannot be reached: " + err.Error()
	default:
		e.Message = doing + ": " + err.Error()
	}
	return e
}

// retryAfter is what the service asks to wait; 0: it does not say.
func retryAfter(err error) time.Duration {
	s, ok := statusOf(err)
	if !ok {
		return 0
	}
	for _, d := range s.Details() {
		if r, is := d.(*errdetails.RetryInfo); is && r.GetRetryDelay() != nil {
			return max(r.GetRetryDelay().AsDuration(), 0)
		}
	}
	return 0
}
