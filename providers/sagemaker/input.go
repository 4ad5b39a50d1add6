package sagemaker

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker/types"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// input is what a job reads: all that was staged, or the objects of a manifest,
// which is uploaded before.
func input(s provider.Spec) (*types.TransformInput, *provider.Upload, error) {
	media := contentType(s.Staged.Format)
	if c := s.Job.Model.Container; c != nil && contentType(job.Format(c.ContentType)) != media {
		return nil, nil, provider.Errorf(provider.Unsupported, "model.container takes %s, and the records arrive as %s: say so with input.format, or set the container's content_type", c.ContentType, s.Staged.Format)
	}
	if media == "" {
		return nil, nil, provider.Errorf(provider.Unsupported, "Batch Transform cuts objects into lines; it reads no %s", s.Staged.Format)
	}
	source := &types.TransformS3DataSource{S3DataType: types.S3DataTypeS3Prefix}
	out := &types.TransformInput{
		DataSource: &types.TransformDataSource{S3DataSource: source}, ContentType: aws.String(media),
		SplitType: types.SplitTypeLine, CompressionType: types.CompressionTypeNone,
	}
	if s.Staged.Input != "" && s.Attempt == 1 {
		uri, err := bare(s.Staged.Input)
		// A prefix without its slash would match its longer siblings, too.
		source.S3Uri = aws.String(strings.TrimSuffix(uri, "/") + "/")
		return out, nil, err
	}
	text, compression, err := manifest(s.Staged.Entries, s.Output)
	if err != nil {
		return nil, nil, err
	}
	out.CompressionType = compression
	up := &provider.Upload{URI: storage.Join(s.Output, manifestName), Body: text}
	uri, err := bare(up.URI)
	source.S3DataType, source.S3Uri = types.S3DataTypeManifestFile, aws.String(uri)
	return out, up, err
}

// manifest names objects as the service reads it: their common prefix, then what
// follows of each. The prefix is the bucket alone, so that an output tells by its
// name which object it belongs to. Without entries it names none: the service says
// so, and the job fails.
func manifest(entries []provider.Entry, output string) (text string, compression types.CompressionType, err error) {
	names := make([]any, 1, 1+len(entries))
	bucket, seen := "", map[string]bool{}
	for _, e := range entries {
		u, err := storage.ParseURI(e.URI)
		if err != nil {
			return "", "", provider.Errorf(provider.Invalid, "%w", err)
		}
		uri, err := bare(e.URI)
		if err != nil {
			return "", "", err
		}
		form := types.CompressionTypeNone
		switch c, _ := compress.Of(u.Key); c {
		case compress.None:
		case compress.Gzip:
			form = types.CompressionTypeGzip
		default:
			return "", "", provider.Errorf(provider.Unsupported, "%s is compressed with %s, which Batch Transform does not read; let it be staged", uri, c)
		}
		switch {
		case bucket == "":
			bucket, compression = u.Bucket, form
		case bucket != u.Bucket:
			return "", "", provider.Errorf(provider.Unsupported, "the input lies in the buckets %s and %s; one job reads one: set input.staging = \"always\"", bucket, u.Bucket)
		case compression != form:
			return "", "", provider.Errorf(provider.Unsupported, "some of the input is compressed and some is not, as %s; one job reads one kind: set input.staging = \"always\"", uri)
		}
		if seen[u.Key] {
			return "", "", provider.Errorf(provider.Unsupported, "%s is read twice, and its output would be one: set input.staging = \"always\"", uri)
		}
		seen[u.Key] = true
		names = append(names, u.Key)
	}
	if bucket == "" {
		u, err := storage.ParseURI(output)
		if err != nil {
			return "", "", provider.Errorf(provider.Invalid, "%w", err)
		}
		bucket, compression = u.Bucket, types.CompressionTypeNone
	}
	names[0] = map[string]string{"prefix": scheme + "://" + bucket + "/"}
	body, err := provider.Canonical(names)
	return string(body), compression, err
}
