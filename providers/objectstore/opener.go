package objectstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"

	"github.com/crossbatch/crossbatch/core/storage"
)

// idleConnections are kept for a host: http.Transport's own 2 would have parallel
// requests connect anew each time.
const idleConnections = 64

const (
	connectTime = 10 * time.Second
	idleTime    = 90 * time.Second
)

// Options of an Opener. The zero value is fine.
type Options struct {
	Clock clockwork.Clock // waits between tries are made on it; nil: the real one
}

// Opener opens buckets. What stands for a store (its client, its connections, its
// credentials) is made once and shared, so opening a bucket again is cheap. It is
// safe for concurrent use.
type Opener struct {
	clock     clockwork.Clock
	transport *http.Transport

	mu     sync.Mutex
	closed bool
	stores map[string]*entry
}

// entry is a store that is there or is being made.
type entry struct {
	done  chan struct{}
	store store
	err   error
}

// store is a service with one configuration.
type store interface {
	storage.Service
	// bucket opens a bucket by its name. It asks the service nothing.
	bucket(ctx context.Context, name string) (*blob.Bucket, error)
	close() error
}

// errClosed says that an Opener was used after its Close.
var errClosed = errors.New("the opener of object stores is closed")

// New makes an Opener. The caller closes it.
func New(o Options) *Opener {
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	return &Opener{clock: o.Clock, stores: map[string]*entry{}, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		DialContext:         (&net.Dialer{Timeout: connectTime}).DialContext,
		TLSHandshakeTimeout: connectTime, IdleConnTimeout: idleTime, ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost: idleConnections, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		// Objects are read as they are stored: what is decoded on the way has another
		// size, and no offsets.
		DisableCompression: true,
	}}
}

// kind is a scheme: the parameters its URIs may have, and what makes a store of them.
type kind struct {
	params []string
	open   func(ctx context.Context, o *Opener, p params) (store, error)
}

// kinds are the schemes that can be opened.
func kinds() map[string]kind {
	return map[string]kind{
		"s3":     {s3Params, openS3},
		"gs":     {gcsParams, openGCS},
		"azblob": {azureParams, openAzure},
		"oci":    {ociParams, openOCI},
	}
}

// Open is a storage.Opener. It reads credentials the first time that a store is
// opened, and does not look whether the bucket is there.
func (o *Opener) Open(ctx context.Context, uri string) (*storage.Bucket, string, error) {
	if _, local := storage.LocalPath(uri); local {
		return storage.OpenLocal(ctx, uri)
	}
	b, prefix, err := o.open(ctx, uri)
	if err != nil {
		return nil, "", fmt.Errorf("opening %s: %w", shown(uri), err)
	}
	return b, prefix, nil
}

// shown is a URI for messages: without its query, and without what stands for a
// user where none belongs.
func shown(uri string) string {
	u, err := storage.ParseURI(uri)
	if err != nil {
		scheme, _, _ := strings.Cut(uri, "://")
		return scheme + "://..."
	}
	u.Query = ""
	return u.String()
}

func (o *Opener) open(ctx context.Context, uri string) (*storage.Bucket, string, error) {
	u, err := storage.ParseURI(uri)
	if err != nil {
		return nil, "", err
	}
	all := kinds()
	k, ok := all[u.Scheme]
	if !ok {
		schemes := slices.Sorted(maps.Keys(all))
		return nil, "", fmt.Errorf("%s:// is no store that crossbatch knows; those are %s%s", u.Scheme, strings.Join(schemes, ", "), meant(u.Scheme, schemes))
	}
	p, err := parseParams(u.Query, k.params)
	if err != nil {
		return nil, "", err
	}
	s, err := o.store(ctx, u.Scheme, k, p)
	if err != nil {
		return nil, "", err
	}
	b, err := s.bucket(ctx, u.Bucket)
	if err != nil {
		return nil, "", err
	}
	root := storage.URI{Scheme: u.Scheme, Bucket: u.Bucket, Query: u.Query}
	prefix := u.Key
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return storage.NewStore(b, root.String(), storage.Options{
		Service: s, Clock: o.clock, Same: u.Scheme + "://" + u.Bucket + "?" + p.String(),
	}), prefix, nil
}

// store is the store of a configuration, made by whoever comes first. A failure
// is not kept: credentials may come.
func (o *Opener) store(ctx context.Context, scheme string, k kind, p params) (store, error) {
	key := scheme + "?" + p.String()
	for {
		o.mu.Lock()
		if o.closed {
			o.mu.Unlock()
			return nil, errClosed
		}
		e, there := o.stores[key]
		if !there {
			e = &entry{done: make(chan struct{})}
			o.stores[key] = e
		}
		o.mu.Unlock()
		if !there {
			e.store, e.err = k.open(ctx, o, p)
			if e.err != nil {
				o.mu.Lock()
				delete(o.stores, key)
				o.mu.Unlock()
			}
			close(e.done)
			return e.store, e.err
		}
		select {
		case <-e.done:
			if e.err == nil {
				return e.store, nil
			}
			if ctx.Err() == nil && errors.Is(e.err, context.Canceled) {
				continue // of the one who came first, not ours
			}
			return nil, e.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close releases clients and connections. Buckets that are open must not be used
// any more.
func (o *Opener) Close() error {
	o.mu.Lock()
	o.closed = true
	stores := o.stores
	o.stores = nil
	o.mu.Unlock()
	var errs []error
	for _, e := range stores {
		<-e.done
		if e.err == nil {
			errs = append(errs, e.store.close())
		}
	}
	o.transport.CloseIdleConnections()
	return errors.Join(errs...)
}

func (o *Opener) client() *http.Client { return &http.Client{Transport: o.transport} }
