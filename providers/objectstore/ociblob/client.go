package ociblob

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
	"github.com/oracle/oci-go-sdk/v65/objectstorage"
)

// ClientOptions narrow what NewClient takes from the SDK's configuration.
type ClientOptions struct {
	Region            string // instead of the configuration's
	Endpoint          string // scheme, host and port, instead of the region's; for emulators and private endpoints
	InstancePrincipal bool   // only then the instance's metadata are asked
}

// Where the SDK's configuration may come from (common/configuration.go and
// common/auth/resource_principal_key_provider.go of oci-go-sdk).
const (
	configFileVariable = "OCI_CONFIG_FILE"
	principalVariable  = auth.ResourcePrincipalVersionEnvVar
)

// idleConnections are kept for a host: http.Transport's own 2 would have parallel
// parts connect anew each time.
const idleConnections = 64

// NewClient makes a client from the SDK's own configuration: the instance's
// principal when asked for; else the resource principal when
// OCI_RESOURCE_PRINCIPAL_VERSION is set; else the file named by OCI_CONFIG_FILE;
// else ~/.oci/config, ~/.obmcs/config and variables that begin with TF_VAR_. An error says where
// was looked, and no value that was found.
//
// OCI_CONFIG_FILE comes first here, as in Oracle's other SDKs: the Go SDK looks at
// it only when there is no ~/.oci/config, so that a user who means another
// place would reach his own tenancy. The SDK's circuit breaker is off: it answers for the
// service when some requests have failed.
func NewClient(o ClientOptions) (objectstorage.ObjectStorageClient, error) {
	provider, chain, err := configuration(o)
	if err == nil {
		_, err = common.IsConfigurationProviderValid(provider)
	}
	if err != nil {
		return objectstorage.ObjectStorageClient{}, fmt.Errorf("no OCI credentials; tried %s: %s", chain, reason(err))
	}
	client, err := objectstorage.NewObjectStorageClientWithConfigurationProvider(provider)
	if err != nil {
		return client, fmt.Errorf("making an OCI client; tried %s: %s", chain, reason(err))
	}
	client.Configuration.CircuitBreaker = nil
	if c, ok := client.HTTPClient.(*http.Client); ok {
		if t, ok := c.Transport.(*common.OciHTTPTransportWrapper); ok {
			t.TransportTemplate = transport
		}
	}
	if o.Endpoint != "" {
		if client.Host, err = endpoint(o.Endpoint); err != nil {
			return client, err
		}
	}
	return client, nil
}

func transport(c *tls.Config) (http.RoundTripper, error) {
	t, err := common.DefaultTransport(c)
	if err != nil {
		return nil, err
	}
	t.MaxIdleConnsPerHost = idleConnections
	return t, nil
}

func configuration(o ClientOptions) (p common.ConfigurationProvider, chain string, err error) {
	switch file := os.Getenv(configFileVariable); {
	case o.InstancePrincipal:
		chain = "the instance principal (metadata of this machine)"
		p, err = auth.InstancePrincipalConfigurationProvider()
	case os.Getenv(principalVariable) != "":
		chain = "the resource principal (" + principalVariable + " is set)"
		p, err = auth.ResourcePrincipalConfigurationProvider()
	case file != "":
		chain = "the file " + file + " (" + configFileVariable + " is set)"
		p, err = common.ConfigurationProviderFromFile(file, "")
	default:
		chain = "~/.oci/config, ~/.obmcs/config and TF_VAR_ variables (" + configFileVariable + " and " + principalVariable + " are not set)"
		p = common.DefaultConfigProvider()
	}
	if err != nil {
		return nil, chain, err
	}
	if o.Region != "" {
		p = regional{p, o.Region}
	}
	return p, chain, nil
}

// regional is a configuration with another region.
type regional struct {
	common.ConfigurationProvider
	region string
}

func (r regional) Region() (string, error) { return r.region, nil }

// reason says what is missing. Only what is known to hold no values is taken from the SDK:
// the file or the setting that it names.
func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return "the file " + path.Path + ": " + path.Err.Error()
	}
	text := strings.ToLower(err.Error())
	for _, setting := range []string{"fingerprint", "tenancy", "user", "region", "key file", "key_file", "private key", "privatekey", "passphrase"} {
		if strings.Contains(text, setting) {
			return "the setting of " + setting + " is missing or cannot be used"
		}
	}
	return "they are missing or incomplete"
}

func endpoint(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the OCI endpoint must be a scheme, a host and perhaps a port, such as https://objectstorage.us-ashburn-1.oraclecloud.com")
	}
	return u.Scheme + "://" + u.Host, nil
}
