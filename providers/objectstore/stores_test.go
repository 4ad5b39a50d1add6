package objectstore

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/emulator"
)

func TestMain(m *testing.M) {
	if os.Getenv(raceEnv) != "" {
		if err := race(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// A library below Google's SDK starts it when it is loaded.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// stand is one bucket of one store, with nothing in it.
type stand struct {
	column string
	uri    string // its root
	front  *front // nil for a folder
	open   *Opener
	racing racing
}

// bucket opens the bucket for a test.
func (s *stand) bucket(t *testing.T) *storage.Bucket {
	t.Helper()
	b, prefix, err := s.open.Open(t.Context(), s.uri)
	if err != nil || prefix != "" {
		t.Fatal(prefix, err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func (s *stand) folder() bool { return s.front == nil }

// column is a store: what makes a bucket of it.
type column struct {
	name string
	// make makes a bucket and gives its URI with the query that leads to endpoint.
	make     func(t *testing.T, name string, endpoint *url.URL) string
	endpoint func(t *testing.T) string // empty: a folder
}

// The account of Azure's emulators, which everybody knows.
// https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key
const (
	devAccount = "devstoreaccount1"
	devKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

func connectionTo(endpoint string) string {
	return fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s/%[1]s;", devAccount, devKey, endpoint)
}

// setenv gives the SDKs what the emulators want, and hides what the machine has.
func setenv(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "none"),
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "",
		"STORAGE_EMULATOR_HOST": "", "GOOGLE_APPLICATION_CREDENTIALS": "",
		"AZURE_STORAGE_ACCOUNT": devAccount, "AZURE_STORAGE_KEY": devKey, "AZURE_STORAGE_CONNECTION_STRING": "", "AZURE_STORAGE_SAS_TOKEN": "",
		"OCI_RESOURCE_PRINCIPAL_VERSION": "", "HOME": dir,
	} {
		t.Setenv(name, value)
	}
	for _, s := range e.Services() {
		for _, f := range s.Files {
			body, err := f.Content(func(name string) string { return filepath.Join(dir, name) })
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, f.Name), body, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range s.Variables {
			if v.File != "" {
				t.Setenv(v.Name, filepath.Join(dir, v.File))
			}
		}
	}
}

func columns(e *emulator.Emulator, azuriteFolder string) []column {
	at := func(service string) func(*testing.T) string {
		return func(t *testing.T) string {
			for _, s := range e.Services() {
				if s.Name == service {
					return s.Endpoint
				}
			}
			t.Fatalf("the emulator has no %s", service)
			return ""
		}
	}
	create := func(t *testing.T, service, name string) {
		if err := e.CreateBucket(t.Context(), service, name); err != nil {
			t.Fatal(err)
		}
	}
	azure := func(t *testing.T, name string, to *url.URL) string {
		client, err := container.NewClientFromConnectionString(connectionTo(to.String()), name, nil)
		if err == nil {
			_, err = client.Create(t.Context(), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("azblob://%s?storage_account=%s&protocol=http&domain=%s&localemu=true", name, devAccount, to.Host)
	}
	return []column{
		{name: "folder", make: func(t *testing.T, name string, _ *url.URL) string { return filepath.Join(t.TempDir(), name) }},
		{name: "s3", endpoint: at("s3"), make: func(t *testing.T, name string, to *url.URL) string {
			create(t, "s3", name)
			return fmt.Sprintf("s3://%s?region=us-east-1&use_path_style=true&endpoint=%s", name, to)
		}},
		{name: "gcs", endpoint: at("gcs"), make: func(t *testing.T, name string, to *url.URL) string {
			create(t, "gcs", name)
			return fmt.Sprintf("gs://%s?endpoint=%s", name, to)
		}},
		{name: "azure", endpoint: at("azblob"), make: azure},
		{name: "azurite", endpoint: func(t *testing.T) string { return azurite(t, azuriteFolder) }, make: azure},
		{name: "oci", endpoint: at("oci"), make: func(t *testing.T, name string, to *url.URL) string {
			create(t, "oci", name)
			return fmt.Sprintf("oci://%s@emulator?region=us-ashburn-1&endpoint=%s", name, to)
		}},
	}
}

// azuriteFolder is where make puts Azurite.
func azuriteFolder(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CROSSBATCH_TEST_AZURITE"); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "crossbatch", "azurite-3.37.0")
}

// azurite starts Microsoft's own emulator, so that ours is held against it. It knows
// fewer versions of the protocol than the SDK, and would tell Microsoft of its use.
func azurite(t *testing.T, folder string) string {
	t.Helper()
	script := filepath.Join(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js")
	if _, err := os.Stat(script); err != nil {
		t.Fatalf("Azurite is not there: run make azurite (%v)", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "node", script, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort", port)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = c.Stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = c.Wait() })
	said := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "successfully listen"); {
		n, err := out.Read(said)
		if text += string(said[:n]); err != nil {
			t.Fatalf("Azurite ended: %s", text)
		}
	}
	return "http://127.0.0.1:" + port
}

// TestStores runs the same cases over all stores, through their official SDKs.
func TestStores(t *testing.T) {
	e, err := emulator.Start(t.Context(), emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	folder := azuriteFolder(t) // before the home is another
	setenv(t, e)
	all, n := newRacing(t), 0
	for _, c := range columns(e, folder) {
		t.Run(c.name, func(t *testing.T) {
			var f *front
			var to *url.URL
			if c.endpoint != nil {
				f = before(t, c.endpoint(t))
				if to, err = url.Parse(f.URL); err != nil {
					t.Fatal(err)
				}
			}
			for _, k := range cases() {
				if k.only != "" && !strings.Contains(k.only, c.name) {
					continue
				}
				n++
				name := fmt.Sprintf("bucket-%d", n)
				t.Run(k.name, func(t *testing.T) {
					open := New(Options{})
					t.Cleanup(func() {
						if err := open.Close(); err != nil {
							t.Error(err)
						}
					})
					k.run(t, &stand{column: c.name, uri: c.make(t, name, to), front: f, open: open, racing: all})
				})
			}
		})
	}
}
