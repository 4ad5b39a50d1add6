package ociblob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob/driver"
)

var errNotModified = errors.New("not modified")

type reader struct {
	io.ReadCloser
	attributes driver.ReaderAttributes
	raw        *objectstorage.GetObjectResponse // nil when nothing was asked for
}

func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attributes }

func (r *reader) As(i any) bool {
	p, ok := i.(*objectstorage.GetObjectResponse)
	if !ok || r.raw == nil {
		return false
	}
	*p = *r.raw
	return true
}

// NewRangeReader reads an object, or a range of it, in one request: what is read is one
// version of it. A connection that breaks ends it with an error.
func (b *bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	name := escapeKey(key)
	req := &objectstorage.GetObjectRequest{
		NamespaceName: &b.namespace, BucketName: &b.name, ObjectName: &name, Range: rangeHeader(offset, length), RequestMetadata: noRetry(),
	}
	if err := before(opts.BeforeRead, req); err != nil {
		return nil, err
	}
	if length == 0 { // no range is empty
		return b.emptyReader(ctx, name)
	}
	var resp objectstorage.GetObjectResponse
	err := b.call(ctx, again, "GetObject", name, func(ctx context.Context) (err error) {
		resp, err = b.client.GetObject(ctx, *req)
		return err
	})
	if err != nil {
		return nil, err
	}
	if resp.RawResponse.StatusCode == http.StatusNotModified { // a condition of BeforeRead; the SDK takes it for an empty object
		_ = resp.Content.Close()
		return nil, b.wrap("GetObject", name, errNotModified)
	}
	return &reader{
		ReadCloser: resp.Content, raw: &resp,
		attributes: driver.ReaderAttributes{ContentType: deref(resp.ContentType), ModTime: timeOf(resp.LastModified), Size: sizeOf(resp)},
	}, nil
}

func (b *bucket) emptyReader(ctx context.Context, name string) (driver.Reader, error) {
	resp, err := b.head(ctx, name)
	if err != nil {
		return nil, err
	}
	return &reader{
		ReadCloser: http.NoBody,
		attributes: driver.ReaderAttributes{ContentType: deref(resp.ContentType), ModTime: timeOf(resp.LastModified), Size: deref(resp.ContentLength)},
	}, nil
}

func rangeHeader(offset, length int64) *string {
	switch {
	case offset == 0 && length < 0:
		return nil
	case length < 0:
		return optional(fmt.Sprintf("bytes=%d-", offset))
	}
	return optional(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
}

// sizeOf is the size of the whole object, of a range as well.
func sizeOf(resp objectstorage.GetObjectResponse) int64 {
	if _, total, ok := strings.Cut(deref(resp.ContentRange), "/"); ok {
		if n, err := strconv.ParseInt(total, 10, 64); err == nil {
			return n
		}
	}
	return deref(resp.ContentLength)
}
