package sagemaker

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	"github.com/crossbatch/crossbatch/local/emulator/s3"
	emulator "github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/providers/objectstore"
)

const (
	bucket     = "lake"
	testKey    = "AKIDEXAMPLE"
	testSecret = "hunter2-is-no-password"
)

// world is the emulators of S3, SageMaker and CloudWatch Logs on loopback.
type world struct {
	contracttests.T
	server *emulator.Server
	url    string
	query  string // says where S3 is
	stores *objectstore.Opener
}

// newWorld starts them. What containers answer, start says; nil: lines of ours.
func newWorld(t contracttests.T, o emulator.Options) *world {
	t.Helper()
	w := &world{T: t, stores: objectstore.New(objectstore.Options{})}
	store, err := s3.New(s3.Options{})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := store.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatalf("%v", err)
	}
	objects := httptest.NewServer(store)
	w.query = "region=" + testRegion + "&endpoint=" + objects.URL + "&use_path_style=true"
	o.S3 = objects.URL
	if o.Start == nil {
		o.Start = containertest.Serving(answering)
	}
	o.Transform.PingEvery, o.Transform.RetryAfter, o.Transform.Folder = time.Millisecond, time.Millisecond, t.TempDir()
	if w.server, err = emulator.New(o); err != nil {
		t.Fatalf("%v", err)
	}
	control := httptest.NewServer(w.server)
	w.url = control.URL
	t.Cleanup(func() {
		if err := w.stores.Close(); err != nil {
			t.Errorf("%v", err)
		}
		control.CloseClientConnections()
		control.Close()
		if err := w.server.Close(); err != nil {
			t.Errorf("%v", err)
		}
		objects.CloseClientConnections()
		objects.Close()
		if err := store.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return w
}

// open opens a bucket of the emulated S3.
func (w *world) open(ctx context.Context, uri string) (*storage.Bucket, string, error) {
	if before, q := storage.CutQuery(uri); q == "" && strings.HasPrefix(uri, scheme+"://") {
		uri = before + "?" + w.query
	}
	return w.stores.Open(ctx, uri)
}

// config is a block for this world.
func (w *world) config() Config {
	c := plainConfig()
	c.Endpoint = w.url
	return c
}

func (w *world) backend(c Config) *Backend {
	w.Helper()
	b, err := New(c, Deps{Open: w.open, Clock: clockwork.NewRealClock(), AWS: credentialed})
	if err != nil {
		w.Fatalf("%v", err)
	}
	w.Cleanup(func() { _ = b.Close() })
	return b
}

func credentialed(context.Context) (aws.Config, error) {
	return aws.Config{Region: testRegion, Credentials: credentials.NewStaticCredentialsProvider(testKey, testSecret, "")}, nil
}

// put writes objects.
func (w *world) put(objects map[string]string) {
	w.Helper()
	b, _, err := w.open(w.Context(), "s3://"+bucket+"/")
	if err != nil {
		w.Fatalf("%v", err)
	}
	defer func() { _ = b.Close() }()
	for key, body := range objects {
		if err := b.Replace(w.Context(), key, []byte(body)); err != nil {
			w.Fatalf("%v", err)
		}
	}
}

// read reads an object.
func (w *world) read(uri string) string {
	w.Helper()
	folder, name := storage.Split(uri)
	b, prefix, err := w.open(w.Context(), folder)
	if err != nil {
		w.Fatalf("%v", err)
	}
	defer func() { _ = b.Close() }()
	text, err := b.Read(w.Context(), prefix+name)
	if err != nil {
		w.Fatalf("%v", err)
	}
	return string(text)
}

// start walks a translation as the broker does, and gives the native job.
func (w *world) start(b *Backend, s provider.Spec) provider.Native {
	w.Helper()
	t, err := b.Translate(s)
	if err != nil {
		w.Fatalf("%v", err)
	}
	for _, u := range t.Uploads {
		at, err := storage.ParseURI(u.URI)
		if err != nil {
			w.Fatalf("%v", err)
		}
		w.put(map[string]string{at.Key: u.Body})
	}
	var n provider.Native
	for _, q := range t.Requests {
		if n, err = b.Send(w.Context(), q); err != nil && b.Code(err) != provider.AlreadyExists {
			w.Fatalf("%v", err)
		}
	}
	return n
}

// ended waits until a job is over.
func (w *world) ended(b *Backend, n provider.Native) (o provider.Observation) {
	w.Helper()
	err := containertest.Poll(w.Context(), func() (bool, error) {
		var err error
		o, err = b.Describe(w.Context(), n)
		return o.State.Terminal(), err
	})
	if err != nil {
		w.Fatalf("%v", err)
	}
	return o
}

// answering answers each record with its length.
func answering(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	lengths(w, string(body))
}

func lengths(w io.Writer, body string) {
	for line := range strings.Lines(body) {
		fmt.Fprintf(w, `{"key":null,"prediction":{"y":%d}}`+"\n", len(strings.TrimSuffix(line, "\n")))
	}
}
