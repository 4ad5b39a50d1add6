package s3

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestKnownChecksums(t *testing.T) {
	for c, want := range map[checksum]string{
		crc32IEEE: "y/Q5Jg==", crc32C: "4waSgw==", crc64NVME: "rosUhgp5mIg=", // of 123456789, as RFC 3720 and NVMe have them
	} {
		h := newHash[c]()
		h.Write([]byte("123456789"))
		if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%s: %s, want %s", c, got, want)
		}
	}
}

func TestChecksumsAreVerifiedAndAnswered(t *testing.T) {
	w := newWorld(t, Options{})
	for _, algorithm := range []types.ChecksumAlgorithm{
		types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha1, types.ChecksumAlgorithmSha256,
	} {
		key := string(algorithm)
		_, err := w.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("body"), ChecksumAlgorithm: algorithm})
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		h := newHash[checksum(strings.ToLower(key))]()
		h.Write([]byte("body"))
		want := base64.StdEncoding.EncodeToString(h.Sum(nil))
		resp, _ := w.do(http.MethodHead, "/"+bucket+"/"+key, nil, w.signed("X-Amz-Checksum-Mode", "ENABLED")...)
		if got := resp.Header.Get(headerStem + key); got != want || resp.Header.Get(checksumType) != fullObject {
			t.Errorf("%s is answered %q %q, want %q", algorithm, got, resp.Header.Get(checksumType), want)
		}
		if resp, _ := w.do(http.MethodHead, "/"+bucket+"/"+key, nil, w.signed()...); resp.Header.Get(headerStem+key) != "" {
			t.Errorf("%s is answered unasked", algorithm)
		}
		wrong := base64.StdEncoding.EncodeToString(make([]byte, h.Size()))
		resp, body := w.do(http.MethodPut, "/"+bucket+"/bad", []byte("body"), w.signed(headerStem+key, wrong)...)
		w.is(resp, body, http.StatusBadRequest, "BadDigest")
		w.absent("bad")
		resp, body = w.do(http.MethodPut, "/"+bucket+"/bad", []byte("body"), w.signed(headerStem+key, "AA==")...)
		w.is(resp, body, http.StatusBadRequest, "InvalidRequest")
	}
	out, err := w.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("CRC32"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil || aws.ToString(out.ChecksumCRC32) == "" {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := io.ReadAll(out.Body); err != nil { // the SDK validates
		t.Error(err)
	}
	_ = out.Body.Close()
}

func TestDigests(t *testing.T) {
	w := newWorld(t, Options{})
	body := []byte("body")
	sum := md5.Sum(body)
	good := base64.StdEncoding.EncodeToString(sum[:])
	bad := base64.StdEncoding.EncodeToString(make([]byte, 16))
	put := func(headers ...string) (answer, string) {
		return w.do(http.MethodPut, "/"+bucket+"/o", body, w.signed(headers...)...)
	}
	resp, text := put("Content-MD5", bad)
	w.is(resp, text, http.StatusBadRequest, "BadDigest")
	resp, text = put("Content-MD5", "x")
	w.is(resp, text, http.StatusBadRequest, "InvalidDigest")
	resp, text = put("X-Amz-Content-Sha256", strings.Repeat("0", 64))
	w.is(resp, text, http.StatusBadRequest, "XAmzContentSHA256Mismatch")
	resp, text = put("X-Amz-Content-Sha256", "nonsense")
	w.is(resp, text, http.StatusBadRequest, "InvalidArgument")
	resp, text = put("X-Amz-Checksum-Xxhash64", "AAAAAAAAAAA=")
	w.is(resp, text, http.StatusNotImplemented, "NotImplemented")
	w.absent("o")
	if resp, text = put("Content-MD5", good); resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") != fmt.Sprintf("%q", fmt.Sprintf("%x", sum)) {
		t.Errorf("%d %s %s", resp.StatusCode, resp.Header.Get("ETag"), text)
	}
}

func crcOf(body string) string {
	c := crc32.ChecksumIEEE([]byte(body))
	return base64.StdEncoding.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}

// TestChunkedBodies sends what SDKs in other languages do. gofakes3 stores the
// framing of the unsigned form as if it were the object.
func TestChunkedBodies(t *testing.T) {
	w := newWorld(t, Options{})
	const unsigned, signed, both = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	sig := ";chunk-signature=" + strings.Repeat("ab", 32)
	crc := "x-amz-checksum-crc32:" + crcOf("hello world") + "\r\n"
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct {
		name, sha, body, decoded, trailer string
		status                            int
		code, want                        string
	}{
		{name: "unsigned", sha: unsigned, body: "6\r\nhello \r\n5\r\nworld\r\n0\r\n" + crc + "\r\n", decoded: "11", trailer: "x-amz-checksum-crc32", status: 200, want: "hello world"},
		{name: "no trailer", sha: unsigned, body: "b\r\nhello world\r\n0\r\n\r\n", decoded: "11", status: 200, want: "hello world"},
		{name: "long", sha: unsigned, body: fmt.Sprintf("%X\r\n%s\r\n0\r\n\r\n", len(long), long), decoded: fmt.Sprint(len(long)), status: 200, want: long},
		{name: "empty", sha: unsigned, body: "0\r\n\r\n", decoded: "0", status: 200},
		{name: "signed", sha: signed, body: "b" + sig + "\r\nhello world\r\n0" + sig + "\r\n\r\n", decoded: "11", status: 200, want: "hello world"},
		{
			name: "both", sha: both, body: "b" + sig + "\r\nhello world\r\n0" + sig + "\r\n" + crc + "x-amz-trailer-signature:" + strings.Repeat("ab", 32) + "\r\n\r\n",
			decoded: "11", trailer: "x-amz-checksum-crc32", status: 200, want: "hello world",
		},
		{name: "wrong checksum", sha: unsigned, body: "5\r\nhello\r\n0\r\n" + crc + "\r\n", decoded: "5", trailer: "x-amz-checksum-crc32", status: 400, code: "BadDigest"},
		{name: "promised trailer", sha: unsigned, body: "5\r\nhello\r\n0\r\n\r\n", decoded: "5", trailer: "x-amz-checksum-crc32", status: 400, code: "MalformedTrailerError"},
		{name: "too short", sha: unsigned, body: "5\r\nhello\r\n0\r\n\r\n", decoded: "6", status: 400, code: "IncompleteBody"},
		{name: "cut", sha: unsigned, body: "5\r\nhel", decoded: "5", status: 400, code: "IncompleteBody"},
		{name: "no end", sha: unsigned, body: "5\r\nhello\r\n", decoded: "5", status: 400, code: "IncompleteBody"},
		{name: "more", sha: unsigned, body: "5\r\nhello\r\n0\r\n\r\nmore", decoded: "5", status: 400, code: "InvalidChunk"},
		{name: "not hex", sha: unsigned, body: "-5\r\nhello\r\n0\r\n\r\n", decoded: "5", status: 400, code: "InvalidChunk"},
		{name: "longer chunk", sha: unsigned, body: "4\r\nhello\r\n0\r\n\r\n", decoded: "5", status: 400, code: "InvalidChunk"},
		{name: "no signature", sha: signed, body: "5\r\nhello\r\n0\r\n\r\n", decoded: "5", status: 400, code: "InvalidChunk"},
		{name: "no length", sha: unsigned, body: "5\r\nhello\r\n0\r\n\r\n", status: 411, code: "MissingContentLength"},
		{name: "unknown", sha: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", body: "0\r\n\r\n", decoded: "0", status: 501, code: "NotImplemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{T: t, Client: w.Client, server: w.server, http: w.http, url: w.url}
			headers := w.signed("X-Amz-Content-Sha256", c.sha, "Content-Encoding", "aws-chunked,br")
			if c.decoded != "" {
				headers = append(headers, "X-Amz-Decoded-Content-Length", c.decoded)
			}
			if c.trailer != "" {
				headers = append(headers, "X-Amz-Trailer", c.trailer)
			}
			resp, text := w.do(http.MethodPut, "/"+bucket+"/"+strings.ReplaceAll(c.name, " ", "-"), []byte(c.body), headers...)
			if c.status != http.StatusOK {
				w.is(resp, text, c.status, c.code)
				w.absent(strings.ReplaceAll(c.name, " ", "-"))
				return
			}
			got, body := w.do(http.MethodGet, "/"+bucket+"/"+strings.ReplaceAll(c.name, " ", "-"), nil, w.signed("X-Amz-Checksum-Mode", "ENABLED")...)
			if resp.StatusCode != http.StatusOK || body != c.want || got.Header.Get("Content-Encoding") != "br" {
				t.Errorf("%d %s; holds %d bytes, encoding %q", resp.StatusCode, text, len(body), got.Header.Get("Content-Encoding"))
			}
			if c.trailer != "" && got.Header.Get(c.trailer) != crcOf("hello world") {
				t.Errorf("the checksum is not kept: %q", got.Header.Get(c.trailer))
			}
		})
	}
}

func FuzzChunkReader(f *testing.F) {
	f.Add([]byte("6\r\nhello \r\n5\r\nworld\r\n0\r\nx-a:b\r\n\r\n"), false)
	f.Add([]byte("5;chunk-signature="+strings.Repeat("0", 64)+"\r\nhello\r\n0;chunk-signature="+strings.Repeat("0", 64)+"\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, signed bool) {
		whole, err1 := io.ReadAll(newChunkReader(bytes.NewReader(body), signed))
		byByte, err2 := io.ReadAll(newChunkReader(oneByte{bytes.NewReader(body)}, signed))
		if !bytes.Equal(whole, byByte) || (err1 == nil) != (err2 == nil) {
			t.Fatalf("read whole: %q %v; byte by byte: %q %v", whole, err1, byByte, err2)
		}
		if len(whole) > len(body) {
			t.Fatalf("%d bytes from %d", len(whole), len(body))
		}
	})
}

type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

// TestSignatures: gofakes3 takes requests that nobody signed.
func TestSignatures(t *testing.T) {
	w := newWorld(t, Options{})
	w.put("o", "x")
	now := w.server.clock.Now().UTC()
	old := now.Add(-time.Hour).Format(amzTime)
	auth := func(s string) []string { return w.signed("Authorization", s) }
	good := w.signed()[1]
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"none":         {nil, 403, "AccessDenied"},
		"version 2":    {auth("AWS key:c2lnbmF0dXJl"), 400, "InvalidRequest"},
		"basic":        {auth("Basic YTpi"), 400, "InvalidRequest"},
		"credential":   {auth(strings.Replace(good, "/s3/aws4_request", "", 1)), 400, "AuthorizationHeaderMalformed"},
		"service":      {auth(strings.Replace(good, "/s3/", "/sts/", 1)), 400, "AuthorizationHeaderMalformed"},
		"signature":    {auth(good + "0"), 400, "AuthorizationHeaderMalformed"},
		"host":         {auth(strings.Replace(good, "SignedHeaders=host;", "SignedHeaders=", 1)), 400, "AuthorizationHeaderMalformed"},
		"other day":    {w.signed("X-Amz-Date", "20200101T000000Z"), 400, "AuthorizationHeaderMalformed"},
		"no date":      {w.signed("X-Amz-Date", ""), 403, "AccessDenied"},
		"no digest":    {w.signed("X-Amz-Content-Sha256", ""), 400, "InvalidRequest"},
		"other clock":  {w.signed("X-Amz-Date", old, "Authorization", strings.Replace(good, now.Format("20060102"), old[:8], 1)), 403, "RequestTimeTooSkewed"},
		"other region": {auth(strings.Replace(good, DefaultRegion, "eu-west-1", 1)), 301, "PermanentRedirect"},
	} {
		resp, body := w.do(http.MethodGet, "/"+bucket+"/o", nil, c.headers...)
		if resp.StatusCode != c.status || !strings.Contains(body, "<Code>"+c.code+"</Code>") {
			t.Errorf("%s: %d %s, want %d %s", name, resp.StatusCode, body, c.status, c.code)
		}
	}
}

func TestPresigned(t *testing.T) {
	w := newWorld(t, Options{})
	signer := sdk.NewPresignClient(w.Client)
	put, err := signer.PresignPutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("a b?"), Metadata: map[string]string{"m": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(put.URL, w.url)
	if resp, body := w.do(http.MethodPut, path, []byte("x"), "X-Amz-Meta-M", "v"); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	get, err := signer.PresignGetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("a b?"), ResponseContentType: aws.String("text/x")})
	if err != nil {
		t.Fatal(err)
	}
	path = strings.TrimPrefix(get.URL, w.url)
	if resp, body := w.do(http.MethodGet, path, nil); resp.StatusCode != http.StatusOK || body != "x" || resp.Header.Get("Content-Type") != "text/x" || resp.Header.Get("X-Amz-Meta-M") != "v" {
		t.Errorf("%d %s %v", resp.StatusCode, body, resp.Header)
	}
	resp, body := w.do(http.MethodGet, strings.Replace(path, "X-Amz-Expires=900", "X-Amz-Expires=0", 1), nil)
	w.is(resp, body, http.StatusBadRequest, "AuthorizationQueryParametersError")
	at := w.server.clock.Now().UTC()
	resp, body = w.do(http.MethodGet, strings.Replace(path, "X-Amz-Date="+at.Format("2006"), "X-Amz-Date="+at.AddDate(-1, 0, 0).Format("2006"), 1), nil)
	w.is(resp, body, http.StatusForbidden, "AccessDenied")
}
