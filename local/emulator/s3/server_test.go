package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestOddKeys(t *testing.T) {
	w := newWorld(t, Options{})
	for _, key := range oddKeys {
		w.put(key, "of "+key)
	}
	want := slices.Sorted(slices.Values(oddKeys))
	if got := w.keys(&sdk.ListObjectsV2Input{EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(7)}); !slices.Equal(got, want) {
		t.Errorf("listed %q\nwant   %q", got, want)
	}
	for _, key := range oddKeys {
		if got := w.get(key); got != "of "+key {
			t.Errorf("%q holds %q", key, got)
		}
		if got := w.keys(&sdk.ListObjectsV2Input{EncodingType: types.EncodingTypeUrl, Prefix: aws.String(key)}); !slices.Contains(got, key) {
			t.Errorf("not listed under its own name: %q", key)
		}
		if _, err := w.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}); err != nil {
			t.Errorf("deleting %q: %v", key, err)
		}
		w.absent(key)
	}
}

// keys lists all pages.
func (w *world) keys(in *sdk.ListObjectsV2Input) []string {
	w.Helper()
	in.Bucket = aws.String(bucket)
	var out []string
	for p := sdk.NewListObjectsV2Paginator(w, in); p.HasMorePages(); {
		page, err := p.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if in.MaxKeys != nil && len(page.Contents)+len(page.CommonPrefixes) > int(*in.MaxKeys) {
			w.Errorf("a page of %d entries", len(page.Contents)+len(page.CommonPrefixes))
		}
		var names []string
		for _, o := range page.Contents {
			names = append(names, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			names = append(names, *p.Prefix+"*")
		}
		for _, name := range names {
			if in.EncodingType == types.EncodingTypeUrl {
				name = unescape(w, name)
			}
			out = append(out, name)
		}
	}
	return out
}

func TestPages(t *testing.T) {
	w := newWorld(t, Options{})
	var want []string
	for i := range 2500 {
		key := fmt.Sprintf("n/%04d", i)
		w.put(key, key)
		want = append(want, key)
	}
	for _, size := range []int32{0, 100, 999} {
		in := &sdk.ListObjectsV2Input{Prefix: aws.String("n/")}
		if size > 0 {
			in.MaxKeys = aws.Int32(size)
		}
		if got := w.keys(in); !slices.Equal(got, want) {
			t.Errorf("page size %d: %d keys", size, len(got))
		}
	}
	if got := w.keys(&sdk.ListObjectsV2Input{StartAfter: aws.String("n/2497")}); !slices.Equal(got, []string{"n/2498", "n/2499"}) {
		t.Errorf("after n/2497: %q", got)
	}
	page, err := w.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String(bucket), MaxKeys: aws.Int32(0)})
	if err != nil || *page.KeyCount != 0 || *page.IsTruncated {
		t.Errorf("a page of size 0: %+v %v", page, err)
	}
}

// TestFolding fails on gofakes3's own listings: they lose leading slashes and
// repeat prefixes from one page to the next.
func TestFolding(t *testing.T) {
	w := newWorld(t, Options{})
	for _, key := range []string{"/x", "//y", "a", "a/1", "a/2", "a/3", "ab/1", "b//c", "b/d", "c"} {
		w.put(key, key)
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"/*", "a", "a/*", "ab/*", "b/*", "c"}},
		{"/", []string{"//*", "/x"}},
		{"a", []string{"a", "a/*", "ab/*"}},
		{"a/", []string{"a/1", "a/2", "a/3"}},
		{"b/", []string{"b//*", "b/d"}},
		{"z", nil},
	} {
		for size := int32(1); size < 8; size++ {
			got := w.keys(&sdk.ListObjectsV2Input{Prefix: aws.String(c.prefix), Delimiter: aws.String("/"), MaxKeys: aws.Int32(size)})
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("prefix %q, pages of %d: %q, want %q", c.prefix, size, got, c.want)
			}
			if got := w.keysV1(c.prefix, size); !slices.Equal(got, c.want) {
				t.Errorf("version 1, prefix %q, pages of %d: %q, want %q", c.prefix, size, got, c.want)
			}
		}
	}
}

func (w *world) keysV1(prefix string, size int32) []string {
	w.Helper()
	var out []string
	in := &sdk.ListObjectsInput{Bucket: aws.String(bucket), Prefix: aws.String(prefix), Delimiter: aws.String("/"), MaxKeys: aws.Int32(size)}
	for range 20 {
		page, err := w.ListObjects(w.Context(), in)
		if err != nil {
			w.Fatal(err)
		}
		for _, o := range page.Contents {
			out = append(out, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			out = append(out, *p.Prefix+"*")
		}
		if !*page.IsTruncated {
			slices.Sort(out)
			return out
		}
		in.Marker = page.NextMarker
	}
	w.Fatalf("the listing has no end: %q", out)
	return nil
}

func TestRanges(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "0123456789")
	w.put("empty", "")
	for _, c := range []struct{ key, header, want, contentRange string }{
		{"o", "bytes=0-0", "0", "bytes 0-0/10"},
		{"o", "bytes=2-4", "234", "bytes 2-4/10"},
		{"o", "bytes=8-", "89", "bytes 8-9/10"},
		{"o", "bytes=8-100", "89", "bytes 8-9/10"},
		{"o", "bytes=-3", "789", "bytes 7-9/10"},
		{"o", "bytes=-30", "0123456789", "bytes 0-9/10"},
		{"o", "bytes=4-2", "0123456789", ""}, // not a range
		{"o", "lines=1-2", "0123456789", ""},
		{"empty", "", "", ""},
	} {
		out, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(c.key), Range: aws.String(c.header)})
		if err != nil {
			t.Errorf("%s: %v", c.header, err)
			continue
		}
		b, err := io.ReadAll(out.Body)
		if err != nil || string(b) != c.want || aws.ToString(out.ContentRange) != c.contentRange || *out.ContentLength != int64(len(c.want)) {
			t.Errorf("%s: %q %q %d %v", c.header, b, aws.ToString(out.ContentRange), *out.ContentLength, err)
		}
		_ = out.Body.Close()
	}
	for _, c := range [][2]string{{"o", "bytes=10-"}, {"o", "bytes=-0"}, {"empty", "bytes=0-"}, {"empty", "bytes=-1"}} {
		_, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(c[0]), Range: aws.String(c[1])})
		w.refused(err, "InvalidRange")
	}
}

func TestOneOfSixteenCreates(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()})
	for round := range 20 {
		key := fmt.Sprint("round-", round)
		w.race(func(i int) error {
			_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{
				Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(fmt.Sprint(i)), IfNoneMatch: aws.String("*"),
			})
			return err
		})
	}
}

// race holds that exactly one of sixteen succeeds and that the others are told
// why not.
func (w *world) race(create func(i int) error) {
	w.Helper()
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if err := create(i); err == nil {
				won.Add(1)
			} else {
				w.refused(err, "PreconditionFailed")
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		w.Errorf("%d of 16 writers won", won.Load())
	}
}

func TestConditions(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "one")
	etag := w.head("o").ETag
	put := func(key string, match *string) error {
		_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("two"), IfMatch: match})
		return err
	}
	w.refused(put("o", aws.String(`"0123"`)), "PreconditionFailed")
	w.refused(put("absent", etag), "NoSuchKey")
	if err := put("o", etag); err != nil {
		t.Error(err)
	}
	read := func(match, none *string) error {
		out, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("o"), IfMatch: match, IfNoneMatch: none})
		if err == nil {
			_ = out.Body.Close()
		}
		return err
	}
	w.refused(read(etag, nil), "PreconditionFailed") // gofakes3 ignores it
	w.refused(read(nil, w.head("o").ETag), "NotModified")
	if err := read(w.head("o").ETag, etag); err != nil {
		t.Error(err)
	}
	_, err := w.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("o"), IfMatch: etag})
	w.refused(err, "PreconditionFailed")
}

func (w *world) head(key string) *sdk.HeadObjectOutput {
	w.Helper()
	out, err := w.HeadObject(w.Context(), &sdk.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		w.Fatalf("head %q: %v", key, err)
	}
	return out
}

// TestMetadataIsReplaced fails on gofakes3's backends: they merge that of the
// object before.
func TestMetadataIsReplaced(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("o"), Body: strings.NewReader("x"), ContentType: aws.String("text/csv"), ContentEncoding: aws.String("gzip"),
		CacheControl: aws.String("no-cache"), Metadata: map[string]string{"colour": "red", "one": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := w.head("o")
	if *got.ContentType != "text/csv" || *got.ContentEncoding != "gzip" || *got.CacheControl != "no-cache" || got.Metadata["colour"] != "red" {
		t.Errorf("%+v", got)
	}
	w.put("o", "y")
	if got := w.head("o"); *got.ContentType == "text/csv" || got.ContentEncoding != nil || got.CacheControl != nil || len(got.Metadata) > 0 {
		t.Errorf("what was written anew has kept %+v", got)
	}
	_, err = w.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("o"), Body: strings.NewReader("x"), Metadata: map[string]string{"m": strings.Repeat("x", 2048)},
	})
	w.refused(err, "MetadataTooLarge")
}

func TestMissing(t *testing.T) {
	w := newWorld(t, Options{})
	w.absent("nothing")
	_, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("no-bucket"), Key: aws.String("o")})
	w.refused(err, "NoSuchBucket")
	_, err = w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("no-bucket"), Key: aws.String("o"), Body: bytes.NewReader(make([]byte, 4<<20))})
	w.refused(err, "NoSuchBucket")
	_, err = w.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("no-bucket")})
	w.refused(err, "NoSuchBucket")
	_, err = w.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("nothing")})
	w.refused(err, "NotFound")
	_, err = w.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("nothing")})
	if err != nil {
		t.Errorf("deleting what is not there: %v", err)
	}
	_, err = w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("")})
	w.refused(err, "KeyTooLongError")
}

func TestBuckets(t *testing.T) {
	w := newWorld(t, Options{})
	create := func(c *sdk.Client, name string, where types.BucketLocationConstraint) error {
		in := &sdk.CreateBucketInput{Bucket: aws.String(name)}
		if where != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: where}
		}
		_, err := c.CreateBucket(t.Context(), in)
		return err
	}
	paris := w.client("eu-west-3")
	if err := create(paris, "in-paris", "eu-west-3"); err != nil {
		t.Fatal(err)
	}
	w.refused(create(paris, "nowhere", ""), "IllegalLocationConstraintException")
	w.refused(create(paris, "in-paris", "eu-west-3"), "BucketAlreadyOwnedByYou")
	w.refused(create(w.Client, "Not_A_Name", ""), "InvalidBucketName")
	if err := create(w.Client, bucket, ""); err != nil {
		t.Errorf("us-east-1 lets a bucket be made twice: %v", err)
	}

	// The wrong region, on every verb.
	_, err := w.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("in-paris")})
	w.refused(err, "PermanentRedirect")
	_, err = w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("in-paris"), Key: aws.String("o"), Body: strings.NewReader("x")})
	w.refused(err, "PermanentRedirect")
	resp, body := w.do(http.MethodGet, "/in-paris/o", nil, w.signed()...)
	w.is(resp, body, http.StatusMovedPermanently, "PermanentRedirect")
	if got := resp.Header.Get("X-Amz-Bucket-Region"); got != "eu-west-3" {
		t.Errorf("x-amz-bucket-region: %q", got)
	}
	_, err = paris.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String("in-paris"), Key: aws.String("o"), Body: strings.NewReader("x")})
	if err != nil {
		t.Error(err)
	}
	if at, err := w.GetBucketLocation(t.Context(), &sdk.GetBucketLocationInput{Bucket: aws.String("in-paris")}); err != nil || at.LocationConstraint != "eu-west-3" {
		t.Errorf("location: %+v %v", at, err)
	}

	list, err := w.ListBuckets(t.Context(), &sdk.ListBucketsInput{})
	if err != nil || len(list.Buckets) != 2 || *list.Buckets[0].Name != "in-paris" || list.Buckets[0].CreationDate == nil {
		t.Errorf("%+v %v", list, err)
	}
	_, err = paris.DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("in-paris")})
	w.refused(err, "BucketNotEmpty")
	out, err := paris.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{
		Bucket: aws.String("in-paris"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("o")}, {Key: aws.String("absent")}}},
	})
	if err != nil || len(out.Deleted) != 2 || len(out.Errors) != 0 {
		t.Errorf("%+v %v", out, err)
	}
	if _, err = paris.DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: aws.String("in-paris")}); err != nil {
		t.Error(err)
	}
	_, err = paris.HeadBucket(t.Context(), &sdk.HeadBucketInput{Bucket: aws.String("in-paris")})
	w.refused(err, "NotFound")
}

// TestSubresourcesAreNotTheObject fails on gofakes3, which writes the tags over
// the object.
func TestSubresourcesAreNotTheObject(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "mine")
	_, err := w.PutObjectTagging(t.Context(), &sdk.PutObjectTaggingInput{
		Bucket: aws.String(bucket), Key: aws.String("o"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
	})
	w.refused(err, "NotImplemented")
	if got := w.get("o"); got != "mine" {
		t.Errorf("the object holds %q", got)
	}
	tags, err := w.GetObjectTagging(t.Context(), &sdk.GetObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("o")})
	if err != nil || len(tags.TagSet) != 0 {
		t.Errorf("%+v %v", tags, err)
	}
	_, err = w.GetObjectTagging(t.Context(), &sdk.GetObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("absent")})
	w.refused(err, "NoSuchKey")
	_, err = w.GetObjectAcl(t.Context(), &sdk.GetObjectAclInput{Bucket: aws.String(bucket), Key: aws.String("o")})
	w.refused(err, "NotImplemented")
}

func TestCancelledWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, Options{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	body := &stopping{Reader: bytes.NewReader(noise(1, 8<<20)), after: 3 << 20, stop: cancel}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, w.url+"/"+bucket+"/o", body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 8 << 20
	for h := w.signed(); len(h) > 0; h = h[2:] {
		r.Header.Set(h[0], h[1])
	}
	if resp, err := w.http.Do(r); err == nil {
		_ = resp.Body.Close()
		t.Fatal("the write was not cancelled")
	}
	w.absent("o")
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

func TestFolderKeepsObjects(t *testing.T) {
	dir := t.TempDir()
	t.Run("first", func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		for _, key := range oddKeys {
			w.put(key, "of "+key)
		}
		if _, err := New(Options{Dir: dir}); err == nil {
			t.Error("two servers have the folder open")
		}
	})
	t.Run("second", func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		for _, key := range oddKeys {
			if got := w.get(key); got != "of "+key {
				t.Errorf("%q holds %q", key, got)
			}
		}
		if got := w.keys(&sdk.ListObjectsV2Input{}); len(got) != len(oddKeys) {
			t.Errorf("%d keys", len(got))
		}
	})
}

func TestClosed(t *testing.T) {
	w := newWorld(t, Options{})
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("o")})
	w.refused(err, "ServiceUnavailable")
}
