package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server on loopback with one bucket, and a client of the official SDK.
type world struct {
	*testing.T
	*sdk.Client
	server *Server
	http   *http.Client
	url    string
}

const bucket = "some-bucket"

func newWorld(t *testing.T, o Options, opts ...func(*sdk.Options)) *world {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	client := &http.Client{Transport: &http.Transport{}}
	w := &world{T: t, server: s, http: client, url: h.URL}
	w.Client = w.client(DefaultRegion, opts...)
	t.Cleanup(func() {
		client.CloseIdleConnections()
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) client(region string, opts ...func(*sdk.Options)) *sdk.Client {
	return sdk.New(sdk.Options{
		BaseEndpoint: aws.String(w.url), Region: region, HTTPClient: w.http,
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		Retryer:     aws.NopRetryer{},
		// As config.LoadDefaultConfig has them.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, opts...)
}

func (w *world) put(key, body string) {
	w.Helper()
	if _, err := w.PutObject(w.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(body)}); err != nil {
		w.Fatalf("put %q: %v", key, err)
	}
}

func (w *world) get(key string) string {
	w.Helper()
	out, err := w.GetObject(w.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	if err != nil {
		w.Fatalf("get %q: %v", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		w.Fatalf("get %q: %v", key, err)
	}
	return string(b)
}

// absent holds that there is no object at key.
func (w *world) absent(key string) {
	w.Helper()
	_, err := w.GetObject(w.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
	w.refused(err, "NoSuchKey")
}

// refused holds that an error of the SDK's has a code.
func (w *world) refused(err error, code string) {
	w.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		w.Errorf("%v, want %s", err, code)
	}
}

// answer is what came back, without its body.
type answer struct {
	StatusCode int
	Header     http.Header
	method     string
}

// do sends a request as it is: headers are name, value, name, value.
func (w *world) do(method, path string, body []byte, headers ...string) (answer, string) {
	w.Helper()
	r, err := http.NewRequestWithContext(w.Context(), method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := w.http.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, method}, string(b)
}

// signed are headers that look like those of a signed request.
func (w *world) signed(headers ...string) []string {
	at := w.server.clock.Now().UTC().Format(amzTime)
	return append([]string{
		"Authorization", fmt.Sprintf("%s Credential=any/%s/%s/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=%064d", algorithm, at[:8], DefaultRegion, 1),
		"X-Amz-Date", at, "X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD",
	}, headers...)
}

func (w *world) is(resp answer, body string, status int, code string) {
	w.Helper()
	if resp.StatusCode != status || !strings.Contains(body, "<Code>"+code+"</Code>") {
		w.Errorf("%d %s, want %d %s", resp.StatusCode, body, status, code)
	}
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// oddKeys are keys that clients, servers and file systems stumble over.
var oddKeys = []string{
	"plain", "with space", " lead", "trail ", "ünïcödé/日本語.csv", "a#b", "a?b", "a%b", "a%2Fb", "a+b", "a&b=c", "a//b", "/lead", "//lead", "trail/", "a/trail//", "../up", "a/../b", "./a",
	"versions", "q?versionId=1", "quote'\"", "back\\slash", "<xml>&amp;", "tab\tnewline\n", "ctrl\x01", "semi;colon", "comma,colon:", "~!@$^*()[]{}|`", strings.Repeat("k", 1024), strings.Repeat("é", 512),
}

func unescape(w *world, s string) string {
	w.Helper()
	out, err := url.QueryUnescape(s)
	if err != nil {
		w.Fatal(err)
	}
	return out
}
