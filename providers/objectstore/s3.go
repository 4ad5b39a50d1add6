package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/crossbatch/crossbatch/core/storage"
)

var s3Params = []string{"region", "endpoint", "use_path_style", "profile", "anonymous", "request_checksum_calculation"}

// s3Chain is what the SDK's default chain looks at (aws-sdk-go-v2/config,
// resolveCredentialChain).
const s3Chain = "looked at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the shared config and credentials files, web identity, and the metadata of container and instance"

// s3Store is Amazon S3, or what speaks its protocol.
type s3Store struct {
	client    *s3.Client
	checksums aws.RequestChecksumCalculation
	where     string // what a user can change about the endpoint
}

func openS3(ctx context.Context, o *Opener, p params) (store, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	pathStyle, err := p.yes("use_path_style")
	if err != nil {
		return nil, err
	}
	anonymous, err := p.yes("anonymous")
	if err != nil {
		return nil, err
	}
	var opts []func(*config.LoadOptions) error
	if v := p.Get("region"); v != "" {
		opts = append(opts, config.WithRegion(v))
	}
	if v := p.Get("profile"); v != "" {
		opts = append(opts, config.WithSharedConfigProfile(v))
	}
	if anonymous {
		opts = append(opts, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	}
	switch p.Get("request_checksum_calculation") {
	case "":
	case "when_supported":
		opts = append(opts, config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenSupported))
	case "when_required":
		opts = append(opts, config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired))
	default:
		return nil, errors.New("the parameter \"request_checksum_calculation\" is neither when_supported nor when_required")
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(opts, config.WithLogger(logging.Nop{}))...)
	if err != nil {
		var profile config.SharedConfigProfileNotExistError
		if errors.As(err, &profile) {
			return nil, fault(storage.ErrNoCredentials, err, fmt.Sprintf("the shared config files have no profile %q", profile.Profile))
		}
		return nil, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		if endpoint == "" && cfg.BaseEndpoint == nil {
			return nil, fault(storage.ErrWrongRegion, nil, "no region is known; add ?region=REGION to the URI, or set AWS_REGION")
		}
		cfg.Region = "us-east-1" // what S3-compatible stores sign with that have no regions
	}
	if !anonymous {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fault(storage.ErrNoCredentials, err, s3Chain)
		}
	}
	s := &s3Store{checksums: cfg.RequestChecksumCalculation, where: "the network and the region"}
	if endpoint != "" {
		s.where = "the parameter endpoint"
	}
	s.client = s3.NewFromConfig(cfg, func(so *s3.Options) {
		so.HTTPClient = o.client()
		so.UsePathStyle = pathStyle
		so.Logger = logging.Nop{} // or it writes to the terminal, as of stores without checksums
		if endpoint != "" {
			so.BaseEndpoint = &endpoint
		}
	})
	return s, nil
}

func (s *s3Store) bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	return s3blob.OpenBucket(ctx, s.client, name, &s3blob.Options{RequestChecksumCalculation: s.checksums})
}

func (s *s3Store) close() error { return nil }

func (s *s3Store) Version(as storage.As) string {
	var listed types.Object
	var head s3.HeadObjectOutput
	var get s3.GetObjectOutput
	switch {
	case as(&listed):
		return etagVersion(aws.ToString(listed.ETag))
	case as(&head):
		return etagVersion(aws.ToString(head.ETag))
	case as(&get):
		return etagVersion(aws.ToString(get.ETag))
	}
	return ""
}

func (s *s3Store) Reading(version string) func(storage.As) error {
	etag, ok := quoted(version)
	if !ok {
		return nil
	}
	return func(as storage.As) error {
		var in *s3.GetObjectInput
		if as(&in) {
			in.IfMatch = &etag
		}
		return nil
	}
}

// Fault goes by the code, or by the status of answers without a body.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (s *s3Store) Fault(err error) *storage.Fault {
	if f := unreached(err, s.where); f != nil {
		return f
	}
	code, status, region := "", 0, ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	var resp *awshttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
		if resp.Response != nil && resp.Response.Response != nil {
			region = resp.Response.Header.Get("x-amz-bucket-region")
		}
	}
	switch code {
	case "NoSuchBucket":
		return fault(storage.ErrNoBucket, err, "")
	case "NoSuchUpload":
		return nil // somebody removed the parts of a write that was under way
	case "NoSuchKey":
		return fault(storage.ErrNotFound, err, "")
	case "ConditionalRequestConflict", "OperationAborted":
		return fault(storage.ErrBusy, err, "")
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "TokenRefreshRequired":
		return fault(storage.ErrDenied, err, "the credentials are not accepted; the service says "+code)
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return s.elsewhere(err, region)
	}
	if status == http.StatusMovedPermanently || status == http.StatusBadRequest && region != "" && region != s.client.Options().Region {
		return s.elsewhere(err, region)
	}
	if status == http.StatusNotFound {
		return fault(storage.ErrNotFound, err, "")
	}
	return refused(status, code, err)
}

func (s *s3Store) elsewhere(err error, region string) *storage.Fault {
	hint := "the bucket does not lie in " + s.client.Options().Region + "; add ?region=REGION to the URI"
	if region != "" {
		hint = fmt.Sprintf("the bucket lies in %s, not in %s; write ?region=%[1]s", region, s.client.Options().Region)
	}
	return fault(storage.ErrWrongRegion, err, hint)
}

// Cut keeps to S3's 10,000 parts. What is below the transfer manager's threshold
// of 16 MiB goes in one request.
func (s *s3Store) Cut(size int64) (part, parallel int) { return cut(size, 8*mib, 10_000) }

// CopyLimit is that of CopyObject.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (s *s3Store) CopyLimit() int64 { return 5 << 30 }

// Writing removes the parts of a failed upload: the transfer manager tries that
// with the context of the write, which is over when it was cancelled, and gocloud
// lets no one change it.
func (s *s3Store) Writing() (func(storage.As) error, func(context.Context, error) error) {
	var in *transfermanager.UploadObjectInput
	before := func(as storage.As) error {
		as(&in)
		return nil
	}
	undo := func(ctx context.Context, cause error) error {
		var failed transfermanager.MultipartUploadError
		if in == nil || !errors.As(cause, &failed) {
			return nil
		}
		id := failed.UploadID()
		_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: &id})
		var api smithy.APIError
		if errors.As(err, &api) && api.ErrorCode() == "NoSuchUpload" {
			return nil // the manager's own attempt, or the completion, came first
		}
		return err
	}
	return before, undo
}
