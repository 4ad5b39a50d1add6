package ociblob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/drivertest"
)

type harness struct {
	t testing.TB
	s *service
}

func (h *harness) MakeDriver(context.Context) (driver.Bucket, error) {
	return openBucket(h.s.client(h.t, key()), namespace, bucketName, nil)
}

func (h *harness) MakeDriverForNonexistentBucket(context.Context) (driver.Bucket, error) {
	return openBucket(h.s.client(h.t, key()), namespace, "none", nil)
}

func (h *harness) HTTPClient() *http.Client         { return nil } // no signed URLs
func (h *harness) SupportsCopy() bool               { return true }
func (h *harness) SupportsNonSlashDelimiters() bool { return false }
func (h *harness) Close()                           {}

func TestConformance(t *testing.T) {
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		return &harness{t, serve(t, serviceOptions{})}, nil
	}, []drivertest.AsTest{asTest{}})
}

// The emulator is the same when it keeps its objects in a folder.
func TestConformanceInAFolder(t *testing.T) {
	drivertest.RunConformanceTests(t, func(_ context.Context, t *testing.T) (drivertest.Harness, error) {
		return &harness{t, serve(t, serviceOptions{dir: t.TempDir()})}, nil
	}, []drivertest.AsTest{asTest{}})
}

func BenchmarkConformance(b *testing.B) {
	bucket := serve(b, serviceOptions{}).open(b, nil)
	drivertest.RunBenchmarks(b, bucket)
}

// asTest expects each of the SDK's types where the package promises it, and has
// what it changes before a call take effect.
type asTest struct{}

func (asTest) Name() string { return "OCI" }

func (asTest) BucketCheck(b *blob.Bucket) error {
	var client *objectstorage.ObjectStorageClient
	if !b.As(&client) || client.Host == "" {
		return errors.New("Bucket.As gives no client")
	}
	return nil
}

func (asTest) ErrorCheck(b *blob.Bucket, err error) error {
	var f common.ServiceError
	if !b.ErrorAs(err, &f) || f.GetHTTPStatusCode() != http.StatusNotFound || f.GetCode() != "ObjectNotFound" {
		return fmt.Errorf("Bucket.ErrorAs gives %v", f)
	}
	return nil
}

func (asTest) BeforeRead(as func(any) bool) error {
	var req *objectstorage.GetObjectRequest
	if !as(&req) || *req.BucketName != bucketName {
		return errors.New("BeforeRead gives no request")
	}
	return nil
}

func (asTest) BeforeWrite(as func(any) bool) error {
	var req *objectstorage.PutObjectRequest
	if !as(&req) {
		return errors.New("BeforeWrite gives no request")
	}
	req.OpcMeta = map[string]string{"by": "callback"}
	return nil
}

func (asTest) BeforeCopy(as func(any) bool) error {
	var req *objectstorage.CopyObjectRequest
	if !as(&req) || *req.DestinationRegion != region {
		return errors.New("BeforeCopy gives no request")
	}
	return nil
}

func (asTest) BeforeDelete(as func(any) bool) error {
	var req *objectstorage.DeleteObjectRequest
	if !as(&req) {
		return errors.New("BeforeDelete gives no request")
	}
	return nil
}

func (asTest) BeforeList(as func(any) bool) error {
	var req *objectstorage.ListObjectsRequest
	if !as(&req) || *req.Limit == 0 {
		return errors.New("BeforeList gives no request")
	}
	return nil
}

func (asTest) BeforeSign(func(any) bool) error { return nil } // never called

func (asTest) AttributesCheck(a *blob.Attributes) error {
	var resp objectstorage.HeadObjectResponse
	if !a.As(&resp) || resp.OpcMeta["by"] != "callback" {
		return fmt.Errorf("Attributes.As gives %v", resp)
	}
	return nil
}

func (asTest) ReaderCheck(r *blob.Reader) error {
	var resp objectstorage.GetObjectResponse
	if !r.As(&resp) || resp.ETag == nil {
		return fmt.Errorf("Reader.As gives %v", resp)
	}
	return nil
}

func (asTest) ListObjectCheck(o *blob.ListObject) error {
	var summary objectstorage.ObjectSummary
	if o.As(&summary) == o.IsDir {
		return fmt.Errorf("As of %q, a directory: %v, gives %v", o.Key, o.IsDir, summary)
	}
	return nil
}
