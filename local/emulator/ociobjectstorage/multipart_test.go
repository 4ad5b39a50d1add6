package ociobjectstorage

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"github.com/oracle/oci-go-sdk/v65/objectstorage/transfer"
)

func (p *place) start(name string, change func(*objectstorage.CreateMultipartUploadRequest)) (string, error) {
	req := objectstorage.CreateMultipartUploadRequest{
		NamespaceName: ptr(namespace), BucketName: ptr(bucketName),
		CreateMultipartUploadDetails: objectstorage.CreateMultipartUploadDetails{
			Object: &name, ContentType: ptr("a/b"), CacheControl: ptr("c"), ContentDisposition: ptr("d"), Metadata: map[string]string{"opc-meta-k": "v"},
		},
	}
	if change != nil {
		change(&req)
	}
	resp, err := p.CreateMultipartUpload(p.t.Context(), req)
	if err != nil {
		return "", err
	}
	if *resp.Object != name || *resp.Namespace != namespace || *resp.Bucket != bucketName || !resp.TimeCreated.Equal(p.clock.Now()) {
		p.t.Errorf("%+v", resp)
	}
	return *resp.UploadId, nil
}

func (p *place) part(name, id string, number int, body string) (objectstorage.UploadPartResponse, error) {
	return p.UploadPart(p.t.Context(), objectstorage.UploadPartRequest{
		NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, UploadId: &id, UploadPartNum: &number,
		ContentLength: ptr(int64(len(body))), UploadPartBody: io.NopCloser(strings.NewReader(body)), ContentMD5: ptr(sum(body)),
	})
}

// commit names parts by number and etag, in turn.
func (p *place) commit(name, id, none string, exclude []int, parts ...any) (objectstorage.CommitMultipartUploadResponse, error) {
	req := objectstorage.CommitMultipartUploadRequest{
		NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, UploadId: &id,
		CommitMultipartUploadDetails: objectstorage.CommitMultipartUploadDetails{PartsToCommit: []objectstorage.CommitMultipartUploadPartDetails{}, PartsToExclude: exclude},
	}
	if none != "" {
		req.IfNoneMatch = &none
	}
	for i := 0; i < len(parts); i += 2 {
		number, etag := parts[i].(int), parts[i+1].(*string)
		req.PartsToCommit = append(req.PartsToCommit, objectstorage.CommitMultipartUploadPartDetails{PartNum: &number, Etag: etag})
	}
	return p.CommitMultipartUpload(p.t.Context(), req)
}

func TestMultipart(t *testing.T) {
	p := serve(t, 0)
	name := "a//b +%"
	id, err := p.start(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	var etags [4]*string
	for number, body := range map[int]string{1: "one ", 2: "two ", 3: "left out"} {
		resp, err := p.part(name, id, number, body)
		if err != nil || *resp.OpcContentMd5 != sum(body) {
			t.Fatal(resp, err)
		}
		etags[number] = resp.ETag
	}
	list, err := p.ListMultipartUploadParts(t.Context(), objectstorage.ListMultipartUploadPartsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, UploadId: &id, Limit: ptr(2)})
	if err != nil || len(list.Items) != 2 || *list.Items[1].PartNumber != 2 || *list.Items[1].Size != 4 || *list.Items[1].Md5 != sum("two ") || *list.Items[1].Etag != *etags[2] || list.OpcNextPage == nil {
		t.Fatalf("%+v, %v", list, err)
	}
	list, err = p.ListMultipartUploadParts(t.Context(), objectstorage.ListMultipartUploadPartsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, UploadId: &id, Page: list.OpcNextPage})
	if err != nil || len(list.Items) != 1 || *list.Items[0].PartNumber != 3 || list.OpcNextPage != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for what, c := range map[string]struct {
		parts   []any
		exclude []int
		code    string
	}{
		"an old etag":          {[]any{1, ptr("x")}, []int{2, 3}, "InvalidUploadPart"},
		"no such part":         {[]any{4, ptr("x")}, []int{1, 2, 3}, "InvalidUploadPart"},
		"no part":              {nil, []int{1, 2, 3}, "InvalidParameter"},
		"one neither nor":      {[]any{1, etags[1]}, []int{2}, "InvalidParameter"},
		"one both":             {[]any{1, etags[1]}, []int{1, 2, 3}, "InvalidParameter"},
		"one twice":            {[]any{1, etags[1], 1, etags[1]}, []int{2, 3}, "InvalidParameter"},
		"one without its etag": {[]any{1, ptr("")}, []int{2, 3}, "InvalidParameter"},
	} {
		_, err := p.commit(name, id, "", c.exclude, c.parts...)
		p.failed(what, err, 400, c.code)
	}
	got, err := p.commit(name, id, "*", []int{3}, 2, etags[2], 1, etags[1]) // the numbers make the order
	if err != nil {
		t.Fatal(err)
	}
	digest := md5.New()
	for _, body := range []string{"one ", "two "} {
		s := md5.Sum([]byte(body))
		digest.Write(s[:])
	}
	want := base64.StdEncoding.EncodeToString(digest.Sum(nil)) + "-2"
	if *got.OpcMultipartMd5 != want {
		t.Errorf("%s, want %s", *got.OpcMultipartMd5, want)
	}
	o, body, err := p.get(name, nil)
	if err != nil || body != "one two " || *o.ETag != *got.ETag || o.ContentMd5 != nil || *o.OpcMultipartMd5 != want || *o.ContentType != "a/b" || *o.CacheControl != "c" || o.OpcMeta["k"] != "v" {
		t.Errorf("%q, %+v, %v", body, o, err)
	}
	_, err = p.commit(name, id, "", nil, 1, etags[1])
	p.failed("again", err, 404, "NoSuchUpload")
}

func TestMultipartConditions(t *testing.T) {
	p := serve(t, 0)
	create := func(r *objectstorage.CreateMultipartUploadRequest) { r.IfNoneMatch = ptr("*") }
	id, err := p.start("k", create)
	if err != nil {
		t.Fatal(err)
	}
	part, err := p.part("k", id, 1, "parts")
	if err != nil {
		t.Fatal(err)
	}
	p.mustPut("k", "put meanwhile")
	_, err = p.start("k", create)
	p.failed("start", err, 412, "IfNoneMatchFailed")
	_, err = p.commit("k", id, "*", nil, 1, part.ETag)
	p.failed("commit", err, 412, "IfNoneMatchFailed")
	if _, body, err := p.get("k", nil); err != nil || body != "put meanwhile" {
		t.Errorf("%q, %v", body, err)
	}
	if _, err := p.commit("k", id, "", nil, 1, part.ETag); err != nil { // the upload was still there
		t.Error(err)
	}
}

func TestMultipartLimits(t *testing.T) {
	p := serve(t, 0)
	id, err := p.start("k", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []int{-1, 0, 10_001} {
		_, err := p.part("k", id, number, "x")
		p.failed("part", err, 400, "InvalidParameter")
	}
	if _, err := p.part("k", id, 10_000, "x"); err != nil {
		t.Error(err)
	}
	_, err = p.part("another", id, 1, "x")
	p.failed("another object's", err, 404, "NoSuchUpload")
	_, err = p.part("k", "none", 1, "x")
	p.failed("no such upload", err, 404, "NoSuchUpload")
	_, err = p.start("k", func(r *objectstorage.CreateMultipartUploadRequest) { r.Metadata = map[string]string{"bare": "v"} })
	p.failed("a metadata key without its prefix", err, 400, "InvalidParameter")
	_, err = p.start(strings.Repeat("k", 1025), nil)
	p.failed("name", err, 400, "InvalidObjectName")
	if _, err := p.start("a", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := p.start("k", nil); err != nil {
		t.Fatal(err)
	}
	abort := func(id string) error {
		return second(p.AbortMultipartUpload(t.Context(), objectstorage.AbortMultipartUploadRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: ptr("k"), UploadId: &id}))
	}
	var names []string
	for page := (*string)(nil); ; {
		list, err := p.ListMultipartUploads(t.Context(), objectstorage.ListMultipartUploadsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), Limit: ptr(1), Page: page})
		if err != nil {
			t.Fatal(err)
		}
		u := list.Items[0]
		names = append(names, *u.Object)
		if *u.Object == "k" { // while it is listed
			if err := abort(*u.UploadId); err != nil {
				t.Error(err)
			}
		}
		if page = list.OpcNextPage; page == nil {
			break
		}
	}
	if strings.Join(names, " ") != "a k k" {
		t.Errorf("%q", names)
	}
	p.failed("abort again", abort(id), 404, "NoSuchUpload")
}

// Oracle's own upload manager, with parts and without.
func TestUploadManager(t *testing.T) {
	p := serve(t, 0)
	want := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // 3 MiB
	m := transfer.NewUploadManager()
	for name, size := range map[string]int64{"parts": 1 << 20, "one part": 8 << 20} {
		resp, err := m.UploadStream(t.Context(), transfer.UploadStreamRequest{
			UploadRequest: transfer.UploadRequest{
				NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, PartSize: &size, ObjectStorageClient: &p.ObjectStorageClient,
				IfNoneMatch: ptr("*"), Metadata: map[string]string{"opc-meta-a": "b"}, EnableMultipartChecksumVerification: ptr(true),
			},
			StreamReader: bytes.NewReader(want),
		})
		if err != nil {
			t.Fatalf("%v, %v", resp, err)
		}
		o, body, err := p.get(name, nil)
		if err != nil || body != string(want) || o.OpcMeta["a"] != "b" {
			t.Errorf("%d bytes, %+v, %v", len(body), o.OpcMeta, err)
		}
	}
	if uploads, err := p.store.Uploads(bucketName); err != nil || len(uploads) != 0 {
		t.Errorf("%+v, %v", uploads, err)
	}
}
