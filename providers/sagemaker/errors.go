package sagemaker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Code classifies an error of this package.
func (b *Backend) Code(err error) provider.Code { return codeOf(err) }

// codes are those of the service, as the SDK gives them. Codes that only this
// service's model has: ResourceInUse, ResourceNotFound, ResourceLimitExceeded.
// https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
func codes() map[string]provider.Code {
	return map[string]provider.Code{
		"ResourceInUse":               provider.AlreadyExists,
		"ResourceNotFound":            provider.NotFound,
		"ResourceNotFoundException":   provider.NotFound, // of CloudWatch Logs
		"ResourceLimitExceeded":       provider.QuotaExceeded,
		"ConflictException":           provider.Conflict,
		"InvalidParameterException":   provider.Invalid,
		"SerializationException":      provider.Invalid,
		"InvalidAction":               provider.Unsupported,
		"UnknownOperationException":   provider.Unsupported,
		"ThrottlingException":         provider.Throttled,
		"Throttling":                  provider.Throttled,
		"ThrottledException":          provider.Throttled,
		"TooManyRequestsException":    provider.Throttled,
		"RequestThrottled":            provider.Throttled,
		"RequestLimitExceeded":        provider.Throttled,
		"LimitExceededException":      provider.Throttled, // of CloudWatch Logs
		"SlowDown":                    provider.Throttled,
		"AccessDeniedException":       provider.PermissionDenied,
		"AccessDenied":                provider.PermissionDenied,
		"NotAuthorized":               provider.PermissionDenied,
		"OptInRequired":               provider.PermissionDenied,
		"InternalFailure":             provider.Unavailable,
		"InternalServerError":         provider.Unavailable,
		"InternalServerException":     provider.Unavailable,
		"InternalError":               provider.Unavailable,
		"ServiceUnavailable":          provider.Unavailable,
		"ServiceUnavailableException": provider.Unavailable,
		"RequestTimeout":              provider.Unavailable,

		"UnrecognizedClientException":         provider.Unauthenticated,
		"InvalidClientTokenId":                provider.Unauthenticated,
		"InvalidSignatureException":           provider.Unauthenticated,
		"SignatureDoesNotMatch":               provider.Unauthenticated,
		"IncompleteSignature":                 provider.Unauthenticated,
		"IncompleteSignatureException":        provider.Unauthenticated,
		"MissingAuthenticationToken":          provider.Unauthenticated,
		"MissingAuthenticationTokenException": provider.Unauthenticated,
		"ExpiredToken":                        provider.Unauthenticated,
		"ExpiredTokenException":               provider.Unauthenticated,
		"RequestExpired":                      provider.Unauthenticated,
	}
}

// hint says what to do about a code.
func hint(c provider.Code) string {
	switch c {
	case provider.QuotaExceeded:
		return "ask for more of this machine in Service Quotas (\"for transform job usage\"), or name another compute.machine"
	case provider.PermissionDenied:
		return "the caller or the execution role lacks an action, sagemaker:*, iam:PassRole, logs:FilterLogEvents or s3:*, on what is named"
	case provider.Unauthenticated:
		return "look at AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and this machine's clock"
	}
	return ""
}

func codeOf(err error) provider.Code { return provider.Classify(err, ofService) }

// ofService is the code of what the service answered, or that it did not.
func ofService(err error) (provider.Code, bool) {
	var api smithy.APIError
	switch status := statusOf(err); {
	case errors.As(err, &api):
		return coded(api.ErrorCode(), api.ErrorMessage(), status), true
	case unreached(err):
		return provider.Unavailable, true
	case status != 0:
		return byStatus(status), true
	}
	return provider.OK, false
}

// unreached says that no answer came, or none that can be read.
func unreached(err error) bool {
	var sending *smithyhttp.RequestSendError
	var network net.Error
	var address *url.Error
	var broken *smithy.DeserializationError
	return errors.As(err, &sending) || errors.As(err, &network) || errors.As(err, &address) || errors.As(err, &broken) && statusOf(err) < 400
}

func statusOf(err error) int {
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) && resp.Response != nil && resp.Response.Response != nil {
		return resp.HTTPStatusCode()
	}
	return 0
}

func byStatus(status int) provider.Code {
	switch {
	case status == http.StatusTooManyRequests:
		return provider.Throttled
	case status == http.StatusUnauthorized:
		return provider.Unauthenticated
	case status == http.StatusForbidden:
		return provider.PermissionDenied
	case status >= 500:
		return provider.Unavailable
	case status >= 400:
		return provider.Invalid
	}
	return provider.Internal
}

// coded is the code of a refusal. ValidationException stands for much: its words
// tell, as they are seen of the service, what the model has other errors for.
func coded(code, message string, status int) provider.Code {
	if known, ok := codes()[code]; ok {
		return known
	}
	if code != "ValidationException" && code != "ValidationError" {
		if status == 0 {
			return provider.Internal
		}
		return byStatus(status)
	}
	switch {
	case strings.Contains(message, "already existing"), strings.Contains(message, "already exists"):
		return provider.AlreadyExists
	case strings.Contains(message, "Could not find"), strings.Contains(message, "resource not found"):
		return provider.NotFound
	case strings.Contains(message, "Could not assume role"), strings.Contains(message, "Could not access"), strings.Contains(message, "is not authorized"):
		return provider.PermissionDenied
	}
	return provider.Invalid
}

// failed gives an error of a call its code, in the service's words. What a service
// says of credentials is not repeated: it may hold what was signed.
func (b *Backend) failed(doing string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := codeOf(err)
	e := &provider.Error{Code: code, Hint: hint(code), RetryAfter: b.retryAfter(err), Err: err}
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && code == provider.Unauthenticated:
		e.Message, e.Err = doing+": the credentials are not accepted ("+api.ErrorCode()+")", nil
	case errors.As(err, &api):
		e.Message = doing + ": " + api.ErrorCode() + ": " + api.ErrorMessage()
	case code == provider.Unavailable:
		e.Message = doing + ": the service cannot be reached: " + err.Error()
	default:
		e.Message = doing + ": " + err.Error()
	}
	return e
}

// retryAfter is what the service asks to wait; 0: it does not say.
func (b *Backend) retryAfter(err error) time.Duration {
	var resp *awshttp.ResponseError
	if !errors.As(err, &resp) || resp.Response == nil || resp.Response.Response == nil {
		return 0
	}
	text := resp.Response.Header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(b.deps.Clock.Now()), 0)
	}
	return 0
}
