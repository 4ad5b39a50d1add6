package ociblob

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

func oddKeys() []string {
	return []string{
		"a", "a b", "a#b", "a%20b", "a+b", "a//b", "a/b/", "/lead", "trail/", "//", "a?b=c&d", "ä/ü/日本", "emoji 😀", "x/../y", "../up", "./x", "a\x01\x1f\x7fb",
		"line\nfeed\rreturn\x00nul", "__0x2f__", "__0x5f_", "a\\b", `q"'`, "{objectName}", "{bucketName}/{namespaceName}", strings.Repeat("k", 1024), strings.Repeat("d/", 512),
	}
}

func TestOddKeys(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	keys := oddKeys()
	for _, k := range keys {
		if err := b.WriteAll(t.Context(), k, []byte(k), nil); err != nil {
			t.Fatalf("%q: %v", k, err)
		}
	}
	for _, k := range keys {
		if got, err := b.ReadAll(t.Context(), k); err != nil || string(got) != k {
			t.Errorf("%q reads %q, %v", k, got, err)
		}
		if err := b.Upload(t.Context(), k, strings.NewReader("x"), &blob.WriterOptions{ContentType: "a/b", IfNotExist: true}); gcerrors.Code(err) != gcerrors.FailedPrecondition {
			t.Errorf("%q again: %v", k, err)
		}
	}
	for _, prefix := range []string{"", "a", "a/", "/", "//", "trail/", "line\n", "__0x", "../"} {
		var want, got []string
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		for page, token := []*blob.ListObject(nil), blob.FirstPageToken; ; { // small pages
			var err error
			page, token, err = b.ListPage(t.Context(), token, 3, &blob.ListOptions{Prefix: prefix})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page {
				got = append(got, o.Key)
				if o.Size != int64(len(o.Key)) || o.ModTime.IsZero() || o.MD5 == nil {
					t.Errorf("%q is listed as %+v", o.Key, o)
				}
			}
			if token == nil {
				break
			}
		}
		slices.Sort(want)
		slices.Sort(got) // escaping moves some
		if !slices.Equal(got, want) {
			t.Errorf("under %q:\ngot  %q\nwant %q", prefix, got, want)
		}
	}
	for _, k := range keys {
		if err := b.Delete(t.Context(), k); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
	if _, err := b.List(nil).Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("left: %v", err)
	}
	if err := b.WriteAll(t.Context(), strings.Repeat("k", 1025), nil, nil); gcerrors.Code(err) != gcerrors.InvalidArgument {
		t.Errorf("1,025 bytes: %v", err)
	}
}

func TestRanges(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	body := noise(5*part + 11) // of parts
	if err := b.Upload(t.Context(), "k", bytes.NewReader(body), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"}); err != nil {
		t.Fatal(err)
	}
	size := int64(len(body))
	for _, c := range [][2]int64{{0, 1}, {0, size}, {0, size + 1}, {part - 1, 2}, {part, part}, {size - 1, 1}, {size - 1, -1}, {17, -1}, {3*part - 5, 2 * part}, {9, 0}} {
		r, err := b.NewRangeReader(t.Context(), "k", c[0], c[1], nil)
		if err != nil {
			t.Fatal(c, err)
		}
		got, err := io.ReadAll(r)
		end := size
		if c[1] >= 0 {
			end = min(size, c[0]+c[1])
		}
		if err != nil || !bytes.Equal(got, body[c[0]:end]) || r.Size() != size || r.ContentType() != "a/b" || r.ModTime().IsZero() {
			t.Errorf("%v: %d bytes of %d, %v", c, len(got), r.Size(), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.NewRangeReader(t.Context(), "k", size, 1, nil); gcerrors.Code(err) != gcerrors.InvalidArgument {
		t.Errorf("behind the end: %v", err)
	}
	// An object that has changed is not read as if it had not.
	whatever, other := "*", "other"
	for name, change := range map[string]func(*objectstorage.GetObjectRequest){
		"another etag": func(r *objectstorage.GetObjectRequest) { r.IfMatch = &other },
		"not modified": func(r *objectstorage.GetObjectRequest) { r.IfNoneMatch = &whatever },
	} {
		_, err := b.NewRangeReader(t.Context(), "k", 0, -1, &blob.ReaderOptions{BeforeRead: func(as func(any) bool) error {
			var req *objectstorage.GetObjectRequest
			if !as(&req) {
				return errors.New("no request")
			}
			change(req)
			return nil
		}})
		if gcerrors.Code(err) != gcerrors.FailedPrecondition {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTruncatedDownload(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	s.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("content-length", "100")
		_, _ = w.Write([]byte("short"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if got, err := b.ReadAll(t.Context(), "k"); !errors.Is(err, io.ErrUnexpectedEOF) || s.count() != 1 {
		t.Errorf("read %q in %d requests, %v", got, s.count(), err)
	}
}

func TestWrongPlaces(t *testing.T) {
	s := serve(t, serviceOptions{})
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key               *rsa.PrivateKey
		namespace, bucket string
		code              gcerrors.ErrorCode
		says              string
	}{
		"namespace": {key(), "other", bucketName, gcerrors.NotFound, "NamespaceNotFound"},
		"bucket":    {key(), namespace, "other", gcerrors.NotFound, "BucketNotFound"},
		"key":       {stranger, namespace, bucketName, gcerrors.PermissionDenied, "NotAuthenticated"},
	} {
		b, err := OpenBucket(s.client(t, c.key), c.namespace, c.bucket, nil)
		if err != nil {
			t.Fatal(err)
		}
		for op, err := range map[string]error{
			"read":   func() error { _, err := b.ReadAll(t.Context(), "k"); return err }(),
			"write":  b.WriteAll(t.Context(), "k", []byte("x"), nil),
			"parts":  b.Upload(t.Context(), "k", bytes.NewReader(noise(3*part)), &blob.WriterOptions{BufferSize: part, ContentType: "a/b"}),
			"list":   func() error { _, err := b.List(nil).Next(t.Context()); return err }(),
			"delete": b.Delete(t.Context(), "k"),
			"copy":   b.Copy(t.Context(), "l", "k", nil),
		} {
			if gcerrors.Code(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("wrong %s, %s: %v", name, op, err)
			}
			if strings.Contains(fmt.Sprint(err), "Signature") || strings.Contains(fmt.Sprint(err), print16) {
				t.Errorf("wrong %s, %s: the error tells too much: %v", name, op, err)
			}
		}
		if _, err := b.Attributes(t.Context(), "k"); gcerrors.Code(err) != c.code { // HEAD: no code in the answer
			t.Errorf("wrong %s, attributes: %v", name, err)
		}
		if there, err := b.IsAccessible(t.Context()); there || c.code == gcerrors.NotFound && err != nil {
			t.Errorf("wrong %s, accessible: %v, %v", name, there, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := OpenBucket(objectstorage.ObjectStorageClient{}, namespace, bucketName, nil); err == nil {
		t.Error("a client that is none was taken")
	}
	for _, names := range [][2]string{{"", bucketName}, {namespace, ""}} {
		if _, err := OpenBucket(s.client(t, key()), names[0], names[1], nil); err == nil {
			t.Errorf("%q was taken", names)
		}
	}
}

// The SDK's HTTP client gives up after a minute, whatever was read by then.
func TestTransfersAreNotTimed(t *testing.T) {
	s := serve(t, serviceOptions{})
	client := s.client(t, key())
	c, ok := client.HTTPClient.(*http.Client)
	if !ok {
		t.Fatalf("%T", client.HTTPClient)
	}
	c.Timeout = time.Nanosecond
	b, err := OpenBucket(client, namespace, bucketName, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := b.WriteAll(t.Context(), "k", []byte("body"), nil); err != nil {
		t.Error(err)
	}
	if c.Timeout != time.Nanosecond {
		t.Error("the caller's client was changed")
	}
}

func TestOtherDelimiters(t *testing.T) {
	s := serve(t, serviceOptions{})
	b := s.open(t, nil)
	if _, err := b.List(&blob.ListOptions{Delimiter: "-"}).Next(t.Context()); gcerrors.Code(err) != gcerrors.Unimplemented {
		t.Errorf("got %v", err)
	}
}
