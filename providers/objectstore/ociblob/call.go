package ociblob

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// safety says what to do when it is not known whether a request was carried out.
type safety bool

const (
	again safety = true  // send it again: twice is as good as once
	once  safety = false // say so
)

const (
	firstWait = 200 * time.Millisecond // before the second try; doubled for each further one
	maxWait   = 10 * time.Second
)

// noRetry switches the SDK's own retries off, for one request.
func noRetry() common.RequestMetadata {
	p := common.NoRetryPolicy()
	return common.RequestMetadata{RetryPolicy: &p}
}

// call sends a request, again where that is safe. f must make the same request
// each time, with the context that it is given.
func (b *bucket) call(ctx context.Context, s safety, op, name string, f func(context.Context) error) error {
	wait := firstWait
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f(detach(ctx))
		if err == nil {
			return nil
		}
		if cerr := ctx.Err(); cerr != nil {
			return cerr
		}
		if try == b.o.Attempts || !refused(err) && (s == once || !unclear(err)) {
			return b.wrap(op, name, err)
		}
		if err := b.wait(ctx, wait/2+rand.N(wait/2)); err != nil {
			return err
		}
		wait = min(2*wait, maxWait)
	}
}

func (b *bucket) wait(ctx context.Context, d time.Duration) error {
	t := b.o.Clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.Chan():
		return nil
	}
}

// refused says that a request was certainly not carried out, and may be later.
func refused(err error) bool {
	f, ok := serviceError(err)
	if !ok {
		return false
	}
	switch f.GetHTTPStatusCode() {
	case http.StatusTooManyRequests:
		return true
	case http.StatusConflict:
		return f.GetCode() == "LockConflict" || f.GetCode() == "ConcurrentObjectUpdate"
	}
	return false
}

// unclear says that nobody knows whether a request was carried out.
func unclear(err error) bool {
	if f, ok := serviceError(err); ok {
		return f.GetHTTPStatusCode() >= 500 && f.GetHTTPStatusCode() != http.StatusNotImplemented
	}
	var broken *url.Error // all that http.Client returns
	return errors.As(err, &broken)
}

// The SDK calls from a goroutine and leaves it behind when the context ends: it goes on, with the
// request's body and its results. So the SDK gets a context that does not end, and the
// HTTP client below it the caller's.
type callerKey struct{}

func detach(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), callerKey{}, ctx)
}

type dispatcher struct{ common.HTTPRequestDispatcher }

// Do sends a request under the caller's context.
func (d dispatcher) Do(req *http.Request) (*http.Response, error) {
	if ctx, ok := req.Context().Value(callerKey{}).(context.Context); ok {
		req = req.WithContext(ctx)
	}
	return d.HTTPRequestDispatcher.Do(req)
}

// cleanup is a context for what must be done after the caller's has ended.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
}

func (b *bucket) wrap(op, name string, err error) error {
	path := url.URL{Path: "/n/" + b.namespace + "/b/" + b.name}
	if name != "" {
		path.Path += "/o/" + name
	}
	return &Error{where: "oci " + op + " " + path.EscapedPath(), err: err}
}
