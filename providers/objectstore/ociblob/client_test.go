package ociblob

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
)

const secret = "hunter2" // must be told to nobody

func configFile(t *testing.T, drop string) string {
	t.Helper()
	lines := []string{"[DEFAULT]"}
	for _, l := range []string{
		"tenancy=" + tenancy, "user=" + user, "fingerprint=" + print16, "region=" + region,
		"key_file=" + writeFile(t, "key.pem", pemOf(key())), "pass_phrase=" + secret,
	} {
		if drop == "" || !strings.HasPrefix(l, drop) {
			lines = append(lines, l)
		}
	}
	return writeFile(t, "config", []byte(strings.Join(lines, "\n")+"\n"))
}

// noChain hides what this machine may have.
func noChain(t *testing.T) {
	t.Helper()
	for _, v := range []string{configFileVariable, principalVariable} {
		t.Setenv(v, "")
		if err := os.Unsetenv(v); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewClientFromAFile(t *testing.T) {
	s := serve(t, serviceOptions{})
	noChain(t)
	t.Setenv(configFileVariable, configFile(t, ""))
	client, err := NewClient(ClientOptions{Endpoint: s.url + "/"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeIdle(t, client.HTTPClient) })
	b, err := OpenBucket(client, namespace, bucketName, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := b.WriteAll(t.Context(), "k", []byte("body"), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Copy(t.Context(), "l", "k", nil); err != nil { // by the file's region
		t.Error(err)
	}
	if client.Configuration.CircuitBreaker != nil {
		t.Error("the circuit breaker is on")
	}
	if c, ok := client.HTTPClient.(*http.Client); !ok || c.Timeout == 0 {
		t.Error("the client given is not the SDK's own: the bucket's copy alone has no time limit")
	}
}

func closeIdle(t *testing.T, d common.HTTPRequestDispatcher) {
	c, ok := d.(*http.Client)
	if !ok {
		t.Fatalf("%T", d)
	}
	w, ok := c.Transport.(*common.OciHTTPTransportWrapper)
	if !ok {
		t.Fatalf("%T", c.Transport)
	}
	tr, ok := w.Delegate().(*http.Transport)
	if !ok || tr.MaxIdleConnsPerHost != idleConnections {
		t.Fatalf("%T", w.Delegate())
	}
	tr.CloseIdleConnections()
}

func TestNewClientRegions(t *testing.T) {
	noChain(t)
	for _, c := range []struct{ drop, region, host string }{
		{"", "", "objectstorage." + region},
		{"", "us-ashburn-1", "objectstorage.us-ashburn-1"},
		{"region", "us-phoenix-1", "objectstorage.us-phoenix-1"},
	} {
		t.Setenv(configFileVariable, configFile(t, c.drop))
		client, err := NewClient(ClientOptions{Region: c.region})
		if err != nil || !strings.Contains(client.Host, c.host) {
			t.Errorf("%+v: %s, %v", c, client.Host, err)
			continue
		}
		b, err := openBucket(client, namespace, bucketName, nil)
		if want := strings.TrimPrefix(c.host, "objectstorage."); err != nil || b.o.Region != want {
			t.Errorf("%+v: %q, %v", c, b.o.Region, err)
		}
	}
}

func TestNewClientFromAResourcePrincipal(t *testing.T) {
	noChain(t)
	t.Setenv(configFileVariable, configFile(t, "")) // comes after it
	t.Setenv(principalVariable, "2.2")
	t.Setenv("OCI_RESOURCE_PRINCIPAL_REGION", "us-ashburn-1")
	t.Setenv("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", string(pemOf(key())))
	// A token's claims are read, never its signature. {"alg":"none"} . {"exp":…,"res_tenant":…}
	t.Setenv("OCI_RESOURCE_PRINCIPAL_RPST", "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDAsInJlc190ZW5hbnQiOiJ0In0.c2ln")
	client, err := NewClient(ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := (*client.ConfigurationProvider()).KeyID()
	if err != nil || !strings.HasPrefix(id, "ST$") || !strings.Contains(client.Host, "us-ashburn-1") {
		t.Errorf("the key id begins %.3s, the host is %s, %v", id, client.Host, err)
	}
}

func TestNewClientWithoutCredentials(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	garbage := writeFile(t, "garbage", []byte("pass_phrase="+secret+"\n"))
	for name, c := range map[string]struct {
		env  map[string]string
		says []string
	}{
		"file is absent":     {map[string]string{configFileVariable: absent}, []string{absent, configFileVariable}},
		"file is garbage":    {map[string]string{configFileVariable: garbage}, []string{garbage, configFileVariable}},
		"no fingerprint":     {map[string]string{configFileVariable: configFile(t, "fingerprint")}, []string{configFileVariable, "fingerprint"}},
		"no user":            {map[string]string{configFileVariable: configFile(t, "user")}, []string{configFileVariable, "user"}},
		"no region":          {map[string]string{configFileVariable: configFile(t, "region")}, []string{configFileVariable, "region"}},
		"no key":             {map[string]string{configFileVariable: configFile(t, "key_file")}, []string{configFileVariable, "key"}},
		"principal half set": {map[string]string{principalVariable: "2.2", "OCI_RESOURCE_PRINCIPAL_RPST": secret}, []string{"resource principal", principalVariable}},
	} {
		t.Run(name, func(t *testing.T) {
			noChain(t)
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			_, err := NewClient(ClientOptions{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range append(c.says, "tried") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %s", err, part)
				}
			}
			for _, value := range []string{secret, tenancy, user, print16, "PRIVATE KEY-"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("%v tells %s", err, value)
				}
			}
		})
	}
}

func TestEndpoints(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:1234": "http://127.0.0.1:1234", "https://x.example.com/": "https://x.example.com",
		"": "", "127.0.0.1:1234": "", "ftp://x": "", "http://": "", "http://u:p@x": "", "http://x/path": "", "http://x?q=1": "", "http://[": "",
	} {
		got, err := endpoint(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
		if strings.Contains(fmt.Sprint(err), "u:p") {
			t.Errorf("%v tells a password", err)
		}
	}
	noChain(t)
	t.Setenv(configFileVariable, configFile(t, ""))
	if _, err := NewClient(ClientOptions{Endpoint: "nowhere"}); err == nil {
		t.Error("an endpoint that is none was taken")
	}
}

// This machine may have a configuration of its own: only the names are looked at.
func TestDefaultChainIsNamed(t *testing.T) {
	noChain(t)
	_, chain, _ := configuration(ClientOptions{})
	for _, part := range []string{"~/.oci/config", "~/.obmcs/config", "TF_VAR_", configFileVariable, principalVariable} {
		if !strings.Contains(chain, part) {
			t.Errorf("%s does not say %s", chain, part)
		}
	}
}
