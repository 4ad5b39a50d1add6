package emulator

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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"go.uber.org/goleak"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const bucket = "some-bucket"

// start runs an emulator with a bucket in each service, and sets its variables.
func start(t *testing.T, o Options) *Emulator {
	t.Helper()
	e, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d, ok := http.DefaultTransport.(*http.Transport); ok {
			d.CloseIdleConnections() // gocloud's clients keep theirs there
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, s := range e.Services() {
		if err := e.CreateBucket(t.Context(), s.Name, bucket); err != nil {
			t.Fatal(err)
		}
		for _, f := range s.Files {
			content, err := f.Content(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path(f.Name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range s.Variables {
			if v.File != "" {
				v.Value = path(v.File)
			}
			t.Setenv(v.Name, v.Value)
		}
	}
	return e
}

// stores are the services that gocloud has drivers for, and how somebody opens a
// bucket who has set the variables and knows nothing else.
var stores = map[string]func(ctx context.Context, name string) (*blob.Bucket, error){
	"s3": func(ctx context.Context, name string) (*blob.Bucket, error) {
		return blob.OpenBucket(ctx, "s3://"+name)
	},
	"gcs": func(ctx context.Context, name string) (*blob.Bucket, error) {
		return blob.OpenBucket(ctx, "gs://"+name+"?anonymous=true")
	},
	// azblob://NAME does the same, but reads the variable once in a process's life.
	"azblob": func(ctx context.Context, name string) (*blob.Bucket, error) {
		c, err := container.NewClientFromConnectionString(os.Getenv("AZURE_STORAGE_CONNECTION_STRING"), name, nil)
		if err != nil {
			return nil, err
		}
		return azureblob.OpenBucket(ctx, c, nil)
	},
}

func open(t *testing.T, service, name string) *blob.Bucket {
	t.Helper()
	b, err := stores[service](t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

var oddKeys = []string{
	"plain", "with space", " lead", "ünïcödé/日本語.csv", "a#b", "a?b", "a%b", "a%2Fb", "a+b", "a&b=c", "a//b", "/lead", "trail/", "a/../b",
	"quote'\"", "semi;colon", "~!@$^*()[]{}|`", strings.Repeat("k", 900),
}

func TestGocloudDrivers(t *testing.T) {
	start(t, Options{})
	for name := range stores {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			b := open(t, name, bucket)
			for _, key := range oddKeys {
				if err := upload(ctx, b, key, "of "+key, false); err != nil {
					t.Fatalf("%q: %v", key, err)
				}
			}
			var listed []string
			for it := b.List(nil); ; {
				o, err := it.Next(ctx)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				listed = append(listed, o.Key)
			}
			slices.Sort(listed) // gocloud escapes some keys for Azure, which sorts them elsewhere
			if want := slices.Sorted(slices.Values(oddKeys)); !slices.Equal(listed, want) {
				t.Errorf("listed %q\nwant   %q", listed, want)
			}
			for i, key := range oddKeys {
				if got, err := b.ReadAll(ctx, key); err != nil || string(got) != "of "+key {
					t.Errorf("%q holds %q %v", key, got, err)
				}
				to := fmt.Sprint("copy-", i)
				if err := b.Copy(ctx, to, key, nil); err != nil {
					t.Errorf("copying %q: %v", key, err)
				} else if got, err := b.ReadAll(ctx, to); err != nil || string(got) != "of "+key {
					t.Errorf("the copy of %q holds %q %v", key, got, err)
				}
				if err := b.Delete(ctx, key); err != nil {
					t.Errorf("deleting %q: %v", key, err)
				}
			}
			if _, err := b.ReadAll(ctx, "absent"); gcerrors.Code(err) != gcerrors.NotFound {
				t.Errorf("reading what is not there: %v", err)
			}
			r, err := b.NewRangeReader(ctx, "copy-0", 3, 2, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != "pl" {
				t.Errorf("a range holds %q %v", got, err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLargeObjects(t *testing.T) {
	start(t, Options{Dir: t.TempDir()})
	body := make([]byte, 40<<20)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	for name := range stores {
		t.Run(name, func(t *testing.T) {
			b := open(t, name, bucket)
			if err := upload(t.Context(), b, "big", string(body), true); err != nil {
				t.Fatal(err)
			}
			if got, err := b.ReadAll(t.Context(), "big"); err != nil || !bytes.Equal(got, body) {
				t.Errorf("the object is not what was sent: %v", err)
			}
			if err := upload(t.Context(), b, "big", string(body), true); gcerrors.Code(err) != gcerrors.FailedPrecondition {
				t.Errorf("written over: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			from := &stopping{Reader: bytes.NewReader(body), after: 20 << 20, stop: cancel}
			if err := b.Upload(ctx, "cancelled", from, &blob.WriterOptions{ContentType: "x/y"}); err == nil {
				t.Error("a cancelled write ended well")
			}
			if there, err := b.Exists(t.Context(), "cancelled"); err != nil || there {
				t.Errorf("a cancelled write left something: %t %v", there, err)
			}
		})
	}
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

func upload(ctx context.Context, b *blob.Bucket, key, body string, ifAbsent bool) error {
	return b.Upload(ctx, key, strings.NewReader(body), &blob.WriterOptions{ContentType: "text/plain", IfNotExist: ifAbsent})
}

func TestOneOfSixteenCreates(t *testing.T) {
	start(t, Options{})
	for name := range stores {
		t.Run(name, func(t *testing.T) {
			b := open(t, name, bucket)
			for round := range 10 {
				var won atomic.Int32
				var all sync.WaitGroup
				for i := range 16 {
					all.Go(func() {
						err := upload(t.Context(), b, fmt.Sprint("round-", round), fmt.Sprint(i), true)
						if err == nil {
							won.Add(1)
						} else if gcerrors.Code(err) != gcerrors.FailedPrecondition {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if won.Load() != 1 {
					t.Errorf("%d of 16 writers won", won.Load())
				}
			}
		})
	}
}

func TestMissingBucket(t *testing.T) {
	start(t, Options{})
	for name := range stores {
		t.Run(name, func(t *testing.T) {
			b := open(t, name, "no-bucket")
			if err := upload(t.Context(), b, "o", "x", false); gcerrors.Code(err) != gcerrors.NotFound {
				t.Errorf("writing: %v", err)
			}
			if _, err := b.ReadAll(t.Context(), "o"); gcerrors.Code(err) != gcerrors.NotFound {
				t.Errorf("reading: %v", err)
			}
		})
	}
}

// TestOCIConfiguration signs with the key of the file that OCI_CONFIG_FILE names.
func TestOCIConfiguration(t *testing.T) {
	e := start(t, Options{})
	provider, err := common.ConfigurationProviderFromFile(os.Getenv("OCI_CONFIG_FILE"), "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(provider)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	c.HTTPClient, c.Host = client, endpoint(e, "oci")
	namespace, err := c.GetNamespace(t.Context(), objectstorage.GetNamespaceRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetBucket(t.Context(), objectstorage.GetBucketRequest{NamespaceName: namespace.Value, BucketName: common.String(bucket)}); err != nil {
		t.Error(err)
	}
}

func endpoint(e *Emulator, service string) string {
	for _, s := range e.Services() {
		if s.Name == service {
			return s.Endpoint
		}
	}
	return ""
}

func TestFolderKeepsObjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made at the start")
	for _, round := range []string{"written", "kept"} {
		t.Run(round, func(t *testing.T) {
			start(t, Options{Dir: dir})
			for name := range stores {
				b := open(t, name, bucket)
				if round == "written" {
					if err := upload(t.Context(), b, "a//b", name, true); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := b.ReadAll(t.Context(), "a//b"); err != nil || string(got) != name {
					t.Errorf("%s: %q %v", name, got, err)
				}
			}
			if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("two emulators have the folder open: %v", err)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"127.0.0.1", "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65535", "0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "[::]:0", "[2001:db8::1]:0"} {
		e, err := Start(t.Context(), Options{Address: bad})
		if err == nil {
			t.Errorf("%q was taken", bad)
			_ = e.Close()
		} else if !strings.Contains(err.Error(), strconv.Quote(bad)) {
			t.Errorf("%q: the error does not name it: %v", bad, err)
		}
	}
	e, err := Start(t.Context(), Options{Address: "localhost:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestPortsFollowEachOther(t *testing.T) {
	for range 20 { // others take ports, too
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		e, err := Start(t.Context(), Options{Address: fmt.Sprint("127.0.0.1:", first)})
		if err != nil {
			continue
		}
		for i, s := range e.Services() {
			if want := fmt.Sprintf("http://127.0.0.1:%d", first+i); s.Endpoint != want {
				t.Errorf("%s is at %s, want %s", s.Name, s.Endpoint, want)
			}
		}
		// A port that is taken stops the others again.
		if _, err := Start(t.Context(), Options{Address: fmt.Sprint("127.0.0.1:", first)}); err == nil {
			t.Error("started on ports that are taken")
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	t.Fatal("no ports in a row were free")
}

func TestCreateBucket(t *testing.T) {
	e := start(t, Options{})
	for _, s := range e.Services() {
		if err := e.CreateBucket(t.Context(), s.Name, bucket); err != nil {
			t.Errorf("%s: a second time: %v", s.Name, err)
		}
		if err := e.CreateBucket(t.Context(), s.Name, "not/a bucket"); err == nil || !strings.Contains(err.Error(), s.Name) {
			t.Errorf("%s: a name that is none: %v", s.Name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.CreateBucket(ctx, s.Name, "other"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: in a cancelled context: %v", s.Name, err)
		}
	}
	if err := e.CreateBucket(t.Context(), "gopher", bucket); err == nil || !strings.Contains(err.Error(), "s3, gcs") {
		t.Errorf("%v", err)
	}
}

func TestClose(t *testing.T) {
	e, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, s := range e.Services() {
		if c, err := net.Dial("tcp", strings.TrimPrefix(s.Endpoint, "http://")); err == nil {
			_ = c.Close()
			t.Errorf("%s still listens", s.Name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("started in a cancelled context: %v", err)
	}
}
