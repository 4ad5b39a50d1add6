package provider_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestClassify(t *testing.T) {
	refused := errors.New("the service refuses")
	ofService := func(err error) (provider.Code, bool) { return provider.QuotaExceeded, errors.Is(err, refused) }
	for _, c := range []struct {
		err  error
		want provider.Code
	}{
		{nil, provider.OK},
		{refused, provider.QuotaExceeded},
		{provider.Errorf(provider.Conflict, "x: %w", refused), provider.Conflict},
		{&provider.Error{Err: refused}, provider.QuotaExceeded},
		{errors.Join(refused, context.Canceled), provider.Canceled},
		{errors.Join(refused, context.DeadlineExceeded), provider.Timeout},
		{&storage.Fault{Kind: storage.ErrNoBucket, Cause: refused}, provider.NotFound},
		{&storage.Fault{Kind: storage.ErrRefused, Cause: refused}, provider.QuotaExceeded},
		{storage.ErrNotFound, provider.NotFound},
		{storage.ErrDenied, provider.PermissionDenied},
		{storage.ErrNoCredentials, provider.Unauthenticated},
		{storage.ErrWrongRegion, provider.Invalid},
		{storage.ErrURI, provider.Invalid},
		{storage.ErrUnreachable, provider.Unavailable},
		{storage.ErrBusy, provider.Unavailable},
		{storage.ErrChanged, provider.Conflict},
		{provider.Throttled, provider.Throttled},
		{errors.New("anything"), provider.Internal},
	} {
		for _, err := range []error{c.err, fmt.Errorf("doing: %w", c.err)} {
			if c.err == nil {
				err = nil
			}
			if got := provider.Classify(err, ofService); got != c.want {
				t.Errorf("%v is %s, want %s", err, got, c.want)
			}
		}
	}
}
