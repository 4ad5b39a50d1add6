package provider

import (
	"context"
	"errors"

	"github.com/crossbatch/crossbatch/core/storage"
)

// Classify is a backend's Code: what an Error says, then who gave up, then what a
// store says of itself, and last what the service says, which ofService reads; its
// false leaves the error to CodeOf. A store comes before the service because both
// may speak through one SDK, with the same words for other things.
func Classify(err error, ofService func(error) (Code, bool)) Code {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e) && e.Code != OK:
		return e.Code
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	if code, ok := ofStorage(err); ok {
		return code
	}
	if code, ok := ofService(err); ok {
		return code
	}
	return CodeOf(err)
}

// ofStorage is the code of an error of core/storage.
func ofStorage(err error) (Code, bool) {
	for _, known := range []struct {
		err  error
		code Code
	}{
		{storage.ErrNotFound, NotFound},
		{storage.ErrNoBucket, NotFound},
		{storage.ErrDenied, PermissionDenied},
		{storage.ErrNoCredentials, Unauthenticated},
		{storage.ErrWrongRegion, Invalid},
		{storage.ErrURI, Invalid},
		{storage.ErrUnreachable, Unavailable},
		{storage.ErrBusy, Unavailable},
		{storage.ErrChanged, Conflict},
	} {
		if errors.Is(err, known.err) {
			return known.code, true
		}
	}
	return OK, false
}
