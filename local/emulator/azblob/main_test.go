package azblob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	sdk "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server on loopback with one container, and a client of the official
// SDK that was led to it by a connection string.
type world struct {
	*testing.T
	*container.Client
	service *sdk.Client
	server  *Server
	http    *http.Client
	url     string
}

const box = "some-box"

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateBucket(t.Context(), box); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	w := &world{T: t, server: s, http: &http.Client{Transport: &http.Transport{}}, url: h.URL + "/" + Account}
	t.Cleanup(func() {
		w.http.CloseIdleConnections()
		h.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	text := fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;", Account, Key, w.url)
	w.service, err = sdk.NewClientFromConnectionString(text, &sdk.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: w.http, Retry: policy.RetryOptions{MaxRetries: -1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.Client = w.service.ServiceClient().NewContainerClient(box)
	return w
}

func seekable(b []byte) io.ReadSeekCloser { return nopCloser{bytes.NewReader(b)} }

type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

func (w *world) write(key, body string, o *blockblob.UploadOptions) error {
	_, err := w.NewBlockBlobClient(key).Upload(w.Context(), seekable([]byte(body)), o)
	return err
}

func (w *world) put(key, body string) {
	w.Helper()
	if err := w.write(key, body, nil); err != nil {
		w.Fatalf("put %q: %v", key, err)
	}
}

func (w *world) get(key string) string {
	w.Helper()
	b, err := w.read(key, nil)
	if err != nil {
		w.Fatalf("get %q: %v", key, err)
	}
	return b
}

func (w *world) read(key string, o *blob.DownloadStreamOptions) (string, error) {
	out, err := w.NewBlobClient(key).DownloadStream(w.Context(), o)
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Body.Close() }()
	b, err := io.ReadAll(out.Body)
	return string(b), err
}

func (w *world) props(key string) blob.GetPropertiesResponse {
	w.Helper()
	out, err := w.NewBlobClient(key).GetProperties(w.Context(), nil)
	if err != nil {
		w.Fatalf("properties of %q: %v", key, err)
	}
	return out
}

// refused holds that an error of the SDK's has a status and a code.
func (w *world) refused(err error, status int, code string) {
	w.Helper()
	var r *azcore.ResponseError
	if !errors.As(err, &r) || r.StatusCode != status || r.ErrorCode != code {
		w.Errorf("%v, want %d %s", err, status, code)
	}
}

func (w *world) absent(key string) {
	w.Helper()
	_, err := w.read(key, nil)
	w.refused(err, http.StatusNotFound, "BlobNotFound")
}

// keys lists all pages, folded ones with a star.
func (w *world) keys(prefix, delimiter string, size int32) []string {
	w.Helper()
	var out []string
	limit := &size
	if size == 0 {
		limit = nil
	}
	if delimiter == "" {
		for p := w.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix, MaxResults: limit}); p.More(); {
			page, err := p.NextPage(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			for _, b := range page.Segment.BlobItems {
				out = append(out, *b.Name)
			}
		}
		return out
	}
	for p := w.NewListBlobsHierarchyPager(delimiter, &container.ListBlobsHierarchyOptions{Prefix: &prefix, MaxResults: limit}); p.More(); {
		page, err := p.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if n := len(page.Segment.BlobItems) + len(page.Segment.BlobPrefixes); size > 0 && n > int(size) {
			w.Errorf("a page of %d entries", n)
		}
		for _, b := range page.Segment.BlobItems {
			out = append(out, *b.Name)
		}
		for _, b := range page.Segment.BlobPrefixes {
			out = append(out, *b.Name+"*")
		}
	}
	slices.Sort(out)
	return out
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
	r, err := http.NewRequestWithContext(context.Background(), method, w.url+path, bytes.NewReader(body))
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

// signed sends a request with a signature of our own making.
func (w *world) signed(method, path string, body []byte, headers ...string) (answer, string) {
	w.Helper()
	headers = append([]string{"X-Ms-Date", w.server.clock.Now().UTC().Format(http.TimeFormat), "X-Ms-Version", "2021-12-02"}, headers...)
	r, err := http.NewRequest(method, w.url+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	text := toSign(r, r.URL.Query(), strings.Compare)
	return w.do(method, path, body, append(headers, "Authorization", "SharedKey "+Account+":"+sign(text))...)
}

func (w *world) is(resp answer, body string, status int, code string) {
	w.Helper()
	if resp.StatusCode != status || resp.Header.Get("X-Ms-Error-Code") != code || resp.method != http.MethodHead && !strings.Contains(body, "<Code>"+code+"</Code>") {
		w.Errorf("%d %q %s, want %d %s", resp.StatusCode, resp.Header.Get("X-Ms-Error-Code"), body, status, code)
	}
}

func ptr(s string) *string { return to.Ptr(s) }

var oddKeys = []string{
	"plain", "with space", " lead", "trail ", "ünïcödé/日本語.csv", "a#b", "a?b", "a%b", "a%2Fb", "a+b", "a&b=c", "a//b", "/lead", "//lead", "trail/", "a/trail//", "../up", "a/../b", "./a",
	"quote'\"", "back\\slash", "<xml>&amp;", "tab\tnewline\n", "ctrl\x01", "return\r", "semi;colon", "comma,colon:", "~!@$^*()[]{}|`", strings.Repeat("k", 1024), strings.Repeat("é", 1024),
}

func sampleAttributes() objects.Attributes { return objects.Attributes{ContentType: "text/plain"} }
