package ociobjectstorage

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	namespace   = "mynamespace"
	bucketName  = "bucket"
	region      = "eu-frankfurt-1"
	compartment = "ocid1.compartment.oc1..c"
	keyID       = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// place is a service on loopback, and Oracle's client of it.
type place struct {
	objectstorage.ObjectStorageClient
	t     testing.TB
	url   string
	store *objects.Store
	clock *clockwork.FakeClock
}

// ptr is what the SDK wants everywhere.
func ptr[T any](v T) *T { return &v }

func serve(t testing.TB, copyDelay time.Duration) *place {
	t.Helper()
	clock := clockwork.NewFakeClockAt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store, err := objects.Open(objects.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{
		Objects: store, Namespace: namespace, Region: region, Clock: clock, CopyDelay: copyDelay,
		Key: func(id string) *rsa.PublicKey {
			if id == keyID {
				return &key().PublicKey
			}
			return nil
		},
	})
	server := httptest.NewServer(s)
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key())})
	client, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(
		common.NewRawConfigurationProvider("ocid1.tenancy.oc1..t", "ocid1.user.oc1..u", region, "aa:bb", string(pemKey), nil))
	if err != nil {
		t.Fatal(err)
	}
	client.Host = server.URL
	none := common.NoRetryPolicy()
	client.Configuration.RetryPolicy = &none // its setter would undo Host
	transport := &http.Transport{}
	client.HTTPClient = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &place{ObjectStorageClient: client, t: t, url: server.URL, store: store, clock: clock}
	p.bucket(bucketName)
	return p
}

func (p *place) bucket(name string) {
	p.t.Helper()
	_, err := p.CreateBucket(p.t.Context(), objectstorage.CreateBucketRequest{
		NamespaceName:       ptr(namespace),
		CreateBucketDetails: objectstorage.CreateBucketDetails{Name: &name, CompartmentId: ptr(compartment), Metadata: map[string]string{"m": "n"}},
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// failed fails the test unless the service said so.
func (p *place) failed(what string, err error, status int, code string) {
	p.t.Helper()
	f, ok := common.IsServiceError(err)
	if !ok || f.GetHTTPStatusCode() != status || f.GetCode() != code || f.GetOpcRequestID() == "" {
		p.t.Errorf("%s: want %d %s, got %v", what, status, code, err)
	}
}

func second[T any](_ T, err error) error { return err }
