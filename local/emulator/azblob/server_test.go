package azblob

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

func TestOddKeys(t *testing.T) {
	dir := t.TempDir()
	t.Run("written", func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		for _, key := range oddKeys {
			w.put(key, "of "+key)
		}
		if _, err := New(Options{Dir: dir}); err == nil {
			t.Error("two servers have the folder open")
		}
	})
	t.Run("read again", func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		want := slices.Sorted(slices.Values(oddKeys))
		if got := w.keys("", "", 7); !slices.Equal(got, want) {
			t.Errorf("listed %q\nwant   %q", got, want)
		}
		for i, key := range oddKeys {
			if got := w.get(key); got != "of "+key {
				t.Errorf("%q holds %q", key, got)
			}
			if got := w.keys(key, "", 0); !slices.Contains(got, key) {
				t.Errorf("not listed under its own name: %q", key)
			}
			to := w.NewBlobClient(fmt.Sprint("copy-", i))
			if _, err := to.StartCopyFromURL(t.Context(), w.NewBlobClient(key).URL(), nil); err != nil {
				t.Errorf("copying %q: %v", key, err)
			} else if got := w.get(fmt.Sprint("copy-", i)); got != "of "+key {
				t.Errorf("the copy of %q holds %q", key, got)
			}
			if _, err := w.NewBlobClient(key).Delete(t.Context(), nil); err != nil {
				t.Errorf("deleting %q: %v", key, err)
			}
			w.absent(key)
		}
	})
}

func TestPages(t *testing.T) {
	w := newWorld(t, Options{})
	var want []string
	for i := range 5100 { // more than a page that nobody bounds
		key := fmt.Sprintf("n/%04d", i)
		want = append(want, key)
		body, err := w.server.store.Stage(t.Context(), strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.server.store.Put(box, key, body, sampleAttributes(), nil); err != nil {
			t.Fatal(err)
		}
	}
	w.put("other", "x")
	for _, size := range []int32{0, 100} {
		if got := w.keys("n/", "", size); !slices.Equal(got, want) {
			t.Errorf("page size %d: %d keys", size, len(got))
		}
	}
	_, err := w.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: to.Ptr(int32(0))}).NextPage(t.Context())
	w.refused(err, http.StatusBadRequest, "OutOfRangeQueryParameterValue")
	_, err = w.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Marker: ptr("%")}).NextPage(t.Context())
	w.refused(err, http.StatusBadRequest, "InvalidQueryParameterValue")
}

func TestFolding(t *testing.T) {
	w := newWorld(t, Options{})
	for _, key := range []string{"/x", "//y", "a", "a/1", "a/2", "a/3", "ab/1", "b//c", "b/d", "c"} {
		w.put(key, key)
	}
	for prefix, want := range map[string][]string{
		"": {"/*", "a", "a/*", "ab/*", "b/*", "c"}, "/": {"//*", "/x"}, "a": {"a", "a/*", "ab/*"}, "a/": {"a/1", "a/2", "a/3"}, "b/": {"b//*", "b/d"}, "z": nil,
	} {
		for size := int32(1); size < 8; size++ {
			if got := w.keys(prefix, "/", size); !slices.Equal(got, want) {
				t.Errorf("prefix %q, pages of %d: %q, want %q", prefix, size, got, want)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "0123456789")
	w.put("empty", "")
	for _, c := range []struct {
		offset, count int64
		want          string
	}{{0, 1, "0"}, {2, 3, "234"}, {8, 0, "89"}, {8, 100, "89"}, {0, 0, "0123456789"}} {
		got, err := w.read("o", &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: c.offset, Count: c.count}})
		if err != nil || got != c.want {
			t.Errorf("%d+%d: %q %v", c.offset, c.count, got, err)
		}
	}
	_, err := w.read("o", &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: 10}})
	w.refused(err, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
	if got := w.get("empty"); got != "" {
		t.Errorf("%q", got)
	}
	out, err := w.NewBlobClient("o").DownloadStream(t.Context(), &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: 2, Count: 3}, RangeGetContentMD5: to.Ptr(true)})
	if err != nil {
		t.Fatal(err)
	}
	_ = out.Body.Close()
	part, whole := md5.Sum([]byte("234")), md5.Sum([]byte("0123456789"))
	if !bytes.Equal(out.ContentMD5, part[:]) || !bytes.Equal(out.BlobContentMD5, whole[:]) || *out.ContentRange != "bytes 2-4/10" {
		t.Errorf("%x %x %s", out.ContentMD5, out.BlobContentMD5, *out.ContentRange)
	}
}

func TestAttributes(t *testing.T) {
	w := newWorld(t, Options{})
	err := w.write("o", "x", &blockblob.UploadOptions{
		HTTPHeaders: &blob.HTTPHeaders{BlobContentType: ptr("text/csv"), BlobContentEncoding: ptr("br"), BlobCacheControl: ptr("no-cache"), BlobContentDisposition: ptr("inline"), BlobContentLanguage: ptr("fr")},
		Metadata:    map[string]*string{"colour": ptr("red"), "a_b": ptr("1"), "ab": ptr("2"), "a1": ptr("3")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.props("o")
	sum := md5.Sum([]byte("x"))
	if *got.ContentType != "text/csv" || *got.ContentEncoding != "br" || *got.CacheControl != "no-cache" || *got.ContentDisposition != "inline" || *got.ContentLanguage != "fr" ||
		!bytes.Equal(got.ContentMD5, sum[:]) || *got.BlobType != blob.BlobTypeBlockBlob || *got.ContentLength != 1 || got.CreationTime == nil || got.LastModified == nil {
		t.Errorf("%+v", got)
	}
	if len(got.Metadata) != 4 || *got.Metadata["Colour"] != "red" || *got.Metadata["A_b"] != "1" {
		t.Errorf("%+v", got.Metadata)
	}
	page, err := w.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Include: container.ListBlobsInclude{Metadata: true}}).NextPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	item := page.Segment.BlobItems[0]
	if len(item.Metadata) != 4 || *item.Metadata["colour"] != "red" || *item.Properties.ContentType != "text/csv" || *item.Properties.ETag != azcore.ETag(strings.Trim(string(*got.ETag), `"`)) ||
		!bytes.Equal(item.Properties.ContentMD5, sum[:]) || *item.Properties.ContentLength != 1 || !item.Properties.LastModified.Equal(*got.LastModified) {
		t.Errorf("%+v %+v", item, item.Properties)
	}

	b := w.NewBlobClient("o")
	if _, err := b.SetHTTPHeaders(t.Context(), blob.HTTPHeaders{BlobContentType: ptr("a/b")}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetMetadata(t.Context(), map[string]*string{"n": ptr("4")}, nil); err != nil {
		t.Fatal(err)
	}
	now := w.props("o")
	if *now.ContentType != "a/b" || now.CacheControl != nil || now.ContentMD5 != nil || len(now.Metadata) != 1 || *now.ETag == *got.ETag || !now.CreationTime.Equal(*got.CreationTime) {
		t.Errorf("%+v", now)
	}
	_, err = b.SetMetadata(t.Context(), map[string]*string{"a-b": ptr("1")}, nil)
	w.refused(err, http.StatusBadRequest, "InvalidMetadata")
	_, err = b.SetMetadata(t.Context(), map[string]*string{"a": ptr(strings.Repeat("x", 9000))}, nil)
	w.refused(err, http.StatusBadRequest, "MetadataTooLarge")
	w.put("o", "y") // replaces everything
	if again := w.props("o"); *again.ContentType != "application/octet-stream" || len(again.Metadata) != 0 {
		t.Errorf("%+v", again)
	}
}

func TestConditions(t *testing.T) {
	w := newWorld(t, Options{})
	write := func(key string, c blob.ModifiedAccessConditions) error {
		return w.write(key, "two", &blockblob.UploadOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &c}})
	}
	read := func(c blob.ModifiedAccessConditions) error {
		_, err := w.read("o", &blob.DownloadStreamOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &c}})
		return err
	}
	w.put("o", "one")
	etag, other, anyETag := w.props("o").ETag, to.Ptr(azcore.ETag(`"0x1"`)), to.Ptr(azcore.ETagAny)
	hourAgo, hence := to.Ptr(time.Now().Add(-time.Hour)), to.Ptr(time.Now().Add(time.Hour))
	w.refused(write("o", blob.ModifiedAccessConditions{IfNoneMatch: anyETag}), http.StatusConflict, "BlobAlreadyExists")
	w.refused(write("o", blob.ModifiedAccessConditions{IfMatch: other}), http.StatusPreconditionFailed, "ConditionNotMet")
	w.refused(write("absent", blob.ModifiedAccessConditions{IfMatch: anyETag}), http.StatusPreconditionFailed, "ConditionNotMet")
	w.refused(write("o", blob.ModifiedAccessConditions{IfUnmodifiedSince: hourAgo}), http.StatusPreconditionFailed, "ConditionNotMet")
	w.refused(write("o", blob.ModifiedAccessConditions{IfNoneMatch: etag}), http.StatusPreconditionFailed, "ConditionNotMet")
	w.refused(read(blob.ModifiedAccessConditions{IfMatch: other}), http.StatusPreconditionFailed, "ConditionNotMet")
	for name, value := range map[string]string{"If-None-Match": string(*etag), "If-Modified-Since": hence.UTC().Format(http.TimeFormat)} {
		if resp, body := w.signed(http.MethodGet, "/"+box+"/o", nil, name, value); resp.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	if got := w.get("o"); got != "one" {
		t.Errorf("a refused write wrote %q", got)
	}
	for _, c := range []blob.ModifiedAccessConditions{{IfMatch: etag}, {IfNoneMatch: other}, {IfModifiedSince: hourAgo}, {IfUnmodifiedSince: hence}} {
		if err := read(c); err != nil {
			t.Error(err)
		}
	}
	_, err := w.NewBlobClient("o").Delete(t.Context(), &blob.DeleteOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfMatch: other}}})
	w.refused(err, http.StatusPreconditionFailed, "ConditionNotMet")
	if err := write("o", blob.ModifiedAccessConditions{IfMatch: etag}); err != nil {
		t.Error(err)
	}
	if err := write("new", blob.ModifiedAccessConditions{IfNoneMatch: anyETag}); err != nil {
		t.Error(err)
	}
}

func TestOneOfSixteenCreates(t *testing.T) {
	w := newWorld(t, Options{})
	only := &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}
	race := func(create func(i int) error) {
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := create(i); err == nil {
					won.Add(1)
				} else {
					w.refused(err, http.StatusConflict, "BlobAlreadyExists")
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 16 writers won", won.Load())
		}
	}
	for round := range 20 {
		race(func(i int) error {
			return w.write(fmt.Sprint("round-", round), fmt.Sprint(i), &blockblob.UploadOptions{AccessConditions: only})
		})
	}
	b := w.NewBlockBlobClient("blocks")
	id := base64.StdEncoding.EncodeToString([]byte("1"))
	w.put("first", "x")
	if _, err := b.StageBlock(t.Context(), id, seekable([]byte("x")), nil); err != nil {
		t.Fatal(err)
	}
	race(func(int) error {
		_, err := b.CommitBlockList(t.Context(), nil, &blockblob.CommitBlockListOptions{AccessConditions: only})
		return err
	})
}

func TestBlocks(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()})
	b := w.NewBlockBlobClient("o")
	id := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	stage := func(name, body string) {
		if _, err := b.StageBlock(t.Context(), id(name), seekable([]byte(body)), nil); err != nil {
			t.Fatal(err)
		}
	}
	stage("1", "one ")
	stage("2", "two ")
	stage("3", "three ")
	w.absent("o") // what is not committed is not there
	list, err := b.GetBlockList(t.Context(), blockblob.BlockListTypeAll, nil)
	if err != nil || len(list.UncommittedBlocks) != 3 || len(list.CommittedBlocks) != 0 || *list.UncommittedBlocks[2].Size != 6 {
		t.Errorf("%+v %v", list, err)
	}
	_, err = b.CommitBlockList(t.Context(), []string{id("2"), id("1")}, &blockblob.CommitBlockListOptions{HTTPHeaders: &blob.HTTPHeaders{BlobContentType: ptr("text/x")}, Metadata: map[string]*string{"m": ptr("1")}})
	if err != nil || w.get("o") != "two one " {
		t.Fatalf("%v", err)
	}
	if got := w.props("o"); *got.ContentType != "text/x" || len(got.Metadata) != 1 || got.ContentMD5 != nil {
		t.Errorf("%+v", got)
	}
	list, err = b.GetBlockList(t.Context(), blockblob.BlockListTypeAll, nil)
	if err != nil || len(list.UncommittedBlocks) != 0 || len(list.CommittedBlocks) != 2 || *list.BlobContentLength != 8 {
		t.Errorf("%+v %v", list, err)
	}
	// Committed ones may be used again, and the waiting one of that name wins.
	stage("2", "zwei ")
	if _, err := b.CommitBlockList(t.Context(), []string{id("1"), id("2")}, nil); err != nil || w.get("o") != "one zwei " {
		t.Errorf("%v", err)
	}
	_, err = b.CommitBlockList(t.Context(), []string{id("3")}, nil)
	w.refused(err, http.StatusBadRequest, "InvalidBlockList")
	if got := w.get("o"); got != "one zwei " {
		t.Errorf("a refused list wrote %q", got)
	}
	stage("4", "x")
	_, err = b.StageBlock(t.Context(), id("long"), seekable([]byte("x")), nil)
	w.refused(err, http.StatusBadRequest, "InvalidBlobOrBlock")
	_, err = b.StageBlock(t.Context(), "not base64!", seekable([]byte("x")), nil)
	w.refused(err, http.StatusBadRequest, "InvalidQueryParameterValue")
	w.put("o", "whole") // forgets what waits
	list, err = b.GetBlockList(t.Context(), blockblob.BlockListTypeAll, nil)
	if err != nil || len(list.UncommittedBlocks) != 0 || len(list.CommittedBlocks) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	if _, err := b.CommitBlockList(t.Context(), nil, nil); err != nil || w.get("o") != "" {
		t.Errorf("an empty list: %v", err)
	}
	for _, body := range []string{"", "<BlockList>", "<Other></Other>", "<BlockList><Block>MQ==</Block></BlockList>", "x"} {
		resp, text := w.signed(http.MethodPut, "/"+box+"/o?comp=blocklist", []byte(body))
		w.is(resp, text, http.StatusBadRequest, "InvalidXmlDocument")
	}
}

func FuzzReadBlockList(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><BlockList><Latest>MQ==</Latest><Committed>Mg==</Committed></BlockList>`))
	f.Add([]byte(`<BlockList/>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := readBlockList(bytes.NewReader(body))
		if err == nil && len(list) > len(body) {
			t.Fatalf("%d blocks in %d bytes", len(list), len(body))
		}
	})
}

func TestLargeUploads(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()})
	body := make([]byte, 40<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	if _, err := w.NewBlockBlobClient("big").UploadStream(t.Context(), bytes.NewReader(body), &blockblob.UploadStreamOptions{BlockSize: 4 << 20, Concurrency: 3}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(body))
	if _, err := w.NewBlobClient("big").DownloadBuffer(t.Context(), got, nil); err != nil || !bytes.Equal(got, body) {
		t.Errorf("the blob is not what was sent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	from := &stopping{Reader: bytes.NewReader(body), after: 20 << 20, stop: cancel}
	if _, err := w.NewBlockBlobClient("cancelled").UploadStream(ctx, from, nil); err == nil {
		t.Error("a cancelled write ended well")
	}
	w.absent("cancelled")
}

// stopping calls stop when it has been read so far.
type stopping struct {
	io.Reader
	after int
	stop  func()
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.after -= n; s.after <= 0 {
		s.stop()
	}
	return n, err
}

func TestCopies(t *testing.T) {
	w := newWorld(t, Options{})
	if err := w.write("o", "x", &blockblob.UploadOptions{HTTPHeaders: &blob.HTTPHeaders{BlobContentType: ptr("text/csv")}, Metadata: map[string]*string{"m": ptr("1")}}); err != nil {
		t.Fatal(err)
	}
	from := w.NewBlobClient("o")
	cp := func(to, source string, o *blob.StartCopyFromURLOptions) (blob.StartCopyFromURLResponse, error) {
		return w.NewBlobClient(to).StartCopyFromURL(t.Context(), source, o)
	}
	out, err := cp("kept", from.URL(), nil)
	if err != nil || *out.CopyStatus != blob.CopyStatusTypeSuccess || *out.CopyID == "" {
		t.Fatalf("%+v %v", out, err)
	}
	if got := w.props("kept"); *got.ContentType != "text/csv" || *got.Metadata["M"] != "1" || *got.CopyStatus != blob.CopyStatusTypeSuccess || *got.CopyID != *out.CopyID || *got.CopyProgress != "1/1" || *got.CopySource != from.URL() {
		t.Errorf("%+v", got)
	}
	if _, err := cp("replaced", from.URL(), &blob.StartCopyFromURLOptions{Metadata: map[string]*string{"n": ptr("2")}}); err != nil {
		t.Fatal(err)
	}
	if got := w.props("replaced"); len(got.Metadata) != 1 || *got.Metadata["N"] != "2" {
		t.Errorf("%+v", got.Metadata)
	}
	if _, err := w.NewBlobClient("sync").CopyFromURL(t.Context(), from.URL(), nil); err != nil || w.get("sync") != "x" {
		t.Error(err)
	}
	_, err = cp("new", w.NewBlobClient("absent").URL(), nil)
	w.refused(err, http.StatusNotFound, "CannotVerifyCopySource")
	_, err = cp("new", "https://example.com/devstoreaccount1/box/o", nil)
	w.refused(err, http.StatusNotImplemented, "NotImplemented")
	_, err = cp("kept", from.URL(), &blob.StartCopyFromURLOptions{AccessConditions: &blob.AccessConditions{ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: to.Ptr(azcore.ETagAny)}}})
	w.refused(err, http.StatusConflict, "BlobAlreadyExists")
	_, err = cp("new", from.URL(), &blob.StartCopyFromURLOptions{SourceModifiedAccessConditions: &blob.SourceModifiedAccessConditions{SourceIfMatch: to.Ptr(azcore.ETag(`"0x1"`))}})
	w.refused(err, http.StatusPreconditionFailed, "SourceConditionNotMet")
	w.absent("new")
}

func TestContainers(t *testing.T) {
	w := newWorld(t, Options{})
	c := w.service.ServiceClient().NewContainerClient("second")
	if _, err := c.Create(t.Context(), &container.CreateOptions{Metadata: map[string]*string{"m": ptr("1")}}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Create(t.Context(), nil)
	w.refused(err, http.StatusConflict, "ContainerAlreadyExists")
	got, err := c.GetProperties(t.Context(), nil)
	if err != nil || *got.Metadata["M"] != "1" || got.ETag == nil {
		t.Errorf("%+v %v", got, err)
	}
	var names []string
	for p := w.service.NewListContainersPager(&sdk.ListContainersOptions{MaxResults: to.Ptr(int32(1))}); p.More(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.ContainerItems {
			names = append(names, *c.Name)
		}
	}
	if !slices.Equal(names, []string{"second", box}) {
		t.Errorf("%q", names)
	}
	if _, err := c.Delete(t.Context(), nil); err != nil {
		t.Error(err)
	}
	_, err = c.GetProperties(t.Context(), nil)
	w.refused(err, http.StatusNotFound, "ContainerNotFound")
	for _, bad := range []string{"ab", "Upper", "two--dashes", "-lead", "trail-", strings.Repeat("x", 64)} {
		_, err := w.service.CreateContainer(t.Context(), bad, nil)
		w.refused(err, http.StatusBadRequest, "InvalidResourceName")
		if err := w.server.CreateBucket(t.Context(), bad); err == nil {
			t.Errorf("%q was made", bad)
		}
	}
}

func TestMissing(t *testing.T) {
	w := newWorld(t, Options{})
	w.absent("nothing")
	_, err := w.NewBlobClient("nothing").GetProperties(t.Context(), nil)
	w.refused(err, http.StatusNotFound, "BlobNotFound")
	_, err = w.NewBlobClient("nothing").Delete(t.Context(), nil)
	w.refused(err, http.StatusNotFound, "BlobNotFound")
	no := w.service.ServiceClient().NewContainerClient("no-box")
	_, err = no.NewBlockBlobClient("o").Upload(t.Context(), seekable(make([]byte, 4<<20)), nil)
	w.refused(err, http.StatusNotFound, "ContainerNotFound")
	_, err = no.NewBlockBlobClient("o").StageBlock(t.Context(), "MQ==", seekable([]byte("x")), nil)
	w.refused(err, http.StatusNotFound, "ContainerNotFound")
	_, err = no.NewListBlobsFlatPager(nil).NextPage(t.Context())
	w.refused(err, http.StatusNotFound, "ContainerNotFound")
	w.refused(w.write(strings.Repeat("k", 1025), "x", nil), http.StatusBadRequest, "InvalidResourceName")
}

// TestNotEmulated: nothing is done as if it could be.
func TestNotEmulated(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "mine")
	b := w.NewBlobClient("o")
	_, err := b.CreateSnapshot(t.Context(), nil)
	w.refused(err, http.StatusNotImplemented, "NotImplemented")
	_, err = b.SetTier(t.Context(), blob.AccessTierCool, nil)
	w.refused(err, http.StatusNotImplemented, "NotImplemented")
	_, err = b.SetTags(t.Context(), map[string]string{"a": "b"}, nil)
	w.refused(err, http.StatusNotImplemented, "NotImplemented")
	_, err = w.NewAppendBlobClient("new").Create(t.Context(), nil)
	w.refused(err, http.StatusNotImplemented, "NotImplemented")
	w.absent("new")
	include := blob.DeleteSnapshotsOptionTypeInclude
	only := blob.DeleteSnapshotsOptionTypeOnly
	if _, err := b.Delete(t.Context(), &blob.DeleteOptions{DeleteSnapshots: &only}); err != nil || w.get("o") != "mine" {
		t.Errorf("only its snapshots were to go: %v", err)
	}
	if _, err := b.Delete(t.Context(), &blob.DeleteOptions{DeleteSnapshots: &include}); err != nil {
		t.Error(err)
	}
	w.absent("o")
}

func TestDigests(t *testing.T) {
	w := newWorld(t, Options{})
	zero := base64.StdEncoding.EncodeToString(make([]byte, 16))
	resp, body := w.signed(http.MethodPut, "/"+box+"/o", []byte("x"), "X-Ms-Blob-Type", blockBlob, "Content-MD5", zero)
	w.is(resp, body, http.StatusBadRequest, "Md5Mismatch")
	resp, body = w.signed(http.MethodPut, "/"+box+"/o", []byte("x"), "X-Ms-Blob-Type", blockBlob, "X-Ms-Content-Crc64", "AAAAAAAAAAA=")
	w.is(resp, body, http.StatusBadRequest, "Crc64Mismatch")
	w.absent("o")
	b := w.NewBlockBlobClient("o")
	if _, err := b.Upload(t.Context(), seekable([]byte("body")), &blockblob.UploadOptions{TransactionalValidation: blob.TransferValidationTypeComputeCRC64()}); err != nil {
		t.Error(err)
	}
	if _, err := b.StageBlock(t.Context(), "MQ==", seekable([]byte("body")), &blockblob.StageBlockOptions{TransactionalValidation: blob.TransferValidationTypeComputeCRC64()}); err != nil {
		t.Error(err)
	}
}

func TestSignatures(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "x")
	path := "/" + box + "/o"
	now := w.server.clock.Now().UTC().Format(http.TimeFormat)
	key := "SharedKey " + Account + ":"
	for name, headers := range map[string][]string{
		"none":          nil,
		"bearer":        {"Authorization", "Bearer abc"},
		"lite":          {"Authorization", "SharedKeyLite " + Account + ":abc", "X-Ms-Date", now},
		"no signature":  {"Authorization", "SharedKey " + Account, "X-Ms-Date", now},
		"other account": {"Authorization", "SharedKey other:" + sign(""), "X-Ms-Date", now},
		"no date":       {"Authorization", key + sign(""), "X-Ms-Version", "2021-12-02"},
		"old":           {"Authorization", key + sign(""), "X-Ms-Version", "2021-12-02", "X-Ms-Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)},
		"wrong":         {"Authorization", key + sign("x"), "X-Ms-Version", "2021-12-02", "X-Ms-Date", now},
	} {
		resp, body := w.do(http.MethodGet, path, nil, headers...)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "<Code>AuthenticationFailed</Code>") {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
	if resp, body := w.signed(http.MethodGet, path, nil); resp.StatusCode != http.StatusOK || body != "x" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, body := w.signed(http.MethodGet, path, nil, "X-Ms-Version", "")
	w.is(resp, body, http.StatusBadRequest, "InvalidHeaderValue")

	url, err := w.NewBlobClient("o").GetSASURL(sas.BlobPermissions{Read: true}, time.Now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	path = strings.TrimPrefix(url, w.url)
	if resp, body := w.do(http.MethodGet, path, nil); resp.StatusCode != http.StatusOK || body != "x" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	for old, replacement := range map[string]string{"se=2": "se=1", "sig=": "sig=A"} {
		resp, body := w.do(http.MethodGet, strings.Replace(path, old, replacement, 1), nil)
		w.is(resp, body, http.StatusForbidden, "AuthenticationFailed")
	}
}

func TestClosed(t *testing.T) {
	w := newWorld(t, Options{})
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.read("o", nil)
	w.refused(err, http.StatusServiceUnavailable, "ServerBusy")
}
