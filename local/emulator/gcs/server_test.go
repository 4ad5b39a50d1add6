package gcs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/storage"
	"go.uber.org/goleak"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// world is a server on loopback with one bucket, and an unmodified client of the
// official SDK that was led to it by STORAGE_EMULATOR_HOST.
type world struct {
	*testing.T
	*storage.BucketHandle
	client *storage.Client
	server *Server
	http   *http.Client
	url    string
}

const bucket = "some-bucket"

func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	s, err := New(Options{Host: host, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: s}
	done := make(chan error)
	go func() { done <- h.Serve(l) }()
	t.Setenv("STORAGE_EMULATOR_HOST", host)
	transport := &http.Transport{}
	c, err := storage.NewClient(context.Background(), option.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	c.SetRetry(storage.WithPolicy(storage.RetryNever))
	t.Cleanup(func() {
		_ = c.Close()
		transport.CloseIdleConnections()
		_ = h.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{T: t, BucketHandle: c.Bucket(bucket), client: c, server: s, http: &http.Client{Transport: transport}, url: "http://" + host}
}

func (w *world) put(o *storage.ObjectHandle, body string) error {
	out := o.NewWriter(w.Context())
	if _, err := io.WriteString(out, body); err != nil {
		return err
	}
	return out.Close()
}

func (w *world) mustPut(key, body string) {
	w.Helper()
	if err := w.put(w.Object(key), body); err != nil {
		w.Fatalf("put %q: %v", key, err)
	}
}

func (w *world) get(key string) string {
	w.Helper()
	r, err := w.Object(key).NewReader(w.Context())
	if err != nil {
		w.Fatalf("get %q: %v", key, err)
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(r)
	if err != nil {
		w.Fatalf("get %q: %v", key, err)
	}
	return string(b)
}

func (w *world) refused(err error, status int) {
	w.Helper()
	var api *googleapi.Error
	if !errors.As(err, &api) || api.Code != status {
		w.Errorf("%v, want status %d", err, status)
	}
}

func (w *world) keys(q *storage.Query, size int) []string {
	w.Helper()
	var out []string
	it := w.Objects(w.Context(), q)
	it.PageInfo().MaxSize = size
	for {
		o, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return out
		}
		if err != nil {
			w.Fatal(err)
		}
		if o.Prefix != "" {
			o.Name = o.Prefix + "*"
		}
		out = append(out, o.Name)
	}
}

var oddKeys = []string{
	"plain", "with space", " lead", "trail ", "ünïcödé/日本語.csv", "a#b", "a?b", "a%b", "a%2Fb", "a+b", "a&b=c", "a//b", "/lead", "//lead", "trail/", "a/trail//", "../up", "a/../b", "./a",
	"o/acl", "quote'\"", "back\\slash", "<xml>&amp;", "tab\t", "semi;colon", "~!@$^*()[]{}|`", strings.Repeat("k", 1024),
}

func TestOddKeys(t *testing.T) {
	dir := t.TempDir()
	t.Run("written", func(t *testing.T) {
		w := newWorld(t, dir)
		for _, key := range oddKeys {
			w.mustPut(key, "of "+key)
		}
		if _, err := New(Options{Host: "127.0.0.1:1", Dir: dir}); err == nil {
			t.Error("two servers have the folder open")
		}
	})
	t.Run("read again", func(t *testing.T) { // from the snapshot
		w := newWorld(t, dir)
		want := slices.Sorted(slices.Values(oddKeys))
		if got := w.keys(nil, 7); !slices.Equal(got, want) {
			t.Errorf("listed %q\nwant   %q", got, want)
		}
		for _, key := range oddKeys {
			if got := w.get(key); got != "of "+key {
				t.Errorf("%q holds %q", key, got)
			}
			if got := w.keys(&storage.Query{Prefix: key}, 0); !slices.Contains(got, key) {
				t.Errorf("not listed under its own name: %q", key)
			}
			if err := w.Object(key).Delete(t.Context()); err != nil {
				t.Errorf("deleting %q: %v", key, err)
			}
		}
	})
}

func TestSnapshotKeepsWhatIsKnown(t *testing.T) {
	dir := t.TempDir()
	var before *storage.ObjectAttrs
	t.Run("first", func(t *testing.T) {
		w := newWorld(t, dir)
		out := w.Object("o").NewWriter(t.Context())
		out.ContentType, out.Metadata = "text/csv", map[string]string{"m": "v"}
		if _, err := out.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		before = out.Attrs()
		if err := w.client.Bucket("second-bucket").Create(t.Context(), "project", nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("second", func(t *testing.T) {
		w := newWorld(t, dir)
		got, err := w.Object("o").Attrs(t.Context())
		if err != nil || got.Generation != before.Generation || got.ContentType != "text/csv" || got.Metadata["m"] != "v" || got.CRC32C != before.CRC32C || !got.Updated.Equal(before.Updated) {
			t.Errorf("%+v %v, want %+v", got, err, before)
		}
		if _, err := w.client.Bucket("second-bucket").Attrs(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if left, err := filepath.Glob(filepath.Join(dir, "objects.*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
	t.Run("damaged", func(t *testing.T) {
		path := filepath.Join(dir, snapshotFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, damage := range map[string][]byte{"cut": b[:len(b)-1], "longer": append(bytes.Clone(b), b...), "empty": nil, "other": []byte("x")} {
			if err := os.WriteFile(path, damage, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := New(Options{Host: "127.0.0.1:1", Dir: dir}); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestRanges(t *testing.T) {
	w := newWorld(t, "")
	w.mustPut("o", "0123456789")
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 1, "0"}, {2, 3, "234"}, {8, -1, "89"}, {8, 100, "89"}, {-3, -1, "789"}} {
		r, err := w.Object("o").NewRangeReader(t.Context(), c.offset, c.length)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || string(b) != c.want {
			t.Errorf("%d+%d: %q %v", c.offset, c.length, b, err)
		}
		_ = r.Close()
	}
	_, err := w.Object("o").NewRangeReader(t.Context(), 10, -1)
	w.refused(err, http.StatusRequestedRangeNotSatisfiable)
}

func TestLargeUploads(t *testing.T) {
	w := newWorld(t, "")
	body := make([]byte, 20<<20) // two chunks of the SDK
	_, _ = rand.NewChaCha8([32]byte{1, 2}).Read(body)
	out := w.Object("big").If(storage.Conditions{DoesNotExist: true}).NewWriter(t.Context())
	if _, err := out.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if w.get("big") != string(body) {
		t.Error("the object is not what was sent")
	}
	out = w.Object("big").If(storage.Conditions{DoesNotExist: true}).NewWriter(t.Context())
	_, _ = out.Write(body)
	w.refused(out.Close(), http.StatusPreconditionFailed)

	ctx, cancel := context.WithCancel(t.Context())
	out = w.Object("cancelled").NewWriter(ctx)
	_, _ = out.Write(body[:18<<20])
	cancel()
	if err := out.Close(); err == nil {
		t.Error("a cancelled write ended well")
	}
	if _, err := w.Object("cancelled").Attrs(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("a cancelled write left something: %v", err)
	}
}

func TestOneOfSixteenCreates(t *testing.T) {
	w := newWorld(t, "")
	for round := range 20 {
		o := w.Object(fmt.Sprint("round-", round)).If(storage.Conditions{DoesNotExist: true})
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if err := w.put(o, fmt.Sprint(i)); err == nil {
					won.Add(1)
				} else {
					w.refused(err, http.StatusPreconditionFailed)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("%d of 16 writers won", won.Load())
		}
	}
}

// TestPreconditions fails on fake-gcs-server alone, which reads, deletes and
// copies regardless.
func TestPreconditions(t *testing.T) {
	w := newWorld(t, "")
	w.mustPut("o", "one")
	attrs, err := w.Object("o").Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	is, isNot := storage.Conditions{GenerationMatch: attrs.Generation}, storage.Conditions{GenerationMatch: 1}
	_, err = w.Object("o").If(isNot).Attrs(t.Context())
	w.refused(err, http.StatusPreconditionFailed)
	w.refused(w.Object("o").If(isNot).Delete(t.Context()), http.StatusPreconditionFailed)
	if _, err = w.Object("o").If(is).Attrs(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err = w.Object("copy").CopierFrom(w.Object("o").If(is)).Run(t.Context()); err != nil || w.get("copy") != "one" {
		t.Error(err)
	}
	_, err = w.Object("copy").CopierFrom(w.Object("o").If(isNot)).Run(t.Context())
	w.refused(err, http.StatusPreconditionFailed)
	_, err = w.Object("copy").If(storage.Conditions{DoesNotExist: true}).CopierFrom(w.Object("o")).Run(t.Context())
	w.refused(err, http.StatusNotImplemented)
	_, err = w.Object("o").If(storage.Conditions{MetagenerationMatch: 7}).Attrs(t.Context())
	w.refused(err, http.StatusNotImplemented)
	if err := w.Object("o").If(is).Delete(t.Context()); err != nil {
		t.Error(err)
	}
	if err := w.put(w.Object("copy").If(isNot), "two"); err == nil || w.get("copy") != "one" {
		t.Errorf("overwritten: %v", err)
	}
}

// TestFolding fails on fake-gcs-server alone, which repeats prefixes.
func TestFolding(t *testing.T) {
	w := newWorld(t, "")
	for _, key := range []string{"/x", "//y", "a", "a/1", "a/2", "a/3", "ab/1", "b//c", "b/d", "c", "d/1", "d/2"} {
		w.mustPut(key, key)
	}
	for prefix, want := range map[string][]string{
		"": {"/*", "a", "a/*", "ab/*", "b/*", "c", "d/*"}, "/": {"//*", "/x"}, "a": {"a", "a/*", "ab/*"}, "a/": {"a/1", "a/2", "a/3"}, "b/": {"b//*", "b/d"}, "z": nil,
	} {
		for size := 1; size < 8; size++ {
			got := w.keys(&storage.Query{Prefix: prefix, Delimiter: "/"}, size)
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("prefix %q, pages of %d: %q, want %q", prefix, size, got, want)
			}
		}
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, "")
	var want []string
	for i := range 1010 { // more than a page that nobody bounds
		key := fmt.Sprintf("n/%04d", i)
		w.mustPut(key, "x")
		want = append(want, key)
	}
	for _, size := range []int{0, 100} {
		if got := w.keys(&storage.Query{Prefix: "n/"}, size); !slices.Equal(got, want) {
			t.Errorf("page size %d: %d keys", size, len(got))
		}
	}
}

func TestMissing(t *testing.T) {
	w := newWorld(t, "")
	if _, err := w.Object("absent").NewReader(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("%v", err)
	}
	if err := w.Object("absent").Delete(t.Context()); !errors.Is(err, storage.ErrObjectNotExist) {
		t.Errorf("%v", err)
	}
	elsewhere := w.client.Bucket("no-bucket")
	if _, err := elsewhere.Attrs(t.Context()); !errors.Is(err, storage.ErrBucketNotExist) {
		t.Errorf("%v", err)
	}
	w.refused(w.put(elsewhere.Object("o"), "x"), http.StatusNotFound)
	if _, err := elsewhere.Objects(t.Context(), nil).Next(); !errors.Is(err, storage.ErrBucketNotExist) {
		t.Errorf("%v", err)
	}
	if err := w.server.CreateBucket(t.Context(), "No Bucket"); err == nil {
		t.Error("a bucket with a bad name was made")
	}
}

func TestClosedDoors(t *testing.T) {
	w := newWorld(t, "")
	w.mustPut("o", "x")
	for _, path := range []string{"/_internal/delete_all", "/_internal/config", "/_internal/reseed"} {
		resp, err := w.http.Post(w.url+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if w.get("o") != "x" {
		t.Error("the object is gone")
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.Object("o").Attrs(t.Context())
	w.refused(err, http.StatusServiceUnavailable)
}
