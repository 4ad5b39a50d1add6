package sagemaker

import (
	"context"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/provider/providertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain gives all tests credentials: those of S3 are found by the SDK's own chain.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": testKey, "AWS_SECRET_ACCESS_KEY": testSecret, "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const (
	testRegion = "us-east-1"
	testRole   = "arn:aws:iam::123456789012:role/service-role/batch"
	testImage  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	testDigest = providertest.ModelDigest
)

func plainConfig() Config {
	return Config{Region: testRegion, RoleARN: testRole, Image: testImage, Staging: "s3://lake/staging"}
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

// inPlace is a spec whose two shards are read where they lie.
func inPlace(t testing.TB) provider.Spec {
	t.Helper()
	s := providertest.Spec(Kind, "s3://lake")
	place(t, &s)
	return s
}

// place says where what a spec needs lies, as the broker does for input that is
// read in place.
func place(t testing.TB, s *provider.Spec) {
	t.Helper()
	providertest.Place(t, s, "s3://lake/staging/", mapping.Of(s.Job, s.Model.Digest, s.Input.Format))
}

const hour = time.Hour
