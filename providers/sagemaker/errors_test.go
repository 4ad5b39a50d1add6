package sagemaker

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// The texts are those that public code has seen of the service.
func TestCodes(t *testing.T) {
	api := func(code, message string) error {
		return fmt.Errorf("operation error: %w", &smithy.GenericAPIError{Code: code, Message: message})
	}
	const validation = "ValidationException"
	b := backendOf(t, plainConfig())
	for _, c := range []struct {
		err  error
		want provider.Code
	}{
		{nil, provider.OK},
		{api("ResourceInUse", "Job name must be unique within an AWS account and region, and a job with this name already exists (arn:aws:sagemaker:x)"), provider.AlreadyExists},
		{api(validation, `Cannot create already existing model "arn:aws:sagemaker:x".`), provider.AlreadyExists},
		{api(validation, "Could not find requested job with name: x"), provider.NotFound},
		{api(validation, "Could not find job to update with name x"), provider.NotFound},
		{api(validation, "Requested resource not found."), provider.NotFound},
		{api("ResourceNotFound", "Requested resource not found."), provider.NotFound},
		{api(validation, `Could not find model "arn:aws:sagemaker:x".`), provider.NotFound},
		{api("ResourceNotFoundException", "The specified log group does not exist."), provider.NotFound},
		{api(validation, "Could not assume role arn:aws:iam::1:role/x."), provider.PermissionDenied},
		{api(validation, "1 validation error detected: Value 'x' at 'y'"), provider.Invalid},
		{api(validation, "The request was rejected because the transform job is in status Stopped"), provider.Invalid},
		{api("ResourceLimitExceeded", "The account-level service limit"), provider.QuotaExceeded},
		{api("ThrottlingException", "Rate exceeded"), provider.Throttled},
		{api("AccessDeniedException", ""), provider.PermissionDenied},
		{api("ExpiredTokenException", ""), provider.Unauthenticated},
		{api("UnrecognizedClientException", ""), provider.Unauthenticated},
		{api("InternalFailure", ""), provider.Unavailable},
		{api("ServiceUnavailable", ""), provider.Unavailable},
		{api("SomethingNew", ""), provider.Internal},
		{&url.Error{Op: "Post", URL: "https://x", Err: errors.New("connection refused")}, provider.Unavailable},
		{fmt.Errorf("x: %w", context.Canceled), provider.Canceled},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), provider.Timeout},
		{&storage.Fault{Kind: storage.ErrNoBucket, Cause: api("NoSuchBucket", "")}, provider.NotFound}, // S3 speaks through the same SDK
		{&storage.Fault{Kind: storage.ErrChanged, Cause: api("PreconditionFailed", "")}, provider.Conflict},
		{provider.Errorf(provider.Conflict, "x"), provider.Conflict},
		{errors.New("anything"), provider.Internal},
	} {
		if got := b.Code(c.err); got != c.want {
			t.Errorf("%v is %s, want %s", c.err, got, c.want)
		}
		if got := b.Code(b.failed("doing", c.err)); got != c.want {
			t.Errorf("%v is %s once it is wrapped, want %s", c.err, got, c.want)
		}
	}
}

func TestReasons(t *testing.T) {
	for reason, want := range map[string]provider.Code{
		"ClientError: See job logs for more information":                                              provider.DataError,
		"AlgorithmError: See job logs for more information":                                           provider.Internal,
		"InternalServerError: We encountered an internal error. Please try again.":                    provider.Internal,
		"Internal error. Please try again":                                                            provider.Internal,
		"CapacityError: Unable to provision requested ML compute capacity.":                           provider.NoCapacity,
		"ClientError: Data download failed:S3 key: s3://b/k has an illegal char sub-sequence":         provider.DataError,
		"ClientError: Failed to download data. AccessDenied (403)":                                    provider.PermissionDenied,
		"AlgorithmError: The primary container did not pass the ping health check. Please check logs": provider.ModelError,
		"": provider.Internal,
	} {
		if got := reasonCode(reason); got != want {
			t.Errorf("%q is %s, want %s", reason, got, want)
		}
	}
}

func TestReadCause(t *testing.T) {
	const at = "2021-03-14T23:56:26.474:[sagemaker logs]: "
	for name, c := range map[string]struct {
		lines  []string
		code   provider.Code
		text   string
		ofFile bool
	}{
		"nothing":  {nil, provider.OK, "", false},
		"settings": {[]string{at + "MaxConcurrentTransforms=1, MaxPayloadInMB=1, BatchStrategy=MULTI_RECORD"}, provider.OK, "", false},
		"a status": {
			[]string{at + "b/k/x.csv: Bad HTTP status received from algorithm: 500", at + "b/k/x.csv: ", at + "b/k/x.csv: Message:", at + "b/k/x.csv: boom"},
			provider.Internal, "b/k/x.csv: Bad HTTP status received from algorithm: 500 boom", true,
		},
		"ours": {
			[]string{at + "b/k/x.csv: Bad HTTP status received from algorithm: 413", at + "b/k/x.csv: Message:", at + `b/k/x.csv: {"error":{"code":"invalid","message":"too large"}}`},
			provider.Invalid, "b/k/x.csv: Bad HTTP status received from algorithm: 413 invalid: too large", true,
		},
		"several": {
			[]string{at + "b/x: Unable to get response from algorithm", at + "b/y: Unable to get response from algorithm", at + "b/z: Unable to get response from algorithm"},
			provider.Internal, "b/x: Unable to get response from algorithm (and 2 more files)", true,
		},
		"of no file":      {[]string{at + "The container did not pass the ping health check"}, provider.ModelError, "The container did not pass the ping health check", false},
		"somebody else's": {[]string{"b/x: hello"}, provider.OK, "", false},
	} {
		got, ofFile := readCause(c.lines)
		if got.code != c.code || got.text != c.text || ofFile != c.ofFile {
			t.Errorf("%s: %+v, %t", name, got, ofFile)
		}
	}
	if got := cut(string(make([]byte, 2*causeText))); len(got) > causeText+4 {
		t.Errorf("%d bytes", len(got))
	}
}

// Whatever a log holds, reading it ends well.
func FuzzReadCause(f *testing.F) {
	f.Add("2021:[sagemaker logs]: b/k: Message:")
	f.Add(`x[sagemaker logs]: b/k: {"error":{"code":"nope"}}`)
	f.Fuzz(func(t *testing.T, line string) {
		got, _ := readCause([]string{line, line})
		if len(got.text) > 2*causeText {
			t.Errorf("%d bytes", len(got.text))
		}
	})
}
