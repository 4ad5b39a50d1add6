package ociobjectstorage

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

func (p *place) put(name, body string, change func(*objectstorage.PutObjectRequest)) (objectstorage.PutObjectResponse, error) {
	req := objectstorage.PutObjectRequest{
		NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name,
		ContentLength: ptr(int64(len(body))), PutObjectBody: io.NopCloser(strings.NewReader(body)),
	}
	if change != nil {
		change(&req)
	}
	return p.PutObject(p.t.Context(), req)
}

func (p *place) mustPut(name, body string) string {
	p.t.Helper()
	resp, err := p.put(name, body, nil)
	if err != nil {
		p.t.Fatalf("%q: %v", name, err)
	}
	return *resp.ETag
}

func (p *place) get(name string, change func(*objectstorage.GetObjectRequest)) (objectstorage.GetObjectResponse, string, error) {
	req := objectstorage.GetObjectRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name}
	if change != nil {
		change(&req)
	}
	resp, err := p.GetObject(p.t.Context(), req)
	if err != nil || resp.Content == nil {
		return resp, "", err
	}
	defer func() { _ = resp.Content.Close() }()
	body, err := io.ReadAll(resp.Content)
	return resp, string(body), err
}

func (p *place) head(name string) (objectstorage.HeadObjectResponse, error) {
	return p.HeadObject(p.t.Context(), objectstorage.HeadObjectRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name})
}

func (p *place) delete(name string, match *string) error {
	_, err := p.DeleteObject(p.t.Context(), objectstorage.DeleteObjectRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), ObjectName: &name, IfMatch: match})
	return err
}

func sum(body string) string {
	s := md5.Sum([]byte(body))
	return base64.StdEncoding.EncodeToString(s[:])
}

func TestNamespaceAndBuckets(t *testing.T) {
	p := serve(t, 0)
	ns, err := p.GetNamespace(t.Context(), objectstorage.GetNamespaceRequest{})
	if err != nil || *ns.Value != namespace {
		t.Errorf("%v, %v", ns.Value, err)
	}
	if m, err := p.GetNamespaceMetadata(t.Context(), objectstorage.GetNamespaceMetadataRequest{NamespaceName: ptr(namespace)}); err != nil || *m.Namespace != namespace {
		t.Errorf("%+v, %v", m, err)
	}
	p.bucket("another")
	b, err := p.GetBucket(t.Context(), objectstorage.GetBucketRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)})
	if err != nil || *b.Name != bucketName || *b.CompartmentId != compartment || b.Metadata["m"] != "n" || !b.TimeCreated.Equal(p.clock.Now()) || *b.ETag == "" {
		t.Errorf("%+v, %v", b, err)
	}
	if h, err := p.HeadBucket(t.Context(), objectstorage.HeadBucketRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName), IfNoneMatch: b.ETag}); err != nil || h.RawResponse.StatusCode != 304 {
		t.Errorf("%+v, %v", h, err)
	}
	var names []string
	for page := (*string)(nil); ; {
		list, err := p.ListBuckets(t.Context(), objectstorage.ListBucketsRequest{NamespaceName: ptr(namespace), CompartmentId: ptr(compartment), Limit: ptr(1), Page: page})
		if err != nil || len(list.Items) != 1 {
			t.Fatal(list, err)
		}
		names = append(names, *list.Items[0].Name)
		if page = list.OpcNextPage; page == nil {
			break
		}
	}
	if strings.Join(names, " ") != "another bucket" {
		t.Errorf("got %q", names)
	}
	if list, err := p.ListBuckets(t.Context(), objectstorage.ListBucketsRequest{NamespaceName: ptr(namespace), CompartmentId: ptr("other")}); err != nil || len(list.Items) != 0 {
		t.Errorf("%+v, %v", list.Items, err)
	}
	p.mustPut("k", "x")
	remove := func(ns, name string, match *string) error {
		return second(p.DeleteBucket(t.Context(), objectstorage.DeleteBucketRequest{NamespaceName: &ns, BucketName: &name, IfMatch: match}))
	}
	create := func(name string) error {
		return second(p.CreateBucket(t.Context(), objectstorage.CreateBucketRequest{
			NamespaceName: ptr(namespace), CreateBucketDetails: objectstorage.CreateBucketDetails{Name: &name, CompartmentId: ptr(compartment)},
		}))
	}
	p.failed("not empty", remove(namespace, bucketName, nil), 409, "BucketNotEmpty")
	p.failed("another etag", remove(namespace, "another", ptr("x")), 412, "NoEtagMatch")
	p.failed("another namespace", remove("other", "another", nil), 404, "NamespaceNotFound")
	p.failed("no such bucket", remove(namespace, "none", nil), 404, "BucketNotFound")
	p.failed("again", create(bucketName), 409, "BucketAlreadyExists")
	p.failed("slash", create("a/b"), 400, "InvalidBucketName")
	p.failed("long", create(strings.Repeat("b", 257)), 400, "InvalidBucketName")
	if err := remove(namespace, "another", nil); err != nil {
		t.Error(err)
	}
	p.failed("gone", second(p.GetBucket(t.Context(), objectstorage.GetBucketRequest{NamespaceName: ptr(namespace), BucketName: ptr("another")})), 404, "BucketNotFound")
}

func TestWhatAnObjectKeeps(t *testing.T) {
	p := serve(t, 0)
	put, err := p.put("k", "body", func(r *objectstorage.PutObjectRequest) {
		r.ContentType, r.ContentLanguage, r.ContentEncoding = ptr("text/plain"), ptr("de"), ptr("x")
		r.ContentDisposition, r.CacheControl = ptr("inline"), ptr("no-cache")
		r.ContentMD5, r.OpcMeta = ptr(sum("body")), map[string]string{"A": "v", "b": ""}
		r.OpcClientRequestId = ptr("mine")
	})
	if err != nil || *put.OpcContentMd5 != sum("body") || *put.ETag == "" || put.LastModified == nil || *put.OpcClientRequestId != "mine" || *put.OpcRequestId == "" {
		t.Fatalf("%+v, %v", put, err)
	}
	h, err := p.head("k")
	if err != nil || *h.ETag != *put.ETag || *h.ContentLength != 4 || *h.ContentMd5 != sum("body") || *h.ContentType != "text/plain" || *h.ContentLanguage != "de" ||
		*h.ContentEncoding != "x" || *h.ContentDisposition != "inline" || *h.CacheControl != "no-cache" || h.OpcMeta["a"] != "v" || !h.LastModified.Equal(p.clock.Now()) {
		t.Errorf("%+v, %v", h, err)
	}
	if v, ok := h.OpcMeta["b"]; !ok || v != "" {
		t.Errorf("metadata %q", h.OpcMeta)
	}
	g, body, err := p.get("k", func(r *objectstorage.GetObjectRequest) { r.HttpResponseContentType = ptr("c/d") })
	if err != nil || body != "body" || *g.ContentType != "c/d" || *g.ContentLength != 4 || g.ContentRange != nil || g.OpcMeta["a"] != "v" {
		t.Errorf("%q, %+v, %v", body, g, err)
	}
	p.mustPut("plain", "")
	if h, err := p.head("plain"); err != nil || *h.ContentType != octetStream || *h.ContentLength != 0 || string(h.StorageTier) != standardTier {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestNames(t *testing.T) {
	p := serve(t, 0)
	names := []string{
		"a", "a//b", "//", "/lead", "trail/", "x/../y", "./.", "a+b", "a b", "a%2Fb", "100%", "a?b#c;d&e=f", "ä/日本/😀", "\x01\t\x7f", strings.Repeat("k", 1024), strings.Repeat("é", 512),
	}
	for _, n := range names {
		p.mustPut(n, "body of "+n)
	}
	for _, n := range names {
		if _, body, err := p.get(n, nil); err != nil || body != "body of "+n {
			t.Errorf("%q: %q, %v", n, body, err)
		}
		if _, err := p.store.Stat(bucketName, n, nil); err != nil {
			t.Error(err)
		}
		if err := p.delete(n, nil); err != nil {
			t.Errorf("%q: %v", n, err)
		}
	}
	for _, n := range []string{"a\nb", "a\rb", "a\x00b", strings.Repeat("k", 1025), "\xff"} {
		_, err := p.put(n, "x", nil)
		p.failed(n, err, 400, "InvalidObjectName")
	}
}

func TestRanges(t *testing.T) {
	p := serve(t, 0)
	p.mustPut("k", "0123456789")
	for in, want := range map[string]string{
		"bytes=0-0": "0", "bytes=2-4": "234", "bytes=7-": "789", "bytes=-3": "789", "bytes=-99": "0123456789", "bytes=0-99": "0123456789", "bytes=9-9": "9",
	} {
		g, body, err := p.get("k", func(r *objectstorage.GetObjectRequest) { r.Range = &in })
		if err != nil || body != want || *g.ContentLength != int64(len(want)) || !strings.HasSuffix(*g.ContentRange, "/10") || g.RawResponse.StatusCode != 206 {
			t.Errorf("%s: %q, %v", in, body, err)
		}
	}
	for _, in := range []string{"bytes=10-", "bytes=5-4", "bytes=-0", "bytes=a-b", "bytes=1", "1-2", "bytes=0-1,3-4", "bytes=--1", "bytes=99999999999999999999-"} {
		_, _, err := p.get("k", func(r *objectstorage.GetObjectRequest) { r.Range = &in })
		p.failed(in, err, 416, "InvalidRange")
	}
	p.mustPut("empty", "")
	_, _, err := p.get("empty", func(r *objectstorage.GetObjectRequest) { r.Range = ptr("bytes=0-") })
	p.failed("of nothing", err, 416, "InvalidRange")
}

func TestConditions(t *testing.T) {
	p := serve(t, 0)
	match := func(etag string) func(*objectstorage.PutObjectRequest) {
		return func(r *objectstorage.PutObjectRequest) { r.IfMatch = &etag }
	}
	create := func(r *objectstorage.PutObjectRequest) { r.IfNoneMatch = ptr("*") }
	_, err := p.put("k", "x", match("any"))
	p.failed("match, absent", err, 412, "NoEtagMatch")
	if _, err = p.put("k", "one", create); err != nil {
		t.Fatal(err)
	}
	_, err = p.put("k", "two", create)
	p.failed("create again", err, 412, "IfNoneMatchFailed")
	_, err = p.put("k", "two", func(r *objectstorage.PutObjectRequest) { r.IfNoneMatch = ptr("abc") })
	p.failed("another condition", err, 400, "InvalidParameter")
	first, body, err := p.get("k", nil)
	if err != nil || body != "one" {
		t.Fatal(body, err)
	}
	two, err := p.put("k", "two", match(*first.ETag))
	if err != nil || *two.ETag == *first.ETag {
		t.Fatal(two, err)
	}
	_, err = p.put("k", "three", match(*first.ETag))
	p.failed("old etag", err, 412, "NoEtagMatch")
	_, _, err = p.get("k", func(r *objectstorage.GetObjectRequest) { r.IfMatch = first.ETag })
	p.failed("read by the old etag", err, 412, "NoEtagMatch")
	if g, _, err := p.get("k", func(r *objectstorage.GetObjectRequest) { r.IfNoneMatch = two.ETag }); err != nil || g.RawResponse.StatusCode != 304 {
		t.Errorf("%+v, %v", g, err)
	}
	p.failed("delete by the old etag", p.delete("k", first.ETag), 412, "NoEtagMatch")
	if err := p.delete("k", two.ETag); err != nil {
		t.Error(err)
	}
	p.failed("delete what is absent", p.delete("k", nil), 404, "ObjectNotFound")
	_, _, err = p.get("k", nil)
	p.failed("read what is absent", err, 404, "ObjectNotFound")
	_, err = p.head("k")
	p.failed("head of what is absent", err, 404, "BadErrorResponse") // there is no body
}

func TestChecksums(t *testing.T) {
	p := serve(t, 0)
	// printf body | openssl dgst -sha256 -binary | base64, and so on; the last is CRC32C.
	good := map[string]string{
		"MD5": sum("body"), "SHA256": "Iw2DWNyOiJC0xY3utikS7i8gNXrpKlzIYbmOaP4xrLU=", "SHA384": "hRespQsp2+ufXYlkqK32Ti9lkrCv9B6t5H9oupo4SSVPrIg78Vg22gBwhuc6FF17", "CRC32C": "Jj/JUA==",
	}
	set := func(name, value string) func(*objectstorage.PutObjectRequest) {
		return func(r *objectstorage.PutObjectRequest) {
			*map[string]**string{"MD5": &r.ContentMD5, "SHA256": &r.OpcContentSha256, "SHA384": &r.OpcContentSha384, "CRC32C": &r.OpcContentCrc32c}[name] = &value
		}
	}
	for name, value := range good {
		if _, err := p.put("good", "body", set(name, value)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := p.put(name, "another body", set(name, value))
		p.failed(name, err, 400, "UnmatchedContent"+name)
		if _, err := p.store.Stat(bucketName, name, nil); !errors.Is(err, objects.ErrNoObject) {
			t.Errorf("%s: it is there: %v", name, err)
		}
	}
	for _, a := range []objectstorage.PutObjectOpcChecksumAlgorithmEnum{
		objectstorage.PutObjectOpcChecksumAlgorithmSha256, objectstorage.PutObjectOpcChecksumAlgorithmSha384, objectstorage.PutObjectOpcChecksumAlgorithmCrc32c,
	} {
		put, err := p.put("kept", "body", func(r *objectstorage.PutObjectRequest) { r.OpcChecksumAlgorithm = a })
		if err != nil {
			t.Fatal(err)
		}
		h, err := p.head("kept")
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []map[string]*string{
			{"SHA256": put.OpcContentSha256, "SHA384": put.OpcContentSha384, "CRC32C": put.OpcContentCrc32c},
			{"SHA256": h.OpcContentSha256, "SHA384": h.OpcContentSha384, "CRC32C": h.OpcContentCrc32c},
		} {
			for name, value := range got {
				if asked := strings.EqualFold(name, string(a)); asked != (value != nil) || asked && *value != good[name] {
					t.Errorf("%s asked: %s is %v", a, name, value)
				}
			}
		}
	}
}

func TestListing(t *testing.T) {
	p := serve(t, 0)
	for _, n := range []string{"a", "a-b", "a/b", "a/c", "a//", "b", "c\x01 ä+%"} {
		p.mustPut(n, "12345")
	}
	p.clock.Advance(time.Minute)
	etag := p.mustPut("b", "123")
	list := func(change func(*objectstorage.ListObjectsRequest)) (names, prefixes, next string, all []objectstorage.ObjectSummary) {
		t.Helper()
		req := objectstorage.ListObjectsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)}
		change(&req)
		resp, err := p.ListObjects(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range resp.Objects {
			names += *o.Name + ";"
		}
		if resp.NextStartWith != nil {
			next = *resp.NextStartWith
		}
		return names, strings.Join(resp.Prefixes, ";"), next, resp.Objects
	}
	for name, c := range map[string]struct {
		change                func(*objectstorage.ListObjectsRequest)
		names, prefixes, next string
	}{
		"all":       {func(*objectstorage.ListObjectsRequest) {}, "a;a-b;a//;a/b;a/c;b;c\x01 ä+%;", "", ""},
		"prefix":    {func(r *objectstorage.ListObjectsRequest) { r.Prefix = ptr("a/") }, "a//;a/b;a/c;", "", ""},
		"delimiter": {func(r *objectstorage.ListObjectsRequest) { r.Delimiter = ptr("/") }, "a;a-b;b;c\x01 ä+%;", "a/", ""},
		"both":      {func(r *objectstorage.ListObjectsRequest) { r.Prefix, r.Delimiter = ptr("a/"), ptr("/") }, "a/b;a/c;", "a//", ""},
		"limit":     {func(r *objectstorage.ListObjectsRequest) { r.Limit, r.Delimiter = ptr(3), ptr("/") }, "a;a-b;", "a/", "b"},
		"start":     {func(r *objectstorage.ListObjectsRequest) { r.Start = ptr("a/c") }, "a/c;b;c\x01 ä+%;", "", ""},
		"after":     {func(r *objectstorage.ListObjectsRequest) { r.StartAfter = ptr("a/c") }, "b;c\x01 ä+%;", "", ""},
		"end":       {func(r *objectstorage.ListObjectsRequest) { r.End = ptr("a/b") }, "a;a-b;a//;", "", ""},
		"none":      {func(r *objectstorage.ListObjectsRequest) { r.Prefix = ptr("x") }, "", "", ""},
	} {
		if names, prefixes, next, _ := list(c.change); names != c.names || prefixes != c.prefixes || next != c.next {
			t.Errorf("%s: %q %q %q", name, names, prefixes, next)
		}
	}
	_, _, _, all := list(func(r *objectstorage.ListObjectsRequest) { r.Prefix = ptr("b") })
	if o := all[0]; o.Size != nil || o.Etag != nil || o.Md5 != nil || o.TimeCreated != nil || o.TimeModified != nil || o.StorageTier != "" {
		t.Errorf("unasked: %+v", o)
	}
	_, _, _, all = list(func(r *objectstorage.ListObjectsRequest) {
		r.Prefix, r.Fields = ptr("b"), ptr("name, SIZE,etag,md5,timeCreated,timeModified,storageTier,archivalState")
	})
	if o := all[0]; *o.Size != 3 || *o.Etag != etag || *o.Md5 != sum("123") || !o.TimeCreated.Equal(p.clock.Now()) || !o.TimeModified.Equal(p.clock.Now()) || o.StorageTier != standardTier {
		t.Errorf("asked: %+v", o)
	}
	for name, change := range map[string]func(*objectstorage.ListObjectsRequest){
		"limit 0":         func(r *objectstorage.ListObjectsRequest) { r.Limit = ptr(0) },
		"limit 1001":      func(r *objectstorage.ListObjectsRequest) { r.Limit = ptr(1001) },
		"other delimiter": func(r *objectstorage.ListObjectsRequest) { r.Delimiter = ptr("-") },
		"other field":     func(r *objectstorage.ListObjectsRequest) { r.Fields = ptr("name,colour") },
	} {
		req := objectstorage.ListObjectsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)}
		change(&req)
		p.failed(name, second(p.ListObjects(t.Context(), req)), 400, "InvalidParameter")
	}
}

func TestWhatIsNotEmulatedIsSaid(t *testing.T) {
	p := serve(t, 0)
	p.mustPut("k", "x")
	_, err := p.put("k", "x", func(r *objectstorage.PutObjectRequest) { r.StorageTier = objectstorage.PutObjectStorageTierArchive })
	p.failed("archive", err, 501, "MethodNotImplemented")
	_, err = p.put("k", "x", func(r *objectstorage.PutObjectRequest) { r.OpcSseCustomerKey = ptr("x") })
	p.failed("customer's key", err, 501, "MethodNotImplemented")
	_, _, err = p.get("k", func(r *objectstorage.GetObjectRequest) { r.VersionId = ptr("v") })
	p.failed("version", err, 501, "MethodNotImplemented")
	p.failed("versions", second(p.ListObjectVersions(t.Context(), objectstorage.ListObjectVersionsRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)})), 404, "NotFound")
	p.failed("update", second(p.UpdateBucket(t.Context(), objectstorage.UpdateBucketRequest{NamespaceName: ptr(namespace), BucketName: ptr(bucketName)})), 405, "MethodNotAllowed")
}

// A body that ends early leaves no object.
func TestCutShortBody(t *testing.T) {
	p := serve(t, 0)
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
		_ = w.CloseWithError(errors.New("the client broke"))
	}()
	_, err := p.put("k", "", func(req *objectstorage.PutObjectRequest) {
		req.ContentLength, req.PutObjectBody = ptr(int64(2<<20)), r
	})
	if err == nil {
		t.Error("no error")
	}
	if _, err := p.store.Stat(bucketName, "k", nil); !errors.Is(err, objects.ErrNoObject) {
		t.Errorf("it is there: %v", err)
	}
}
