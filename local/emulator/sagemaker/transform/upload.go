package transform

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// partSize is how much of an output is held before it is sent.
const partSize = 8 << 20

// upload writes one object. Nothing is seen of it before commit.
type upload struct {
	run         *run
	ctx         context.Context //nolint:containedctx // of the job; an io.Writer has none of its own
	bucket, key string
	buffer      bytes.Buffer
	id          string
	parts       []types.CompletedPart
}

func (u *upload) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), partSize-u.buffer.Len())
		u.buffer.Write(p[:n])
		p, written = p[n:], written+n
		if u.buffer.Len() == partSize {
			if err := u.part(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// encryption is how the output is encrypted with a key of the user's.
func (u *upload) encryption() (types.ServerSideEncryption, *string) {
	if u.run.task.KMSKey == "" {
		return "", nil
	}
	return types.ServerSideEncryptionAwsKms, aws.String(u.run.task.KMSKey)
}

func (u *upload) part() error {
	if u.id == "" {
		in := &s3.CreateMultipartUploadInput{Bucket: aws.String(u.bucket), Key: aws.String(u.key)}
		in.ServerSideEncryption, in.SSEKMSKeyId = u.encryption()
		out, err := u.run.s3.CreateMultipartUpload(u.ctx, in)
		if err != nil {
			return err
		}
		u.id = aws.ToString(out.UploadId)
	}
	number := aws.Int32(int32(len(u.parts) + 1)) //nolint:gosec // S3 takes 10,000
	out, err := u.run.s3.UploadPart(u.ctx, &s3.UploadPartInput{
		Bucket: aws.String(u.bucket), Key: aws.String(u.key), UploadId: aws.String(u.id), PartNumber: number, Body: bytes.NewReader(u.buffer.Bytes()),
	})
	if err != nil {
		return err
	}
	u.parts = append(u.parts, types.CompletedPart{
		PartNumber: number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C, ChecksumCRC64NVME: out.ChecksumCRC64NVME,
	})
	u.buffer.Reset()
	return nil
}

func (u *upload) commit() error {
	if u.id == "" {
		in := &s3.PutObjectInput{Bucket: aws.String(u.bucket), Key: aws.String(u.key), Body: bytes.NewReader(u.buffer.Bytes())}
		in.ServerSideEncryption, in.SSEKMSKeyId = u.encryption()
		_, err := u.run.s3.PutObject(u.ctx, in)
		return err
	}
	if u.buffer.Len() > 0 {
		if err := u.part(); err != nil {
			return err
		}
	}
	_, err := u.run.s3.CompleteMultipartUpload(u.ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(u.bucket), Key: aws.String(u.key), UploadId: aws.String(u.id), MultipartUpload: &types.CompletedMultipartUpload{Parts: u.parts},
	})
	if err != nil {
		return fmt.Errorf("completing the upload: %w", err)
	}
	u.id = ""
	return nil
}

// abort drops what was sent, if it was not committed.
func (u *upload) abort() {
	if u.id == "" {
		return
	}
	ctx, cancel := u.run.afterwards(u.ctx)
	defer cancel()
	// What is left behind of one that fails is for the bucket's lifecycle rules.
	_, _ = u.run.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(u.bucket), Key: aws.String(u.key), UploadId: aws.String(u.id),
	})
}
