package vertex

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	"github.com/crossbatch/crossbatch/local/emulator/gcs"
	emulator "github.com/crossbatch/crossbatch/local/emulator/vertex"
	"github.com/crossbatch/crossbatch/providers/objectstore"
)

const (
	bucket     = "lake"
	testSecret = "hunter2-is-no-password"
)

// world is the emulators of Cloud Storage, Vertex AI and Cloud Logging on loopback.
type world struct {
	contracttests.T
	server *emulator.Server
	url    string
	query  string // says where Cloud Storage is
	stores *objectstore.Opener
}

// newWorld starts them. What containers answer, start says; nil: lines of ours.
func newWorld(t contracttests.T, o emulator.Options) *world {
	t.Helper()
	w := &world{T: t, stores: objectstore.New(objectstore.Options{})}
	objects := httptest.NewUnstartedServer(nil)
	store, err := gcs.New(gcs.Options{Host: objects.Listener.Addr().String()})
	if err != nil {
		t.Fatalf("%v", err)
	}
	objects.Config.Handler = store
	objects.Start()
	if err := store.CreateBucket(t.Context(), bucket); err != nil {
		t.Fatalf("%v", err)
	}
	w.query = "endpoint=" + objects.URL
	o.GCS, o.Project = objects.URL, testProject
	if o.Start == nil {
		o.Start = containertest.Serving(answering)
	}
	o.Predict.PingEvery, o.Predict.RetryAfter, o.Predict.Folder = time.Millisecond, time.Millisecond, t.TempDir()
	if w.server, err = emulator.New(o); err != nil {
		t.Fatalf("%v", err)
	}
	control := httptest.NewUnstartedServer(w.server)
	control.Config.Protocols = emulator.Protocols()
	control.Start()
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

// open opens a bucket of the emulated Cloud Storage, or a folder of this machine.
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
	b, err := New(c, w.deps())
	if err != nil {
		w.Fatalf("%v", err)
	}
	w.Cleanup(func() { _ = b.Close() })
	return b
}

func (w *world) deps() Deps {
	return Deps{
		Open: w.open, Clock: clockwork.NewRealClock(), Dir: w.TempDir(),
		Options: []option.ClientOption{option.WithGRPCDialOption(grpc.WithPerRPCCredentials(token(testSecret)))},
	}
}

// token is a credential that goes with each call, over connections without TLS, too.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

func (token) RequireTransportSecurity() bool { return false }

// put writes objects.
func (w *world) put(objects map[string]string) {
	w.Helper()
	b, _, err := w.open(w.Context(), "gs://"+bucket+"/")
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

// feed writes what staging would have written for the plain spec.
func (w *world) feed(s provider.Spec) {
	w.Helper()
	objects := map[string]string{"staging/models/" + testDigest + "/model.onnx": "x"}
	for _, e := range s.Staged.Entries {
		var text strings.Builder
		for row := range e.Records {
			inner := fmt.Sprintf(`{"id":"%d-%d","a":1,"b":2}`, e.Shard, e.First+row)
			fmt.Fprintf(&text, `{"_cb":"%d:%d","_cb_record":%s}`+"\n", e.Shard, e.First+row, record.AppendString(nil, inner))
		}
		at, err := storage.ParseURI(e.URI)
		if err != nil {
			w.Fatalf("%v", err)
		}
		objects[at.Key] = text.String()
	}
	w.put(objects)
}

// start sends what a spec is translated to, and gives the native job.
func (w *world) start(b *Backend, s provider.Spec) provider.Native {
	w.Helper()
	t, err := b.Translate(s)
	if err != nil {
		w.Fatalf("%v", err)
	}
	n, err := b.Send(w.Context(), t.Requests[0])
	if err != nil {
		w.Fatalf("%v", err)
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
	lengths(w, body)
}

func lengths(w io.Writer, body []byte) {
	var in struct {
		Instances []struct {
			Record string `json:"_cb_record"`
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return
	}
	out := []string{}
	for _, i := range in.Instances {
		out = append(out, fmt.Sprintf(`{"key":null,"prediction":{"y":%d}}`, len(i.Record)))
	}
	text, err := json.Marshal(map[string][]string{"predictions": out})
	if err != nil {
		return
	}
	_, _ = w.Write(text)
}
