package ociobjectstorage

import (
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
)

func TestRename(t *testing.T) {
	p := serve(t, 0)
	src := p.mustPut("src", "body")
	rename := func(d objectstorage.RenameObjectDetails) (objectstorage.RenameObjectResponse, error) {
		return p.RenameObject(t.Context(), objectstorage.RenameObjectRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), RenameObjectDetails: d})
	}
	there := p.mustPut("there", "other")
	for name, c := range map[string]struct {
		d      objectstorage.RenameObjectDetails
		status int
		code   string
	}{
		"absent":      {objectstorage.RenameObjectDetails{SourceName: ptr("none"), NewName: ptr("x")}, 404, "ObjectNotFound"},
		"other etag":  {objectstorage.RenameObjectDetails{SourceName: ptr("src"), NewName: ptr("x"), SrcObjIfMatchETag: &there}, 412, "NoEtagMatch"},
		"taken":       {objectstorage.RenameObjectDetails{SourceName: ptr("src"), NewName: ptr("there"), NewObjIfNoneMatchETag: ptr("*")}, 412, "IfNoneMatchFailed"},
		"other there": {objectstorage.RenameObjectDetails{SourceName: ptr("src"), NewName: ptr("there"), NewObjIfMatchETag: &src}, 412, "NoEtagMatch"},
		"no name":     {objectstorage.RenameObjectDetails{SourceName: ptr("src"), NewName: ptr("")}, 400, "InvalidObjectName"},
	} {
		_, err := rename(c.d)
		p.failed(name, err, c.status, c.code)
	}
	got, err := rename(objectstorage.RenameObjectDetails{SourceName: ptr("src"), NewName: ptr("there"), SrcObjIfMatchETag: &src, NewObjIfMatchETag: &there})
	if err != nil {
		t.Fatal(err)
	}
	if o, body, err := p.get("there", nil); err != nil || body != "body" || *o.ETag != *got.ETag {
		t.Errorf("%q, %+v, %v", body, o, err)
	}
	_, _, err = p.get("src", nil)
	p.failed("the old name", err, 404, "ObjectNotFound")
}

func TestBatchDelete(t *testing.T) {
	p := serve(t, 0)
	p.mustPut("a", "x")
	p.mustPut("b", "x")
	req := objectstorage.BatchDeleteObjectsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)}
	req.Objects = []objectstorage.BatchDeleteObjectIdentifier{{ObjectName: ptr("a")}, {ObjectName: ptr("b"), IfMatch: ptr("other")}, {ObjectName: ptr("none")}}
	got, err := p.BatchDeleteObjects(t.Context(), req)
	if err != nil || len(got.Deleted) != 1 || *got.Deleted[0].ObjectName != "a" || len(got.Failed) != 2 || *got.Failed[0].StatusCode != 412 || *got.Failed[1].StatusCode != 404 {
		t.Errorf("%+v, %v", got, err)
	}
	req.Objects, req.IsSkipDeletedResult = []objectstorage.BatchDeleteObjectIdentifier{{ObjectName: ptr("b")}}, ptr(true)
	if got, err = p.BatchDeleteObjects(t.Context(), req); err != nil || len(got.Deleted) != 0 || len(got.Failed) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	req.Objects = []objectstorage.BatchDeleteObjectIdentifier{}
	p.failed("none", second(p.BatchDeleteObjects(t.Context(), req)), 400, "InvalidParameter")
}

func (p *place) copy(src, dst string, change func(*objectstorage.CopyObjectDetails)) (string, error) {
	req := objectstorage.CopyObjectRequest{
		NamespaceName: ptr(namespace), BucketName: ptr(bucketName),
		CopyObjectDetails: objectstorage.CopyObjectDetails{
			SourceObjectName: &src, DestinationObjectName: &dst, DestinationBucket: ptr(bucketName), DestinationNamespace: ptr(namespace), DestinationRegion: ptr(region),
		},
	}
	if change != nil {
		change(&req.CopyObjectDetails)
	}
	resp, err := p.CopyObject(p.t.Context(), req)
	if err != nil {
		return "", err
	}
	return *resp.OpcWorkRequestId, nil
}

// status is that of a work request, and the code of its error.
func (p *place) status(id string) (string, string) {
	p.t.Helper()
	w, err := p.GetWorkRequest(p.t.Context(), objectstorage.GetWorkRequestRequest{WorkRequestId: &id})
	if err != nil {
		p.t.Fatal(err)
	}
	errs, err := p.ListWorkRequestErrors(p.t.Context(), objectstorage.ListWorkRequestErrorsRequest{WorkRequestId: &id})
	if err != nil {
		p.t.Fatal(err)
	}
	if (w.TimeFinished != nil) != (*w.PercentComplete == 100) || w.OperationType != objectstorage.WorkRequestOperationTypeCopyObject || len(w.Resources) != 2 {
		p.t.Errorf("%+v", w)
	}
	if len(errs.Items) == 0 {
		return string(w.Status), ""
	}
	return string(w.Status), *errs.Items[0].Code
}

func (p *place) wantStatus(what, id, status, code string) {
	p.t.Helper()
	if gotStatus, gotCode := p.status(id); gotStatus != status || gotCode != code {
		p.t.Errorf("%s: %s %s, want %s %s", what, gotStatus, gotCode, status, code)
	}
}

func TestCopy(t *testing.T) {
	p := serve(t, 10*time.Second)
	p.bucket("other")
	etag := p.mustPut("src", "body")
	id, err := p.copy("src", "dst", func(d *objectstorage.CopyObjectDetails) {
		d.DestinationBucket, d.SourceObjectIfMatchETag = ptr("other"), &etag
		d.DestinationObjectMetadata = map[string]string{"opc-meta-new": "v"}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.wantStatus("at once", id, "ACCEPTED", "")
	p.clock.Advance(9 * time.Second)
	p.wantStatus("soon", id, "IN_PROGRESS", "")
	if _, err := p.store.Stat("other", "dst", nil); err == nil {
		t.Error("there before its time")
	}
	p.clock.Advance(time.Second)
	p.wantStatus("then", id, "COMPLETED", "")
	if o, err := p.store.Stat("other", "dst", nil); err != nil || o.Size != 4 || o.Metadata["new"] != "v" {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestCopyThatIsRefused(t *testing.T) {
	p := serve(t, 0)
	p.mustPut("src", "body")
	for name, c := range map[string]struct {
		src    string
		change func(*objectstorage.CopyObjectDetails)
		status int
		code   string
	}{
		"absent":        {"none", nil, 404, "ObjectNotFound"},
		"other etag":    {"src", func(d *objectstorage.CopyObjectDetails) { d.SourceObjectIfMatchETag = ptr("x") }, 412, "NoEtagMatch"},
		"other region":  {"src", func(d *objectstorage.CopyObjectDetails) { d.DestinationRegion = ptr("us-ashburn-1") }, 400, "InvalidParameter"},
		"namespace":     {"src", func(d *objectstorage.CopyObjectDetails) { d.DestinationNamespace = ptr("x") }, 404, "NamespaceNotFound"},
		"name":          {"src", func(d *objectstorage.CopyObjectDetails) { d.DestinationObjectName = ptr("") }, 400, "InvalidObjectName"},
		"version":       {"src", func(d *objectstorage.CopyObjectDetails) { d.SourceVersionId = ptr("v") }, 501, "MethodNotImplemented"},
		"metadata":      {"src", func(d *objectstorage.CopyObjectDetails) { d.DestinationObjectMetadata = map[string]string{"bare": "v"} }, 400, "InvalidParameter"},
		"if-none-match": {"src", func(d *objectstorage.CopyObjectDetails) { d.DestinationObjectIfNoneMatchETag = ptr("abc") }, 400, "InvalidParameter"},
	} {
		_, err := p.copy(c.src, "dst", c.change)
		p.failed(name, err, c.status, c.code)
	}
	p.failed("no such work request", second(p.GetWorkRequest(t.Context(), objectstorage.GetWorkRequestRequest{WorkRequestId: ptr("none")})), 404, "NotAuthorizedOrNotFound")
}

func TestCopyThatFailsLater(t *testing.T) {
	p := serve(t, time.Second)
	etag := p.mustPut("src", "body")
	p.mustPut("there", "other")
	start := func(dst string, change func(*objectstorage.CopyObjectDetails)) string {
		t.Helper()
		id, err := p.copy("src", dst, change)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	bucket := start("dst", func(d *objectstorage.CopyObjectDetails) { d.DestinationBucket = ptr("none") })
	taken := start("there", func(d *objectstorage.CopyObjectDetails) { d.DestinationObjectIfNoneMatchETag = ptr("*") })
	moved := start("dst", func(d *objectstorage.CopyObjectDetails) { d.SourceObjectIfMatchETag = &etag })
	cancelled := start("dst", nil)
	cancel := func(id string) error {
		return second(p.CancelWorkRequest(t.Context(), objectstorage.CancelWorkRequestRequest{WorkRequestId: &id}))
	}
	if err := cancel(cancelled); err != nil {
		t.Error(err)
	}
	p.mustPut("src", "changed meanwhile")
	p.clock.Advance(time.Second)
	p.wantStatus("no such bucket", bucket, "FAILED", "BucketNotFound")
	p.wantStatus("taken", taken, "FAILED", "IfNoneMatchFailed")
	p.wantStatus("changed", moved, "FAILED", "NoEtagMatch")
	p.wantStatus("cancelled", cancelled, "CANCELED", "")
	p.failed("cancel when over", cancel(bucket), 409, "IncorrectState")
	_, _, err := p.get("dst", nil)
	p.failed("the destination", err, 404, "ObjectNotFound")
}
