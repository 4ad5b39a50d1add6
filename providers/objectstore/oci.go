package objectstore

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/jonboulle/clockwork"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob"

	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/providers/objectstore/ociblob"
)

var ociParams = []string{"region", "endpoint", "instance_principal"}

// ociStore is OCI Object Storage in one region.
type ociStore struct {
	client objectstorage.ObjectStorageClient
	region string
	clock  clockwork.Clock
	where  string
}

func openOCI(_ context.Context, o *Opener, p params) (store, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	instance, err := p.yes("instance_principal")
	if err != nil {
		return nil, err
	}
	client, err := ociblob.NewClient(ociblob.ClientOptions{Region: p.Get("region"), Endpoint: endpoint, InstancePrincipal: instance})
	if err != nil {
		return nil, fault(storage.ErrNoCredentials, nil, strings.TrimPrefix(err.Error(), "no OCI credentials; "))
	}
	where := "the region and the network"
	if endpoint != "" {
		where = "the parameter endpoint"
	}
	return &ociStore{client: client, region: p.Get("region"), clock: o.clock, where: where}, nil
}

func (s *ociStore) bucket(_ context.Context, name string) (*blob.Bucket, error) {
	bucket, namespace, ok := strings.Cut(name, "@")
	if !ok {
		return nil, errors.New("an oci:// URI names the namespace of its tenancy as well: write oci://BUCKET@NAMESPACE/PREFIX (oci os ns get prints it)")
	}
	return ociblob.OpenBucket(s.client, namespace, bucket, &ociblob.Options{Region: s.region, Clock: s.clock})
}

func (s *ociStore) close() error {
	if c, ok := s.client.HTTPClient.(*http.Client); ok {
		c.CloseIdleConnections()
	}
	return nil
}

func (s *ociStore) Version(as storage.As) string {
	var listed objectstorage.ObjectSummary
	var head objectstorage.HeadObjectResponse
	var get objectstorage.GetObjectResponse
	var etag *string
	switch {
	case as(&listed):
		etag = listed.Etag
	case as(&head):
		etag = head.ETag
	case as(&get):
		etag = get.ETag
	}
	if etag == nil {
		return ""
	}
	return etagVersion(*etag)
}

func (s *ociStore) Reading(version string) func(storage.As) error {
	text, ok := quoted(version)
	if !ok {
		return nil
	}
	etag := bare(text) // OCI writes entity tags without quotes
	return func(as storage.As) error {
		var in *objectstorage.GetObjectRequest
		if as(&in) {
			in.IfMatch = &etag
		}
		return nil
	}
}

// Fault goes by the code, or by the status of answers without a body.
// https://docs.oracle.com/iaas/Content/API/References/apierrors.htm
func (s *ociStore) Fault(err error) *storage.Fault {
	if f := unreached(err, s.where); f != nil {
		return f
	}
	var service common.ServiceError
	if !errors.As(err, &service) {
		return nil
	}
	switch service.GetCode() {
	case "BucketNotFound", "NamespaceNotFound":
		return fault(storage.ErrNoBucket, err, "OCI also says so of a bucket in another region, and of one that these credentials may not see")
	case "ObjectNotFound":
		return fault(storage.ErrNotFound, err, "")
	}
	if service.GetHTTPStatusCode() == http.StatusNotFound {
		return fault(storage.ErrNotFound, err, "")
	}
	return refused(service.GetHTTPStatusCode(), service.GetCode(), err)
}

// Cut leaves parts to the driver, which makes them larger as they grow in number.
func (s *ociStore) Cut(int64) (part, parallel int) { return 0, 0 }

// CopyLimit is none: the service copies, and is asked until it has done so.
func (s *ociStore) CopyLimit() int64 { return 1 << 62 }

// Writing has nothing to undo: the driver removes the parts of a failed upload.
func (s *ociStore) Writing() (func(storage.As) error, func(context.Context, error) error) {
	return nil, nil
}
