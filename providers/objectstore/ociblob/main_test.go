package ociblob

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"go.uber.org/goleak"
	"gocloud.dev/blob"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
	"github.com/crossbatch/crossbatch/local/emulator/ociobjectstorage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	namespace  = "mynamespace"
	bucketName = "bucket"
	region     = "eu-frankfurt-1"
	tenancy    = "ocid1.tenancy.oc1..t"
	user       = "ocid1.user.oc1..u"
	print16    = "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"
)

// key signs all tests' requests.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func pemOf(k *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
}

// service is an emulator on loopback, whose requests a test may look at and answer itself.
type service struct {
	url      string
	store    *objects.Store
	emulator http.Handler

	mu   sync.Mutex
	step func(w http.ResponseWriter, r *http.Request) bool // true: answered
	seen []string                                          // method and path of requests
}

type serviceOptions struct {
	clock     clockwork.Clock
	copyDelay time.Duration
	dir       string // of the objects; empty: in memory
}

func serve(t testing.TB, o serviceOptions) *service {
	t.Helper()
	store, err := objects.Open(objects.Options{Clock: o.clock, Dir: o.dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.CreateBucket(bucketName, nil); err != nil {
		t.Fatal(err)
	}
	emulator := ociobjectstorage.New(ociobjectstorage.Options{
		Objects: store, Namespace: namespace, Region: region, Clock: o.clock, CopyDelay: o.copyDelay,
		Key: func(id string) *rsa.PublicKey {
			if id != tenancy+"/"+user+"/"+print16 {
				return nil
			}
			return &key().PublicKey
		},
	})
	s := &service{store: store, emulator: emulator}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		step := s.step
		s.mu.Unlock()
		if step == nil || !step(w, r) {
			emulator.ServeHTTP(w, r)
		}
	}))
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *service) intercept(step func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step, s.seen = step, nil
}

// requests counts those of a method.
func (s *service) requests(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.seen {
		if len(r) > len(method) && r[:len(method)+1] == method+" " {
			n++
		}
	}
	return n
}

func (s *service) client(t testing.TB, k *rsa.PrivateKey) objectstorage.ObjectStorageClient {
	t.Helper()
	p := common.NewRawConfigurationProvider(tenancy, user, region, print16, string(pemOf(k)), nil)
	client, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(p)
	if err != nil {
		t.Fatal(err)
	}
	client.Host = s.url
	client.Configuration.CircuitBreaker = nil
	transport := &http.Transport{MaxIdleConnsPerHost: idleConnections, ExpectContinueTimeout: 100 * time.Millisecond}
	client.HTTPClient = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return client
}

func (s *service) open(t testing.TB, o *Options) *blob.Bucket {
	t.Helper()
	b, err := OpenBucket(s.client(t, key()), namespace, bucketName, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// nothing fails the test when anything is left of a write.
func (s *service) nothing(t testing.TB, name string) {
	t.Helper()
	if _, err := s.store.Stat(bucketName, name, nil); !errors.Is(err, objects.ErrNoObject) {
		t.Errorf("the object %s: %v", name, err)
	}
	uploads, err := s.store.Uploads(bucketName)
	if err != nil || len(uploads) > 0 {
		t.Errorf("uploads left behind: %v, %v", uploads, err)
	}
}

// answer answers as the service does when it fails.
func answer(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"code":"` + code + `","message":"said so by the test"}`))
	return true
}

func writeFile(t testing.TB, name string, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
