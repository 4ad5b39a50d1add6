package objectstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	azureblobs "github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"

	"github.com/crossbatch/crossbatch/core/storage"
)

var azureParams = []string{"storage_account", "domain", "protocol", "localemu", "anonymous"}

// azureChain is what is looked at: the variables that Azure's CLI reads, then
// azidentity's DefaultAzureCredential.
const azureChain = "looked at AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN (each for its own account), then at AZURE_CLIENT_ID and its like, workload identity, managed identity, and the Azure CLI's and azd's logins"

// The variables that name an account and what it is opened with.
const (
	azureAccount    = "AZURE_STORAGE_ACCOUNT"
	azureKey        = "AZURE_STORAGE_KEY"
	azureSAS        = "AZURE_STORAGE_SAS_TOKEN"
	azureConnection = "AZURE_STORAGE_CONNECTION_STRING"
)

// azureScope is what tokens are asked for.
// https://learn.microsoft.com/azure/storage/blobs/authorize-access-azure-active-directory
const azureScope = "https://storage.azure.com/.default"

// azureStore is a storage account.
type azureStore struct {
	container func(name string) (*container.Client, error)
	account   string
}

func openAzure(ctx context.Context, o *Opener, p params) (store, error) {
	anonymous, err := p.yes("anonymous")
	if err != nil {
		return nil, err
	}
	localemu, err := p.yes("localemu")
	if err != nil {
		return nil, err
	}
	service := azureblob.NewDefaultServiceURLOptions() // of the environment
	own := *service
	if v := p.Get("storage_account"); v != "" {
		service.AccountName = v
	}
	if v := p.Get("domain"); v != "" {
		service.StorageDomain = v
	}
	if v := p.Get("protocol"); v != "" {
		service.Protocol = v
	}
	service.IsLocalEmulator = service.IsLocalEmulator || localemu
	if service.AccountName == "" {
		return nil, fmt.Errorf("no storage account is known; add ?storage_account=NAME to the URI, or set %s", azureAccount)
	}
	// What opens one account, or goes to one address, is not sent to another.
	mine := own.AccountName == service.AccountName
	sameAddress := own.StorageDomain == service.StorageDomain && own.Protocol == service.Protocol
	connection, key := os.Getenv(azureConnection), os.Getenv(azureKey)
	connected := mine && key == "" && own.SASToken == "" && connection != "" && p.Get("domain") == "" // which has an address of its own
	if service.Protocol == "http" && !connected && !service.IsLocalEmulator && !loopback(service.StorageDomain) {
		return nil, errors.New("the protocol http is for emulators only: what is signed here could be read by all")
	}
	sas := service.SASToken
	service.SASToken = ""
	base, err := azureblob.NewServiceURL(service)
	if err != nil {
		return nil, errors.New("its parameters make no address: the protocol is http or https, the domain a host")
	}
	s := &azureStore{account: service.AccountName}
	at := func(name string) string { return string(base) + "/" + url.PathEscape(name) }
	options := &container.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: o.client(), Retry: policy.RetryOptions{RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 8 * time.Second},
	}}
	switch {
	case anonymous:
		s.container = func(name string) (*container.Client, error) {
			return container.NewClientWithNoCredential(at(name), options)
		}
	case mine && key != "":
		shared, err := azblob.NewSharedKeyCredential(service.AccountName, key)
		if err != nil {
			return nil, fault(storage.ErrNoCredentials, nil, azureKey+" is not the key of an account: it must be base64")
		}
		s.container = func(name string) (*container.Client, error) {
			return container.NewClientWithSharedKeyCredential(at(name), shared, options)
		}
	case mine && sameAddress && sas != "":
		s.container = func(name string) (*container.Client, error) {
			return container.NewClientWithNoCredential(at(name)+"?"+strings.TrimPrefix(sas, "?"), options)
		}
	case connected:
		if _, err := container.NewClientFromConnectionString(connection, "c", options); err != nil {
			return nil, fault(storage.ErrNoCredentials, nil, azureConnection+" cannot be read: it is NAME=VALUE;NAME=VALUE with AccountName and AccountKey")
		}
		s.container = func(name string) (*container.Client, error) {
			return container.NewClientFromConnectionString(connection, name, options)
		}
	default:
		cred, err := azidentity.NewDefaultAzureCredential(nil)
		if err == nil {
			_, err = cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{azureScope}})
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fault(storage.ErrNoCredentials, err, azureChain)
		}
		s.container = func(name string) (*container.Client, error) { return container.NewClient(at(name), cred, options) }
	}
	return s, nil
}

func loopback(domain string) bool {
	return strings.HasPrefix(domain, "127.0.0.1") || strings.HasPrefix(domain, "localhost")
}

func (s *azureStore) bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	client, err := s.container(name)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(ctx, client, nil)
}

func (s *azureStore) close() error { return nil }

func (s *azureStore) Version(as storage.As) string {
	var listed container.BlobItem
	var props azureblobs.GetPropertiesResponse
	var down azureblobs.DownloadStreamResponse
	var etag *azcore.ETag
	switch {
	case as(&listed):
		if listed.Properties != nil {
			etag = listed.Properties.ETag
		}
	case as(&props):
		etag = props.ETag
	case as(&down):
		etag = down.ETag
	}
	if etag == nil {
		return ""
	}
	return etagVersion(string(*etag))
}

func (s *azureStore) Reading(version string) func(storage.As) error {
	text, ok := quoted(version)
	if !ok {
		return nil
	}
	etag := azcore.ETag(text)
	return func(as storage.As) error {
		var in *azureblobs.DownloadStreamOptions
		if as(&in) {
			in.AccessConditions = &azureblobs.AccessConditions{ModifiedAccessConditions: &azureblobs.ModifiedAccessConditions{IfMatch: &etag}}
		}
		return nil
	}
}

// Fault goes by the code, which answers without a body have in a header.
// https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
func (s *azureStore) Fault(err error) *storage.Fault {
	if f := unreached(err, "the storage account "+s.account+", the domain and the network"); f != nil {
		return f
	}
	var resp *azcore.ResponseError
	if !errors.As(err, &resp) {
		return nil
	}
	switch bloberror.Code(resp.ErrorCode) {
	case bloberror.ContainerNotFound, bloberror.ContainerBeingDeleted, bloberror.ContainerDisabled:
		return fault(storage.ErrNoBucket, err, "")
	case bloberror.BlobNotFound:
		return fault(storage.ErrNotFound, err, "")
	case bloberror.AuthenticationFailed, bloberror.InvalidAuthenticationInfo:
		return fault(storage.ErrDenied, err, "the credentials are not accepted; the service says "+resp.ErrorCode)
	}
	if resp.StatusCode == http.StatusNotFound {
		return fault(storage.ErrNotFound, err, "")
	}
	if f := refused(resp.StatusCode, resp.ErrorCode, err); f != nil {
		return f
	}
	return fault(storage.ErrRefused, err, fmt.Sprintf("it says %s (%d)", resp.ErrorCode, resp.StatusCode)) // the SDK's text has ten lines
}

// Cut keeps to 50,000 blocks. What is smaller than one goes in one request.
// https://learn.microsoft.com/azure/storage/blobs/scalability-targets
func (s *azureStore) Cut(size int64) (part, parallel int) {
	if 0 <= size && size < 8*mib {
		return int(size) + 1, 1
	}
	return cut(size, 8*mib, 50_000)
}

// CopyLimit is none: the service copies within an account, and is asked until it
// has done so.
func (s *azureStore) CopyLimit() int64 { return 1 << 62 }

// Writing has nothing to undo: blocks that no list names are no object, and the
// service removes them.
func (s *azureStore) Writing() (func(storage.As) error, func(context.Context, error) error) {
	return nil, nil
}
