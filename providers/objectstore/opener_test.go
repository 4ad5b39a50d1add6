package objectstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator"
)

var _ storage.Opener = (*Opener)(nil).Open

// opener is one with what the emulators want, of which none runs: nothing here
// asks a service.
func opener(t *testing.T) *Opener {
	t.Helper()
	e, err := emulator.Start(t.Context(), emulator.Options{})
	must(t, err)
	setenv(t, e)
	must(t, e.Close())
	o := New(Options{})
	t.Cleanup(func() { must(t, o.Close()) })
	return o
}

func TestOpen(t *testing.T) {
	o := opener(t)
	dir := t.TempDir()
	for uri, want := range map[string]struct{ prefix, object string }{
		"s3://b?region=us-east-1":                    {"", "s3://b/k%20%3F?region=us-east-1"},
		"s3://b/p?region=us-east-1":                  {"p/", "s3://b/p/k%20%3F?region=us-east-1"},
		"s3://b/p%20q/?region=us-east-1":             {"p q/", "s3://b/p%20q/k%20%3F?region=us-east-1"},
		"gs://b/p/?anonymous=true":                   {"p/", "gs://b/p/k%20%3F?anonymous=true"},
		"azblob://c/p":                               {"p/", "azblob://c/p/k%20%3F"},
		"azblob://c/p?storage_account=o&anonymous=1": {"p/", "azblob://c/p/k%20%3F?storage_account=o&anonymous=1"},
		"oci://b@n/p":                                {"p/", "oci://b@n/p/k%20%3F"},
		dir:                                          {"", storage.FileURI(filepath.Join(dir, "k ?"))},
		storage.FileURI(dir) + "/":                   {"", storage.FileURI(filepath.Join(dir, "k ?"))},
	} {
		b, prefix, err := o.Open(t.Context(), uri)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if got := b.URI(prefix + "k ?"); prefix != want.prefix || got != want.object {
			t.Errorf("%s: prefix %q, object %s", uri, prefix, got)
		}
		must(t, b.Close())
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	o := opener(t)
	for uri, want := range map[string]string{
		"http://b/k":                                        "http:// is no store that crossbatch knows; those are azblob, gs, oci, s3",
		"s4://b/k":                                          "did you mean s3?",
		"s3://b/k?regoin=x":                                 `it has no parameter "regoin" (did you mean region?)`,
		"s3://b/k?region=x&secret_key=hushhush":             `it has no parameter "secret_key"; those are region`,
		"gs://b/k?region=x":                                 `it has no parameter "region"; those are endpoint, anonymous`,
		"azblob://c/k?account=x":                            `it has no parameter "account"`,
		"azblob://c/k?sas=hushhush":                         `it has no parameter "sas"`,
		"s3://b/k?region=a&region=b":                        `the parameter "region" is given twice`,
		"s3://b/k?anonymous=hushhush":                       `"anonymous" is neither true nor false`,
		"s3://b/k?region=%zz":                               "its query cannot be read",
		"s3://b/k":                                          "no region is known; add ?region=REGION",
		"s3://b/k?region=x&endpoint=http://u:hushhush@h":    "credentials do not belong there",
		"s3://b/k?region=x&endpoint=hushhush":               `the parameter "endpoint" must be http:// or https://`,
		"s3://u:hushhush@b/k?region=x":                      "holds a user name or password",
		"gs://hushhush@b/k":                                 "holds a user name or password",
		"s3://b/100%?region=x":                              "write %25",
		"s3:///k":                                           "names no bucket",
		"oci://b/k":                                         "write oci://BUCKET@NAMESPACE/PREFIX",
		"azblob://c/k?protocol=http&domain=example.com":     "http is for emulators only",
		"azblob://c/k?protocol=hushhush":                    "the protocol is http or https",
		"s3://b/k?region=x&request_checksum_calculation=no": "neither when_supported nor when_required",
		"s3://b/k?region=x&profile=nobody":                  "no credentials",
	} {
		b, _, err := o.Open(t.Context(), uri)
		if err == nil {
			_ = b.Close()
			t.Errorf("%s was opened", uri)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "hush") || strings.Contains(text, "\n") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// Without credentials an error says where was looked, and no value of what was
// found and was not enough.
func TestNoCredentials(t *testing.T) {
	o := opener(t)
	torn := filepath.Join(t.TempDir(), "torn")
	must(t, os.WriteFile(torn, []byte("user=hushhush\n{hushhush"), 0o600))
	for _, tt := range []struct {
		name, uri, want string
		env             map[string]string
	}{
		{"s3", "s3://b?region=us-east-1", "AWS_ACCESS_KEY_ID", map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "hushhush"}},
		{"a profile of s3", "s3://b?region=us-east-1&profile=nobody", `no profile "nobody"`, nil},
		{"gcs", "gs://b", "GOOGLE_APPLICATION_CREDENTIALS", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": torn}},
		{"a file of gcs that is not there", "gs://b", "gcloud auth application-default login", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": torn + "2"}},
		{"azure", "azblob://c", "AZURE_STORAGE_CONNECTION_STRING", map[string]string{"AZURE_STORAGE_KEY": "", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}},
		{"another account of azure", "azblob://c?storage_account=other", "each for its own account", map[string]string{"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}},
		{"a key of azure", "azblob://c", "must be base64", map[string]string{"AZURE_STORAGE_KEY": "hushhush!"}},
		{"a connection string of azure", "azblob://c", "AccountName and AccountKey", map[string]string{"AZURE_STORAGE_KEY": "", "AZURE_STORAGE_CONNECTION_STRING": "AccountName=devstoreaccount1;AccountKey=hushhush!;EndpointSuffix=x"}},
		{"oci", "oci://b@n", "OCI_CONFIG_FILE is set", map[string]string{"OCI_CONFIG_FILE": torn + "2"}},
		{"a file of oci", "oci://b@n", "OCI_CONFIG_FILE is set", map[string]string{"OCI_CONFIG_FILE": torn}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			_, _, err := o.Open(t.Context(), tt.uri)
			if !errors.Is(err, storage.ErrNoCredentials) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
}

// A store's client is made once, whoever asks and in whatever order its
// parameters stand, and goes with its opener.
func TestClientsAreShared(t *testing.T) {
	o := opener(t)
	clients := make([]*s3.Client, 16)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			uri := "s3://b/p?region=eu-west-1&use_path_style=true"
			if i%2 == 0 {
				uri = "s3://b2?use_path_style=true&region=eu-west-1"
			}
			b, _, err := o.Open(t.Context(), uri)
			if err != nil || !b.As(&clients[i]) {
				t.Error(err)
				return
			}
			must(t, b.Close())
		})
	}
	wg.Wait()
	for _, c := range clients {
		if c == nil || c != clients[0] {
			t.Fatal("another client")
		}
	}
	if got := clients[0].Options(); got.Region != "eu-west-1" || !got.UsePathStyle {
		t.Errorf("%s, %v", got.Region, got.UsePathStyle)
	}
	must(t, o.Close())
	must(t, o.Close())
	if _, _, err := o.Open(t.Context(), "s3://b?region=eu-west-1"); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := New(Options{}).Open(ctx, "gs://b/p?anonymous=true"); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestCut(t *testing.T) {
	for _, size := range []int64{-1, 0, 1, 8 * mib, 80_000 * mib, 1 << 40, 5 << 40} {
		part, parallel := cut(size, 8*mib, 10_000)
		if size > 0 && int64(part)*10_000 < size || part < 8*mib || parallel < 1 || parallel > 1 && part*parallel > writeMemory {
			t.Errorf("%d bytes: %d parts of %d", size, parallel, part)
		}
	}
}
