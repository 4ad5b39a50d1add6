package emulator

import (
	"context"
	"crypto/md5" //nolint:gosec // what a fingerprint of OCI's is
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/local/emulator/azblob"
	"github.com/crossbatch/crossbatch/local/emulator/gcs"
	"github.com/crossbatch/crossbatch/local/emulator/objects"
	"github.com/crossbatch/crossbatch/local/emulator/ociobjectstorage"
	"github.com/crossbatch/crossbatch/local/emulator/s3"
)

func openS3(p place) (*running, error) {
	s, err := s3.New(s3.Options{Clock: p.clock, Dir: p.dir})
	if err != nil {
		return nil, err
	}
	url := p.endpoint()
	return &running{
		Service: Service{
			Title: "Amazon S3",
			Variables: []Variable{
				{Name: "AWS_ENDPOINT_URL_S3", Value: url},
				{Name: "AWS_REGION", Value: s3.DefaultRegion},
				{Name: "AWS_DEFAULT_REGION", Value: s3.DefaultRegion},
				{Name: "AWS_ACCESS_KEY_ID", Value: "emulator"},
				{Name: "AWS_SECRET_ACCESS_KEY", Value: "emulator"},
			},
			Lines: []Line{
				{"aws CLI", "aws --endpoint-url " + url + " s3 ls"}, // 2.9 does not look at the variable
				{"Go SDK", fmt.Sprintf("s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint = aws.String(%q); o.UsePathStyle = true })", url)},
				{"boto3", fmt.Sprintf("boto3.client(\"s3\", endpoint_url=%q)", url)},
			},
		},
		handler: s, create: s.CreateBucket, close: s.Close,
	}, nil
}

func openGCS(p place) (*running, error) {
	s, err := gcs.New(gcs.Options{Host: p.host, Dir: p.dir})
	if err != nil {
		return nil, err
	}
	return &running{
		Service: Service{
			Title:     "Google Cloud Storage",
			Variables: []Variable{{Name: "STORAGE_EMULATOR_HOST", Value: p.host}},
			Lines: []Line{
				{"Go SDK", "storage.NewClient(ctx) // with STORAGE_EMULATOR_HOST set"},
				{"Python", fmt.Sprintf("storage.Client(project=\"any\", credentials=AnonymousCredentials(), client_options={\"api_endpoint\": %q})", p.endpoint())},
				{"gcloud CLI", "gcloud config set api_endpoint_overrides/storage " + p.endpoint() + "/storage/v1/"},
			},
		},
		handler: s, create: s.CreateBucket, close: s.Close,
	}, nil
}

func openAzureBlob(p place) (*running, error) {
	s, err := azblob.New(azblob.Options{Clock: p.clock, Dir: p.dir})
	if err != nil {
		return nil, err
	}
	url := p.endpoint() + "/" + azblob.Account
	connection := fmt.Sprintf("DefaultEndpointsProtocol=http;AccountName=%s;AccountKey=%s;BlobEndpoint=%s;", azblob.Account, azblob.Key, url)
	return &running{
		Service: Service{
			Title:     "Azure Blob Storage",
			Variables: []Variable{{Name: "AZURE_STORAGE_CONNECTION_STRING", Value: connection}},
			Lines: []Line{
				{"Go SDK", "azblob.NewClientFromConnectionString(os.Getenv(\"AZURE_STORAGE_CONNECTION_STRING\"), nil)"},
				{"Python", "BlobServiceClient.from_connection_string(os.environ[\"AZURE_STORAGE_CONNECTION_STRING\"])"},
				{"az CLI", "az storage container list"},
			},
		},
		handler: s, create: s.CreateBucket, close: s.Close,
	}, nil
}

// What the emulator of OCI goes by. Namespace and tenancy are made up.
const (
	ociNamespace   = "emulator"
	ociRegion      = "us-ashburn-1"
	ociTenancy     = "ocid1.tenancy.oc1..emulator"
	ociUser        = "ocid1.user.oc1..emulator"
	ociCompartment = ociTenancy
	ociConfig      = "oci_config"
	ociKeyFile     = "oci_key.pem"
)

// ociKey is a key for clients to sign with. It is no secret.
//
//go:embed ocikey.pem
var ociKey []byte

func openOCI(p place) (*running, error) {
	store, err := objects.Open(objects.Options{Clock: p.clock, Dir: p.dir})
	if err != nil {
		return nil, err
	}
	return &running{
		Service: Service{
			Title:     "OCI Object Storage",
			Variables: []Variable{{Name: "OCI_CONFIG_FILE", File: ociConfig}, {Name: "OCI_CLI_CONFIG_FILE", File: ociConfig}},
			Lines: []Line{
				{"Go SDK", fmt.Sprintf("client.Host = %q // namespace %q", p.endpoint(), ociNamespace)},
				{"Python", fmt.Sprintf("oci.object_storage.ObjectStorageClient(oci.config.from_file(), service_endpoint=%q)", p.endpoint())},
				{"oci CLI", "oci --endpoint " + p.endpoint() + " os bucket list --namespace " + ociNamespace + " --compartment-id " + ociCompartment},
			},
			Files: []File{{ociConfig, ociConfigFile}, {ociKeyFile, func(func(string) string) ([]byte, error) { return ociKey, nil }}},
		},
		handler: ociobjectstorage.New(ociobjectstorage.Options{Objects: store, Namespace: ociNamespace, Region: ociRegion, Clock: p.clock}),
		create:  func(ctx context.Context, bucket string) error { return createOCI(ctx, store, bucket) },
		close:   store.Close,
	}, nil
}

// createOCI makes a bucket beside the service, which takes it as its own.
func createOCI(ctx context.Context, store *objects.Store, bucket string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if bucket == "" || len(bucket) > 256 || strings.ContainsFunc(bucket, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c)
	}) {
		return errors.New("names have 1 to 256 letters, digits, dashes, underscores and dots")
	}
	_, err := store.CreateBucket(bucket, nil)
	if errors.Is(err, objects.ErrBucketExists) {
		return nil
	}
	return err
}

// ociConfigFile is a configuration as Oracle's SDKs and CLI read it.
// https://docs.oracle.com/iaas/Content/API/Concepts/sdkconfig.htm
func ociConfigFile(path func(name string) string) ([]byte, error) {
	block, _ := pem.Decode(ociKey)
	if block == nil {
		return nil, errors.New("the built-in key is not PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	print, err := fingerprint(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "[DEFAULT]\nuser=%s\nfingerprint=%s\ntenancy=%s\nregion=%s\nkey_file=%s\n",
		ociUser, print, ociTenancy, ociRegion, path(ociKeyFile)), nil
}

// fingerprint is the MD5 of a public key, its bytes parted by colons.
func fingerprint(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	sum := md5.Sum(der) //nolint:gosec // see above
	return strings.TrimPrefix(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":"), ":"), nil
}
