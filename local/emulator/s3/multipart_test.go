package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"
)

// upload sends parts and returns what completes them.
func (w *world) upload(key string, algorithm types.ChecksumAlgorithm, kind types.ChecksumType, parts ...[]byte) *sdk.CompleteMultipartUploadInput {
	w.Helper()
	u, err := w.CreateMultipartUpload(w.Context(), &sdk.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String(key), ChecksumAlgorithm: algorithm, ChecksumType: kind, ContentType: aws.String("text/csv"),
	})
	if err != nil {
		w.Fatal(err)
	}
	in := &sdk.CompleteMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(key), UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{}}
	for i, body := range parts {
		p, err := w.UploadPart(w.Context(), &sdk.UploadPartInput{
			Bucket: aws.String(bucket), Key: aws.String(key), UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm,
		})
		if err != nil {
			w.Fatal(err)
		}
		in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, types.CompletedPart{
			PartNumber: aws.Int32(int32(i + 1)), ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumCRC32C: p.ChecksumCRC32C, ChecksumCRC64NVME: p.ChecksumCRC64NVME, ChecksumSHA256: p.ChecksumSHA256,
		})
	}
	return in
}

func TestMultipart(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir()})
	var parts [][]byte
	var whole, sums []byte
	for i := range 8 {
		b := bytes.Repeat(noise(uint64(i), 1<<20), 5)
		sum := md5.Sum(b)
		parts, whole, sums = append(parts, b), append(whole, b...), append(sums, sum[:]...)
	}
	in := w.upload("big", types.ChecksumAlgorithmCrc32, "", parts...)
	done, err := w.CompleteMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	etag := fmt.Sprintf(`"%x-8"`, md5.Sum(sums))
	if *done.ETag != etag || !strings.HasSuffix(aws.ToString(done.ChecksumCRC32), "-8") || done.ChecksumType != types.ChecksumTypeComposite {
		t.Errorf("%+v", done)
	}
	head := w.head("big")
	if *head.ETag != etag || *head.ContentType != "text/csv" || *head.ContentLength != int64(len(whole)) || *head.ChecksumCRC32 != *done.ChecksumCRC32 {
		t.Errorf("%+v", head)
	}
	if w.get("big") != string(whole) {
		t.Error("the object is not what was sent")
	}
	list, err := w.ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil || *list.Contents[0].ETag != etag {
		t.Errorf("listed with the etag %s, want %s (%v)", *list.Contents[0].ETag, etag, err)
	}
	if _, err := w.CompleteMultipartUpload(t.Context(), in); err == nil {
		t.Error("completed twice")
	}
}

// TestCompleteChecksConditions fails on gofakes3, which overwrites.
func TestCompleteChecksConditions(t *testing.T) {
	w := newWorld(t, Options{})
	in := w.upload("o", "", "", []byte("second"))
	w.put("o", "first")
	in.IfNoneMatch = aws.String("*")
	_, err := w.CompleteMultipartUpload(t.Context(), in)
	w.refused(err, "PreconditionFailed")
	if got := w.get("o"); got != "first" {
		t.Fatalf("overwritten: %q", got)
	}
	in.IfNoneMatch, in.IfMatch = nil, aws.String(`"0"`)
	_, err = w.CompleteMultipartUpload(t.Context(), in)
	w.refused(err, "PreconditionFailed")
	in.IfMatch = w.head("o").ETag
	if _, err = w.CompleteMultipartUpload(t.Context(), in); err != nil || w.get("o") != "second" {
		t.Errorf("%v; holds %q", err, w.get("o"))
	}

	w.race(func(i int) error {
		in := w.upload("raced", "", "", fmt.Append(nil, i))
		in.IfNoneMatch = aws.String("*")
		_, err := w.CompleteMultipartUpload(t.Context(), in)
		return err
	})
}

func TestMultipartIsRefused(t *testing.T) {
	w := newWorld(t, Options{})
	five := make([]byte, 5<<20)
	complete := func(change func(*sdk.CompleteMultipartUploadInput)) error {
		in := w.upload("o", types.ChecksumAlgorithmCrc32, "", five, []byte("end"))
		change(in)
		_, err := w.CompleteMultipartUpload(t.Context(), in)
		return err
	}
	parts := func(in *sdk.CompleteMultipartUploadInput) []types.CompletedPart { return in.MultipartUpload.Parts }
	for code, change := range map[string]func(*sdk.CompleteMultipartUploadInput){
		"InvalidPartOrder": func(in *sdk.CompleteMultipartUploadInput) { parts(in)[0], parts(in)[1] = parts(in)[1], parts(in)[0] },
		"InvalidPart":      func(in *sdk.CompleteMultipartUploadInput) { parts(in)[1].PartNumber = aws.Int32(3) },
		"NoSuchUpload":     func(in *sdk.CompleteMultipartUploadInput) { in.Key = aws.String("other") },
		"MalformedXML":     func(in *sdk.CompleteMultipartUploadInput) { in.MultipartUpload = nil },
	} {
		w.refused(complete(change), code)
	}
	w.refused(complete(func(in *sdk.CompleteMultipartUploadInput) { in.ChecksumSHA256 = aws.String("x") }), "InvalidRequest")
	w.refused(complete(func(in *sdk.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(7) }), "InvalidRequest")
	w.refused(complete(func(in *sdk.CompleteMultipartUploadInput) { parts(in)[1].ETag = aws.String(`"00"`) }), "InvalidPart")
	w.refused(complete(func(in *sdk.CompleteMultipartUploadInput) { parts(in)[1].ChecksumCRC32 = aws.String("AAAAAA==") }), "InvalidPart")
	_, err := w.CompleteMultipartUpload(t.Context(), w.upload("o", "", "", []byte("small"), []byte("end")))
	w.refused(err, "EntityTooSmall")
	_, err = w.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{Bucket: aws.String(bucket), Key: aws.String(strings.Repeat("k", 1025))})
	w.refused(err, "KeyTooLongError")
	_, err = w.CreateMultipartUpload(t.Context(), &sdk.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("o"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumType: types.ChecksumTypeFullObject,
	})
	w.refused(err, "InvalidRequest")
	w.absent("o")
}

func TestUploadsAreListedAndAborted(t *testing.T) {
	w := newWorld(t, Options{})
	in := w.upload("a key/?", types.ChecksumAlgorithmCrc32c, "", []byte("1"), []byte("22"), []byte("333"))
	w.upload("other", "", "")
	var sizes []int64
	for p := sdk.NewListPartsPaginator(w, &sdk.ListPartsInput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, MaxParts: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			sizes = append(sizes, *p.Size)
			if aws.ToString(p.ChecksumCRC32C) == "" {
				t.Errorf("part %d is listed without its checksum", *p.PartNumber)
			}
		}
	}
	if fmt.Sprint(sizes) != "[1 2 3]" {
		t.Errorf("sizes %v", sizes)
	}
	list, err := w.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: in.Bucket, MaxUploads: aws.Int32(1)})
	if err != nil || len(list.Uploads) != 1 || *list.Uploads[0].Key != *in.Key || !*list.IsTruncated {
		t.Fatalf("%+v %v", list, err)
	}
	list, err = w.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: in.Bucket, KeyMarker: list.NextKeyMarker, UploadIdMarker: list.NextUploadIdMarker})
	if err != nil || len(list.Uploads) != 1 || *list.Uploads[0].Key != "other" || *list.IsTruncated {
		t.Errorf("%+v %v", list, err)
	}
	abort := &sdk.AbortMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId}
	if _, err = w.AbortMultipartUpload(t.Context(), abort); err != nil {
		t.Error(err)
	}
	_, err = w.AbortMultipartUpload(t.Context(), abort)
	w.refused(err, "NoSuchUpload")
	_, err = w.CompleteMultipartUpload(t.Context(), in)
	w.refused(err, "NoSuchUpload")
	w.absent(*in.Key)
}

func TestWholeChecksums(t *testing.T) {
	w := newWorld(t, Options{})
	parts := [][]byte{bytes.Repeat([]byte("five"), 5<<18), []byte("and some more")}
	for _, c := range []struct {
		algorithm types.ChecksumAlgorithm
		got       func(*sdk.CompleteMultipartUploadOutput) *string
	}{
		{types.ChecksumAlgorithmCrc32, func(o *sdk.CompleteMultipartUploadOutput) *string { return o.ChecksumCRC32 }},
		{types.ChecksumAlgorithmCrc32c, func(o *sdk.CompleteMultipartUploadOutput) *string { return o.ChecksumCRC32C }},
		{types.ChecksumAlgorithmCrc64nvme, func(o *sdk.CompleteMultipartUploadOutput) *string { return o.ChecksumCRC64NVME }},
	} {
		h := newHash[checksum(strings.ToLower(string(c.algorithm)))]()
		h.Write(parts[0])
		h.Write(parts[1])
		want := base64.StdEncoding.EncodeToString(h.Sum(nil))
		out, err := w.CompleteMultipartUpload(t.Context(), w.upload("o", c.algorithm, types.ChecksumTypeFullObject, parts...))
		if err != nil || aws.ToString(c.got(out)) != want {
			t.Errorf("%s: %+v %v, want %s", c.algorithm, out, err, want)
		}
	}
	in := w.upload("o", types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject, parts...)
	in.ChecksumCRC32 = aws.String("AAAAAA==")
	_, err := w.CompleteMultipartUpload(t.Context(), in)
	w.refused(err, "BadDigest")
}

func TestCombinedChecksums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]checksum{crc32IEEE, crc32C, crc64NVME}).Draw(t, "checksum")
		var parts []partSum
		whole := newHash[c]()
		for _, p := range rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 5).Draw(t, "parts") {
			whole.Write(p)
			h := newHash[c]()
			h.Write(p)
			parts = append(parts, partSum{base64.StdEncoding.EncodeToString(h.Sum(nil)), int64(len(p))})
		}
		if got, want := c.whole(parts, fullObject), base64.StdEncoding.EncodeToString(whole.Sum(nil)); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

// TestCopies fails on gofakes3 for sources that hold a question mark or are long.
func TestCopies(t *testing.T) {
	w := newWorld(t, Options{})
	for i, key := range oddKeys {
		w.put(key, "of "+key)
		// As SDKs' users write it, and as gocloud does.
		for j, source := range []string{bucket + "/" + (&url.URL{Path: key}).EscapedPath(), url.QueryEscape(bucket + "/" + key), "/" + bucket + "/" + url.QueryEscape(key)} {
			if j == 0 && strings.ContainsAny(key, "+") {
				source = strings.ReplaceAll(source, "+", "%2B")
			}
			to := fmt.Sprint("copy-", i, "-", j)
			_, err := w.CopyObject(t.Context(), &sdk.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String(to), CopySource: aws.String(strings.TrimPrefix(source, "./"))})
			if err != nil {
				t.Errorf("copying %q as %q: %v", key, source, err)
				continue
			}
			if got := w.get(to); got != "of "+key {
				t.Errorf("the copy of %q holds %q", key, got)
			}
		}
	}
}

func TestCopyAttributes(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("o"), Body: strings.NewReader("x"), ContentType: aws.String("text/csv"), Metadata: map[string]string{"m": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	cp := func(to string, change func(*sdk.CopyObjectInput)) error {
		in := &sdk.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String(to), CopySource: aws.String(bucket + "/o"), Metadata: map[string]string{"n": "2"}}
		if change != nil {
			change(in)
		}
		_, err := w.CopyObject(t.Context(), in)
		return err
	}
	if err := cp("kept", nil); err != nil {
		t.Fatal(err)
	}
	if got := w.head("kept"); *got.ContentType != "text/csv" || fmt.Sprint(got.Metadata) != "map[m:1]" || got.ChecksumCRC32 == nil {
		t.Errorf("%+v", got)
	}
	replace := func(in *sdk.CopyObjectInput) { in.MetadataDirective = types.MetadataDirectiveReplace }
	if err := cp("replaced", replace); err != nil {
		t.Fatal(err)
	}
	if got := w.head("replaced"); *got.ContentType == "text/csv" || fmt.Sprint(got.Metadata) != "map[n:2]" || got.ChecksumCRC32 == nil {
		t.Errorf("%+v", got)
	}
	w.refused(cp("o", nil), "InvalidRequest")
	if err := cp("o", replace); err != nil {
		t.Error(err)
	}
	w.refused(cp("kept", func(in *sdk.CopyObjectInput) { in.IfNoneMatch = aws.String("*") }), "PreconditionFailed")
	w.refused(cp("new", func(in *sdk.CopyObjectInput) { in.CopySourceIfMatch = aws.String(`"0"`) }), "PreconditionFailed")
	w.refused(cp("new", func(in *sdk.CopyObjectInput) { in.CopySource = aws.String(bucket + "/absent") }), "NoSuchKey")
	w.refused(cp("new", func(in *sdk.CopyObjectInput) { in.CopySource = aws.String("no-bucket/o") }), "NoSuchBucket")
	w.absent("new")
}

func TestPartsOfOtherObjects(t *testing.T) {
	w := newWorld(t, Options{})
	source := bytes.Repeat(noise(7, 1<<20), 6)
	if _, err := w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("source ?"), Body: bytes.NewReader(source)}); err != nil {
		t.Fatal(err)
	}
	in := w.upload("o", types.ChecksumAlgorithmCrc64nvme, "")
	for i, r := range []string{"bytes=1-5242880", "bytes=10-19"} {
		out, err := w.UploadPartCopy(t.Context(), &sdk.UploadPartCopyInput{
			Bucket: aws.String(bucket), Key: aws.String("o"), UploadId: in.UploadId, PartNumber: aws.Int32(int32(i + 1)),
			CopySource: aws.String(bucket + "/source%20%3F"), CopySourceRange: aws.String(r),
		})
		if err != nil {
			t.Fatal(err)
		}
		in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.CopyPartResult.ETag})
	}
	if _, err := w.CompleteMultipartUpload(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if got := w.get("o"); got != string(source[1:5242881])+string(source[10:20]) {
		t.Error("the object is not made of the ranges")
	}
	_, err := w.UploadPartCopy(t.Context(), &sdk.UploadPartCopyInput{
		Bucket: aws.String(bucket), Key: aws.String("x"), UploadId: w.upload("x", "", "").UploadId, PartNumber: aws.Int32(1),
		CopySource: aws.String(bucket + "/source%20%3F"), CopySourceRange: aws.String("bytes=0-99999999"),
	})
	w.refused(err, "InvalidArgument")
}

func TestCancelledUploadLeavesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	in := w.upload("o", "", "", make([]byte, 5<<20))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.CompleteMultipartUpload(ctx, in); err == nil {
		t.Error("completed in a cancelled context")
	}
	w.absent("o")
}
