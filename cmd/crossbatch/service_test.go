//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/local/emulator/container/containertest"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker"
	"github.com/crossbatch/crossbatch/local/emulator/sagemaker/transform"
	"github.com/crossbatch/crossbatch/local/emulator/vertex"
	"github.com/crossbatch/crossbatch/local/emulator/vertex/predict"
)

// cloud is stores and the services that run models, whose containers are in this
// process: their jobs cost no process.
type cloud struct {
	*stores
	endpoints map[string]string // by kind
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{newStores(t), map[string]string{}}
	yard := containertest.New(t, nil, c.open)
	batch, err := sagemaker.New(sagemaker.Options{
		S3: c.services["s3"].Endpoint, Start: yard.Start, Transform: transform.Options{PingEvery: time.Millisecond, RetryAfter: time.Millisecond, Folder: t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.serve("sagemaker", batch, nil)
	prediction, err := vertex.New(vertex.Options{
		GCS: c.services["gcs"].Endpoint, Start: yard.Start, Predict: predict.Options{PingEvery: time.Millisecond, RetryAfter: time.Millisecond, Folder: t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.serve("vertex", prediction, vertex.Protocols())
	return c
}

func (c *cloud) serve(kind string, h interface {
	http.Handler
	io.Closer
}, protocols *http.Protocols) {
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = protocols
	s.Start()
	c.endpoints[kind] = s.URL
	c.t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		if err := h.Close(); err != nil {
			c.t.Error(err)
		}
	})
}

// block is a provider block that stages in a place of its own.
func (c *cloud) block(kind, name string) string {
	return strings.Replace(fmt.Sprintf(emulated[kind], c.endpoints[kind], 0), "bucket/staging", "bucket/"+name+"/staging", 1)
}

// haste makes an hour take twelve seconds.
const haste = 300

// sagemaker is a scene on SageMaker, whose ledger and destination are in S3.
func (c *cloud) sagemaker(t *testing.T, name string) *scene {
	return newScene(t, stage{
		blocks: fmt.Sprintf("crossbatch {\n  project = \"proofs\"\n  ledger  = %q\n}\n", c.at("s3", name+"/ledger/")) + c.block("sagemaker", name), place: "sagemaker.emulated",
		out: c.at("s3", name+"/out/"), open: c.open, haste: haste, made: func() []native { return transformJobs(t, c.endpoints["sagemaker"]) },
	})
}

// vertex is a scene on Vertex AI, whose ledger and destination are folders.
func (c *cloud) vertex(t *testing.T, name string) *scene {
	return newScene(t, stage{
		blocks: c.block("vertex", name), place: "vertex.emulated",
		haste: haste, made: func() []native { return predictionJobs(t, c.endpoints["vertex"]) },
	})
}
