package ociblob

import (
	"context"
	"fmt"
	"time"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob/driver"
)

// Copy has the service copy an object, and waits until it has: a copy is a work
// request. When ctx ends before, the copy is cancelled if that can still be done.
func (b *bucket) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	dst, src := escapeKey(dstKey), escapeKey(srcKey)
	if b.o.Region == "" {
		return b.wrap("CopyObject", src, fmt.Errorf("the bucket's region is not known; give Options.Region"))
	}
	req := &objectstorage.CopyObjectRequest{
		NamespaceName: &b.namespace, BucketName: &b.name,
		CopyObjectDetails: objectstorage.CopyObjectDetails{
			SourceObjectName: &src, DestinationObjectName: &dst,
			DestinationRegion: &b.o.Region, DestinationNamespace: &b.namespace, DestinationBucket: &b.name,
		},
		RequestMetadata: noRetry(),
	}
	if err := before(opts.BeforeCopy, req); err != nil {
		return err
	}
	var resp objectstorage.CopyObjectResponse
	// Not sent again when it is unclear whether it was accepted: the earlier of two
	// copies may end last, over what was written in between.
	err := b.call(ctx, once, "CopyObject", src, func(ctx context.Context) (err error) {
		resp, err = b.client.CopyObject(ctx, *req)
		return err
	})
	if err != nil {
		return err
	}
	id := deref(resp.OpcWorkRequestId)
	if id == "" {
		return b.wrap("CopyObject", src, fmt.Errorf("the answer names no work request"))
	}
	err = b.await(ctx, id, src)
	if ctx.Err() != nil {
		b.cancelCopy(ctx, id, src)
	}
	return err
}

func (b *bucket) await(ctx context.Context, id, src string) error {
	for {
		var resp objectstorage.GetWorkRequestResponse
		err := b.call(ctx, again, "GetWorkRequest", src, func(ctx context.Context) (err error) {
			resp, err = b.client.GetWorkRequest(ctx, objectstorage.GetWorkRequestRequest{WorkRequestId: &id, RequestMetadata: noRetry()})
			return err
		})
		if err != nil {
			return err
		}
		switch resp.Status {
		case objectstorage.WorkRequestStatusCompleted:
			return nil
		case objectstorage.WorkRequestStatusFailed, objectstorage.WorkRequestStatusCanceled:
			return b.wrap("CopyObject", src, b.whyFailed(ctx, id, src, string(resp.Status)))
		}
		told := time.Duration(float64(deref(resp.RetryAfter)) * float64(time.Second))
		if err := b.wait(ctx, max(b.o.PollInterval, told)); err != nil {
			return err
		}
	}
}

// whyFailed asks for the reason; without it, the failure stands.
func (b *bucket) whyFailed(ctx context.Context, id, src, status string) error {
	failed := &copyFailure{status: status}
	var resp objectstorage.ListWorkRequestErrorsResponse
	err := b.call(ctx, again, "ListWorkRequestErrors", src, func(ctx context.Context) (err error) {
		resp, err = b.client.ListWorkRequestErrors(ctx, objectstorage.ListWorkRequestErrorsRequest{WorkRequestId: &id, RequestMetadata: noRetry()})
		return err
	})
	if err == nil && len(resp.Items) > 0 {
		failed.code, failed.message = deref(resp.Items[0].Code), deref(resp.Items[0].Message)
	}
	return failed
}

// cancelCopy does what it can: the copy may be over.
func (b *bucket) cancelCopy(ctx context.Context, id, src string) {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	_ = b.call(ctx, again, "CancelWorkRequest", src, func(ctx context.Context) error {
		_, err := b.client.CancelWorkRequest(ctx, objectstorage.CancelWorkRequestRequest{WorkRequestId: &id, RequestMetadata: noRetry()})
		return err
	})
}
