package objectstore

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	gcstorage "cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/crossbatch/crossbatch/core/storage"
)

var gcsParams = []string{"endpoint", "anonymous"}

// gcsChain is what Application Default Credentials look at
// (https://cloud.google.com/docs/authentication/application-default-credentials).
const gcsChain = "looked at GOOGLE_APPLICATION_CREDENTIALS, the file of gcloud auth application-default login, and the metadata of the instance"

// gcsEmulator is how Google's SDKs are pointed at an emulator.
const gcsEmulator = "STORAGE_EMULATOR_HOST"

// gcsStore is Google Cloud Storage.
type gcsStore struct {
	client *gcstorage.Client
	where  string
}

func openGCS(ctx context.Context, o *Opener, p params) (store, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	anonymous, err := p.yes("anonymous")
	if err != nil {
		return nil, err
	}
	s := &gcsStore{where: "the network"}
	if host := os.Getenv(gcsEmulator); endpoint == "" && host != "" {
		endpoint, s.where = "http://"+strings.TrimPrefix(strings.TrimPrefix(host, "http://"), "https://"), gcsEmulator
	} else if endpoint != "" {
		s.where = "the parameter endpoint"
	}
	// Nobody's token goes over a wire that all can read.
	anonymous = anonymous || strings.HasPrefix(endpoint, "http://")
	client := o.client()
	if !anonymous {
		creds, err := gcp.DefaultCredentials(ctx)
		if err == nil {
			_, err = creds.TokenSource.Token()
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, fault(storage.ErrNoCredentials, err, gcsChain)
		}
		signed, err := gcp.NewHTTPClient(o.transport, creds.TokenSource)
		if err != nil {
			return nil, fault(storage.ErrNoCredentials, err, gcsChain)
		}
		client = &signed.Client
	}
	// The client signs what is to be signed. Not told so, the SDK looks for credentials
	// all the same, as far as the metadata server, and the emulators have none.
	opts := []option.ClientOption{option.WithHTTPClient(client), option.WithoutAuthentication()}
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint+"/storage/v1/"))
	}
	s.client, err = gcstorage.NewClient(context.WithoutCancel(ctx), opts...)
	if err != nil {
		return nil, err
	}
	// All that is written here is written whole, so that doing it twice is doing it
	// once; without a limit the SDK goes on until the context ends.
	s.client.SetRetry(gcstorage.WithPolicy(gcstorage.RetryAlways), gcstorage.WithMaxAttempts(5),
		gcstorage.WithBackoff(gax.Backoff{Initial: 200 * time.Millisecond, Max: 8 * time.Second, Multiplier: 2}))
	return s, nil
}

func (s *gcsStore) bucket(ctx context.Context, name string) (*blob.Bucket, error) {
	return gcsblob.OpenBucket(ctx, nil, name, &gcsblob.Options{Client: s.client})
}

func (s *gcsStore) close() error { return s.client.Close() }

const generationPrefix = "generation:"

func (s *gcsStore) Version(as storage.As) string {
	var attrs gcstorage.ObjectAttrs
	var r *gcstorage.Reader
	generation := int64(0)
	switch {
	case as(&attrs):
		generation = attrs.Generation
	case as(&r):
		generation = r.Attrs.Generation
	}
	if generation == 0 {
		return ""
	}
	return generationPrefix + strconv.FormatInt(generation, 10)
}

func (s *gcsStore) Reading(version string) func(storage.As) error {
	text, pinned := strings.CutPrefix(version, generationPrefix)
	generation, err := strconv.ParseInt(text, 10, 64)
	return func(as storage.As) error {
		var object **gcstorage.ObjectHandle
		if as(&object) {
			// Compressed objects would be unpacked on the way, and could not be read from
			// an offset.
			*object = (*object).ReadCompressed(true)
			if pinned && err == nil {
				*object = (*object).If(gcstorage.Conditions{GenerationMatch: generation})
			}
		}
		return nil
	}
}

func (s *gcsStore) Fault(err error) *storage.Fault {
	if f := unreached(err, s.where); f != nil {
		return f
	}
	var api *googleapi.Error
	switch found := errors.As(err, &api); {
	// The SDK calls every 404 of an object's request a missing object.
	// https://cloud.google.com/storage/docs/json_api/v1/status-codes#404-not-found
	case errors.Is(err, gcstorage.ErrBucketNotExist), found && api.Code == http.StatusNotFound && strings.Contains(api.Message+api.Body, "bucket does not exist"):
		return fault(storage.ErrNoBucket, err, "")
	case errors.Is(err, gcstorage.ErrObjectNotExist), found && api.Code == http.StatusNotFound:
		return fault(storage.ErrNotFound, err, "")
	case found:
		reason := ""
		if len(api.Errors) > 0 {
			reason = api.Errors[0].Reason
		}
		return refused(api.Code, reason, err)
	}
	return nil
}

// Cut is the size of a chunk, which the SDK keeps in memory and sends again if it
// must. What fits into one goes in one request.
func (s *gcsStore) Cut(size int64) (part, parallel int) {
	const step = 256 << 10 // chunks are multiples of it
	if size < 0 || size >= 16*mib {
		return 16 * mib, 0
	}
	return int(size/step+1) * step, 0
}

// CopyLimit is none: the SDK goes on where a rewrite stopped.
func (s *gcsStore) CopyLimit() int64 { return 1 << 62 }

// Writing has nothing to undo: an upload that is not finished is no object, and
// costs nothing.
func (s *gcsStore) Writing() (func(storage.As) error, func(context.Context, error) error) {
	return nil, nil
}
