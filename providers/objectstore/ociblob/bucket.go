package ociblob

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
)

// Options of a bucket. The zero value, and nil, are defaults.
type Options struct {
	// Region is where the bucket lies: copies need it. The default is that of the
	// client's configuration.
	Region string

	Clock        clockwork.Clock // of waits; nil is the real one
	PollInterval time.Duration   // between looks at a copy; 500 ms when 0
	Attempts     int             // of a request that may be sent again; 5 when 0
}

// OpenBucket makes a bucket of Object Storage portable. Nothing is asked of the
// service. The client is copied: its HTTP client's own time limit, which would cut
// long transfers, does not hold here; contexts do.
func OpenBucket(client objectstorage.ObjectStorageClient, namespace, bucket string, o *Options) (*blob.Bucket, error) {
	b, err := openBucket(client, namespace, bucket, o)
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(b), nil
}

type bucket struct {
	client          objectstorage.ObjectStorageClient
	namespace, name string
	o               Options
}

func openBucket(client objectstorage.ObjectStorageClient, namespace, name string, o *Options) (*bucket, error) {
	switch {
	case client.HTTPClient == nil || client.Signer == nil:
		return nil, errors.New("opening an OCI bucket: no client; make one with NewClient")
	case namespace == "" || name == "":
		return nil, fmt.Errorf("opening the OCI bucket %q of namespace %q: both names are needed", name, namespace)
	}
	b := &bucket{client: client, namespace: namespace, name: name}
	if o != nil {
		b.o = *o
	}
	if b.o.Clock == nil {
		b.o.Clock = clockwork.NewRealClock()
	}
	if b.o.PollInterval == 0 {
		b.o.PollInterval = 500 * time.Millisecond
	}
	if b.o.Attempts == 0 {
		b.o.Attempts = 5
	}
	if b.o.Region == "" {
		if p := client.ConfigurationProvider(); p != nil && *p != nil {
			b.o.Region, _ = (*p).Region() // a copy says that it is missing
		}
	}
	b.client.HTTPClient = dispatcher{withoutTimeout(client.HTTPClient)}
	return b, nil
}

func withoutTimeout(d common.HTTPRequestDispatcher) common.HTTPRequestDispatcher {
	c, ok := d.(*http.Client)
	if !ok {
		return d
	}
	unlimited := *c
	unlimited.Timeout = 0
	return &unlimited
}

// Close has nothing to do: the client is the caller's.
func (b *bucket) Close() error { return nil }

// As gives the client.
func (b *bucket) As(i any) bool {
	p, ok := i.(**objectstorage.ObjectStorageClient)
	if ok {
		*p = &b.client
	}
	return ok
}

// Attributes asks for an object's headers.
func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	resp, err := b.head(ctx, escapeKey(key))
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{
		CacheControl:       deref(resp.CacheControl),
		ContentDisposition: deref(resp.ContentDisposition),
		ContentEncoding:    deref(resp.ContentEncoding),
		ContentLanguage:    deref(resp.ContentLanguage),
		ContentType:        deref(resp.ContentType),
		Metadata:           unescapeMetadata(resp.OpcMeta),
		ModTime:            timeOf(resp.LastModified),
		Size:               deref(resp.ContentLength),
		MD5:                md5Of(resp.ContentMd5),
		ETag:               `"` + deref(resp.ETag) + `"`, // as HTTP writes it; OCI does without
		AsFunc: func(i any) bool {
			p, ok := i.(*objectstorage.HeadObjectResponse)
			if ok {
				*p = resp
			}
			return ok
		},
	}, nil
}

func (b *bucket) head(ctx context.Context, name string) (resp objectstorage.HeadObjectResponse, err error) {
	req := objectstorage.HeadObjectRequest{NamespaceName: &b.namespace, BucketName: &b.name, ObjectName: &name, RequestMetadata: noRetry()}
	err = b.call(ctx, again, "HeadObject", name, func(ctx context.Context) (err error) {
		resp, err = b.client.HeadObject(ctx, req)
		return err
	})
	return resp, err
}

// Delete deletes an object. When it is not known whether a try was carried out, "not
// found" on the next one is success.
func (b *bucket) Delete(ctx context.Context, key string, opts *driver.DeleteOptions) error {
	name := escapeKey(key)
	req := &objectstorage.DeleteObjectRequest{NamespaceName: &b.namespace, BucketName: &b.name, ObjectName: &name, RequestMetadata: noRetry()}
	if err := before(opts.BeforeDelete, req); err != nil {
		return err
	}
	lost := false
	return b.call(ctx, again, "DeleteObject", name, func(ctx context.Context) error {
		_, err := b.client.DeleteObject(ctx, *req)
		if lost && statusOf(err) == http.StatusNotFound {
			return nil
		}
		lost = lost || unclear(err)
		return err
	})
}

// SignedURL is not implemented: Object Storage has pre-authenticated requests, which
// are resources that someone must delete.
func (b *bucket) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", fmt.Errorf("signed URLs: %w", errUnimplemented)
}

// before runs a Before callback, if there is one, with a request that it may change.
func before[T any](callback func(func(any) bool) error, req *T) error {
	if callback == nil {
		return nil
	}
	return callback(func(i any) bool {
		p, ok := i.(**T)
		if ok {
			*p = req
		}
		return ok
	})
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// optional is nil for what is not set: the SDK sends what is not nil.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func timeOf(t *common.SDKTime) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

// md5Of is nil for an object made of parts: its digest is not one of its bytes.
func md5Of(text *string) []byte {
	sum, err := base64.StdEncoding.DecodeString(deref(text))
	if err != nil || len(sum) != 16 {
		return nil
	}
	return sum
}
