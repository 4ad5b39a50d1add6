package storage

import (
	"errors"
	"fmt"
	"io/fs"

	"gocloud.dev/gcerrors"
)

// What can be wrong with a store, for errors.Is. An error that matches one of
// them says in a sentence what is wrong and what to do; what the store's SDK said
// is behind it for errors.As.
var (
	ErrNotFound      = errors.New("no such object")
	ErrNoBucket      = errors.New("no such bucket") // not ErrNotFound: nothing can be there
	ErrDenied        = errors.New("permission denied")
	ErrNoCredentials = errors.New("no credentials")
	ErrWrongRegion   = errors.New("wrong region")
	ErrUnreachable   = errors.New("the endpoint cannot be reached")
	ErrChanged       = errors.New("the object has changed")
	ErrRefused       = errors.New("the store refuses")
	ErrBusy          = errors.New("the store is working on the same object") // nothing was done; try again
)

// Fault is an error of a store in words that help.
type Fault struct {
	Kind  error  // one of the errors above
	Hint  string // what to do, or what was tried; may be empty
	Cause error  // as the SDK gave it
}

func (f *Fault) Error() string {
	if f.Hint == "" {
		return f.Kind.Error()
	}
	return f.Kind.Error() + ": " + f.Hint
}

// Unwrap makes a fault match its kind and its cause.
func (f *Fault) Unwrap() []error {
	if f.Cause == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.Cause}
}

// wrap says what was being done, where, and what is wrong.
func (b *Bucket) wrap(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", doing, b.URI(key), b.plain(err))
}

// plain is an error in this package's words, where it has any.
func (b *Bucket) plain(err error) error {
	var f *Fault
	if errors.As(err, &f) {
		return err
	}
	if b.dir != "" {
		if errors.Is(err, fs.ErrNotExist) {
			return ErrNotFound
		}
		return err
	}
	if f := b.service.Fault(err); f != nil {
		return f
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return &Fault{Kind: ErrNotFound, Cause: err}
	case gcerrors.PermissionDenied:
		return &Fault{Kind: ErrDenied, Cause: err}
	}
	return err
}
