package ociblob

import (
	"bytes"
	"context"
	"crypto/md5" // the service's digest of parts
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"golang.org/x/sync/errgroup"
)

// maxParts an object may have.
const maxParts = 10_000

// upload is a multipart upload of one writer. It ends with finish.
type upload struct {
	ctx  context.Context // the writer's
	b    *bucket
	put  *objectstorage.PutObjectRequest
	id   string
	sent int // parts that were begun

	group *errgroup.Group // sends parts
	alive context.Context // ends with the first part that fails, and with stop
	stop  context.CancelFunc

	mu    sync.Mutex
	parts []objectstorage.CommitMultipartUploadPartDetails // by number - 1
	sums  [][]byte
}

// startUpload begins an upload like put. A request under way is not cut off when ctx
// ends: an upload whose id is lost could not be aborted.
func (b *bucket) startUpload(ctx context.Context, put *objectstorage.PutObjectRequest, concurrency int) (*upload, error) {
	meta := map[string]string{}
	for k, v := range put.OpcMeta {
		meta["opc-meta-"+k] = v // the prefix stands in the body, unlike in PutObjectRequest
	}
	req := objectstorage.CreateMultipartUploadRequest{
		NamespaceName: &b.namespace, BucketName: &b.name, IfMatch: put.IfMatch, IfNoneMatch: put.IfNoneMatch,
		CreateMultipartUploadDetails: objectstorage.CreateMultipartUploadDetails{
			Object: put.ObjectName, ContentType: put.ContentType, ContentLanguage: put.ContentLanguage, ContentEncoding: put.ContentEncoding,
			ContentDisposition: put.ContentDisposition, CacheControl: put.CacheControl,
			StorageTier: objectstorage.StorageTierEnum(put.StorageTier), Metadata: meta,
		},
		OpcSseCustomerAlgorithm: put.OpcSseCustomerAlgorithm, OpcSseCustomerKey: put.OpcSseCustomerKey,
		OpcSseCustomerKeySha256: put.OpcSseCustomerKeySha256, OpcSseKmsKeyId: put.OpcSseKmsKeyId,
		RequestMetadata: noRetry(),
	}
	var resp objectstorage.CreateMultipartUploadResponse
	err := b.call(ctx, once, "CreateMultipartUpload", *put.ObjectName, func(context.Context) (err error) {
		whole, cancel := cleanup(ctx)
		defer cancel()
		resp, err = b.client.CreateMultipartUpload(detach(whole), req)
		return err
	})
	if err != nil {
		return nil, err
	}
	u := &upload{ctx: ctx, b: b, put: put, id: deref(resp.UploadId)}
	u.alive, u.stop = context.WithCancel(ctx)
	u.group, u.alive = errgroup.WithContext(u.alive)
	u.group.SetLimit(concurrency)
	return u, nil
}

// send sends a part, and waits until it may. It keeps body.
func (u *upload) send(body []byte) error {
	if u.sent == maxParts {
		return u.b.wrap("UploadPart", *u.put.ObjectName, fmt.Errorf("the object has more than %d parts; give WriterOptions a larger BufferSize", maxParts))
	}
	if u.alive.Err() != nil {
		return context.Cause(u.alive)
	}
	u.sent++
	number := u.sent
	u.group.Go(func() error { return u.sendPart(number, body) })
	return nil
}

func (u *upload) sendPart(number int, body []byte) error {
	digest := md5.Sum(body)
	told := base64.StdEncoding.EncodeToString(digest[:])
	var resp objectstorage.UploadPartResponse
	err := u.b.call(u.alive, again, fmt.Sprintf("UploadPart %d", number), *u.put.ObjectName, func(ctx context.Context) (err error) {
		resp, err = u.b.client.UploadPart(ctx, objectstorage.UploadPartRequest{
			NamespaceName: &u.b.namespace, BucketName: &u.b.name, ObjectName: u.put.ObjectName, UploadId: &u.id, UploadPartNum: &number,
			ContentLength: new(int64(len(body))), ContentMD5: &told, UploadPartBody: io.NopCloser(bytes.NewReader(body)),
			OpcSseCustomerAlgorithm: u.put.OpcSseCustomerAlgorithm, OpcSseCustomerKey: u.put.OpcSseCustomerKey,
			OpcSseCustomerKeySha256: u.put.OpcSseCustomerKeySha256, OpcSseKmsKeyId: u.put.OpcSseKmsKeyId,
			RequestMetadata: noRetry(),
		})
		return err
	})
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.parts) < number {
		u.parts, u.sums = append(u.parts, objectstorage.CommitMultipartUploadPartDetails{}), append(u.sums, nil)
	}
	u.parts[number-1] = objectstorage.CommitMultipartUploadPartDetails{PartNum: &number, Etag: resp.ETag}
	u.sums[number-1] = digest[:]
	return nil
}

// finish waits for the parts and commits them, or aborts when something failed. err
// is what went wrong before.
func (u *upload) finish(err error) error {
	defer u.stop()
	if err != nil {
		u.stop()
	}
	if werr := u.group.Wait(); err == nil {
		err = werr
	}
	if cerr := u.ctx.Err(); cerr != nil {
		err = cerr
	}
	if err == nil {
		err = u.commit()
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, u.abort())
}

// commit makes the object appear. Nobody else knows the upload's id: when a commit's
// answer is lost and the upload is gone, it was carried out.
func (u *upload) commit() error {
	for try := 1; ; try++ {
		err := u.b.call(u.ctx, once, "CommitMultipartUpload", *u.put.ObjectName, func(ctx context.Context) error {
			_, err := u.b.client.CommitMultipartUpload(ctx, objectstorage.CommitMultipartUploadRequest{
				NamespaceName: &u.b.namespace, BucketName: &u.b.name, ObjectName: u.put.ObjectName, UploadId: &u.id,
				IfMatch: u.put.IfMatch, IfNoneMatch: u.put.IfNoneMatch,
				CommitMultipartUploadDetails: objectstorage.CommitMultipartUploadDetails{PartsToCommit: u.parts},
				RequestMetadata:              noRetry(),
			})
			return err
		})
		if err == nil || !unclear(err) || try == u.b.o.Attempts {
			return err
		}
		switch there, lerr := u.there(); {
		case lerr != nil:
			return err
		case !there && u.landed():
			return nil
		case !there:
			return err
		}
		if werr := u.b.wait(u.ctx, firstWait); werr != nil {
			return werr
		}
	}
}

// there says whether the upload still waits to be committed.
func (u *upload) there() (bool, error) {
	err := u.b.call(u.ctx, again, "ListMultipartUploadParts", *u.put.ObjectName, func(ctx context.Context) error {
		_, err := u.b.client.ListMultipartUploadParts(ctx, objectstorage.ListMultipartUploadPartsRequest{
			NamespaceName: &u.b.namespace, BucketName: &u.b.name, ObjectName: u.put.ObjectName, UploadId: &u.id, Limit: new(1), RequestMetadata: noRetry(),
		})
		return err
	})
	if statusOf(err) == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// landed says whether the object is made of our parts: a rule of the bucket may have
// aborted the upload.
func (u *upload) landed() bool {
	resp, err := u.b.head(u.ctx, *u.put.ObjectName)
	whole := md5.New()
	for _, s := range u.sums {
		whole.Write(s)
	}
	// The number of parts behind it is not everywhere documented.
	told, _, _ := strings.Cut(deref(resp.OpcMultipartMd5), "-")
	return err == nil && told == base64.StdEncoding.EncodeToString(whole.Sum(nil))
}

// abort forgets the upload, also when the writer's context has ended.
func (u *upload) abort() error {
	ctx, cancel := cleanup(u.ctx)
	defer cancel()
	err := u.b.call(ctx, again, "AbortMultipartUpload", *u.put.ObjectName, func(ctx context.Context) error {
		_, err := u.b.client.AbortMultipartUpload(ctx, objectstorage.AbortMultipartUploadRequest{
			NamespaceName: &u.b.namespace, BucketName: &u.b.name, ObjectName: u.put.ObjectName, UploadId: &u.id, RequestMetadata: noRetry(),
		})
		return err
	})
	if err == nil || statusOf(err) == http.StatusNotFound {
		return nil
	}
	return fmt.Errorf("the multipart upload %s stays behind; abort it: %w", u.id, err)
}
