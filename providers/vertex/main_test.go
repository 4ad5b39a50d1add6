package vertex

import (
	"context"
	"errors"
	"flag"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/providertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const (
	testProject  = "acme-ml"
	testLocation = "europe-west4"
	testImage    = "europe-west4-docker.pkg.dev/acme-ml/batch/crossbatch@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	testDigest   = providertest.ModelDigest
)

func plainConfig() Config {
	return Config{Project: testProject, Location: testLocation, Image: testImage, Staging: "gs://lake/staging"}
}

// nowhere is for tests that open nothing.
func nowhere(context.Context, string) (*storage.Bucket, string, error) {
	return nil, "", errors.New("nothing is opened here")
}

func backendOf(t testing.TB, c Config) *Backend {
	t.Helper()
	b, err := New(c, Deps{Open: nowhere, Clock: clockwork.NewRealClock()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// plain is a spec of two shards, whose input is staged.
func plain(t testing.TB) provider.Spec {
	t.Helper()
	s := providertest.Spec(Kind, "gs://lake")
	place(t, &s)
	return s
}

// place says where what a spec needs lies, as the broker does.
func place(t testing.TB, s *provider.Spec) {
	t.Helper()
	m := mapping.Of(s.Job, s.Model.Digest, job.JSONL)
	m.Origin, m.Staged, m.Sealed = s.Input.Format, true, s.Job.Model.Artifact != ""
	providertest.Place(t, s, "gs://lake/staging/", m)
	providertest.Stage(s)
}

const hour = time.Hour
