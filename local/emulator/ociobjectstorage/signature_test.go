package ociobjectstorage

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

type keys struct{ key *rsa.PrivateKey }

func (k keys) PrivateRSAKey() (*rsa.PrivateKey, error) { return k.key, nil }
func (k keys) KeyID() (string, error)                  { return keyID, nil }

type answer struct {
	status int
	header http.Header
	body   string
}

// send signs a request with the SDK's signer, has change spoil it, and sends it.
func (p *place) send(method, path, body string, change func(*http.Request)) answer {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("date", time.Now().UTC().Format(http.TimeFormat))
	req.Header.Set("content-type", "application/json")
	signer := common.RequestSignerWithBodyHashingPredicate(keys{key()}, common.DefaultGenericHeaders(), common.DefaultBodyHeaders(), func(r *http.Request) bool { return r.Method == http.MethodPost })
	if err := signer.Sign(req); err != nil {
		p.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := p.HTTPClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func TestSignatures(t *testing.T) {
	p := serve(t, 0)
	const list, create = "/n/" + namespace + "/b/" + bucketName + "/o", "/n/" + namespace + "/b"
	const bucket = `{"name":"new","compartmentId":"c"}`
	if a := p.send(http.MethodGet, list, "", nil); a.status != 200 {
		t.Fatalf("a good one: %+v", a)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	authorization := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
	}{
		"none":             {http.MethodGet, list, "", func(r *http.Request) { r.Header.Del("Authorization") }},
		"basic":            {http.MethodGet, list, "", func(r *http.Request) { r.SetBasicAuth("u", "p") }},
		"empty":            {http.MethodGet, list, "", func(r *http.Request) { r.Header.Set("Authorization", "Signature ") }},
		"version":          {http.MethodGet, list, "", authorization(`version="1"`, `version="2"`)},
		"algorithm":        {http.MethodGet, list, "", authorization("rsa-sha256", "hmac-sha256")},
		"no key id":        {http.MethodGet, list, "", authorization(keyID, "")},
		"unknown key id":   {http.MethodGet, list, "", authorization(keyID, "x/y/z")},
		"not base64":       {http.MethodGet, list, "", authorization(`signature="`, `signature="!`)},
		"date not signed":  {http.MethodGet, list, "", authorization(`headers="date `, `headers="`)},
		"quotes":           {http.MethodGet, list, "", authorization(`"`, "")},
		"another method":   {http.MethodGet, list, "", func(r *http.Request) { r.Method = http.MethodDelete }},
		"another path":     {http.MethodGet, list, "", func(r *http.Request) { r.URL.RawQuery = "limit=1" }},
		"another date":     {http.MethodGet, list, "", func(r *http.Request) { r.Header.Set("date", "Thu, 01 Jan 1970 00:00:00 GMT") }},
		"another host":     {http.MethodGet, list, "", func(r *http.Request) { r.Host = "elsewhere" }},
		"another body":     {http.MethodPost, create, bucket, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.ToUpper(bucket))) }},
		"another digest":   {http.MethodPost, create, bucket, func(r *http.Request) { r.Header.Set("x-content-sha256", "x") }},
		"body not signed":  {http.MethodPost, create, bucket, authorization(" x-content-sha256", "")},
		"length not there": {http.MethodPost, create, bucket, authorization(" content-length", "")},
		"another key": {http.MethodGet, list, "", func(r *http.Request) {
			r.Header.Del("Authorization")
			if err := common.DefaultRequestSigner(keys{other}).Sign(r); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		a := p.send(c.method, c.path, c.body, c.change)
		var f struct{ Code, Message string }
		if err := json.Unmarshal([]byte(a.body), &f); err != nil || a.status != http.StatusUnauthorized || f.Code != "NotAuthenticated" || f.Message == "" || a.header.Get("opc-request-id") == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if _, err := p.store.GetBucket("new"); err == nil {
		t.Error("a request that was refused made a bucket")
	}
	if a := p.send(http.MethodPost, create, bucket, nil); a.status != 200 {
		t.Errorf("a good one with a body: %+v", a)
	}
}

// Without a key to verify with, a signature must be well formed.
func TestSignaturesWithoutKeys(t *testing.T) {
	store, err := objects.Open(objects.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	s := New(Options{Objects: store, Namespace: namespace, Region: region})
	for signature, want := range map[string]int{
		`Signature version="1",keyId="a/b/c",algorithm="rsa-sha256",headers="date (request-target) host",signature="eHg="`:  200,
		`signature  version="1", keyId="a",algorithm="rsa-sha256",headers="x-date host (request-target)" ,signature="eHg="`: 200,
		`Signature version="1",keyId="a/b/c",algorithm="rsa-sha256",headers="host",signature="eHg="`:                        401,
		``: 401,
	} {
		r := httptest.NewRequest(http.MethodGet, "/n/", nil)
		r.Header.Set("Authorization", signature)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", signature, w.Code, want)
		}
	}
}

func TestPaths(t *testing.T) {
	p := serve(t, 0)
	p.mustPut("x/../y", "dots")
	for path, want := range map[string]int{
		"/n": 200, "/n/": 200, "/n/" + namespace: 200, "/n/other": 404, "/n/" + namespace + "/b?compartmentId=c": 200, "/n/" + namespace + "/b": 400,
		"/": 404, "/m": 404, "/n/" + namespace + "/x": 404, "/n/" + namespace + "/b/" + bucketName + "/z": 404, "/n/" + namespace + "/b/" + bucketName + "/z/y": 404,
		"/n/" + namespace + "/b/" + bucketName + "/actions/none": 404, "/n/" + namespace + "/b/" + bucketName + "/actions/copyObject": 405,
		"/n/" + namespace + "/b/" + bucketName + "/o/x%2F..%2Fy": 200, "/workRequests/": 404, "/workRequests/a/b": 404, "/n/?%zz": 400,
	} {
		if a := p.send(http.MethodGet, path, "", nil); a.status != want {
			t.Errorf("%s: %+v, want %d", path, a, want)
		}
	}
	for name, c := range map[string]struct {
		got  answer
		want int
	}{
		"no length": {p.send(http.MethodPut, "/n/"+namespace+"/b/"+bucketName+"/o/k", "body", func(r *http.Request) { r.ContentLength = -1 }), 411},
		"too large": {p.send(http.MethodPost, "/n/"+namespace+"/b", strings.Repeat(" ", maxJSON+1), nil), 413},
		"not JSON":  {p.send(http.MethodPost, "/n/"+namespace+"/b", "{", nil), 400},
	} {
		if c.got.status != c.want {
			t.Errorf("%s: %+v, want %d", name, c.got, c.want)
		}
	}
}

func FuzzSignature(f *testing.F) {
	for _, s := range []string{`version="1",keyId="a"`, `a="b" , c="d"`, `="`, `a=b`, `a="b"c="d"`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parameters(text)
		if err != nil {
			return
		}
		for name, value := range p {
			if strings.Contains(value, `"`) || !bytes.Contains([]byte(text), []byte(name)) {
				t.Errorf("%q gives %q", text, p)
			}
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-1", "bytes=5-", "", "bytes=-", "bytes=0-18446744073709551615"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, text string, size int64) {
		if size < 0 {
			return
		}
		from, length, err := rangeOf(text, size)
		if err == nil && (from < 0 || length < 0 || from > size || length > size-from || text != "" && length == 0) {
			t.Errorf("%q of %d: %d, %d", text, size, from, length)
		}
	})
}
