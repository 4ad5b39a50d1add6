package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"
)

// As is how gocloud hands out the types of a service's SDK.
type As = func(any) bool

// Service is what gocloud's portable types leave out of an object store. Its
// methods are safe for concurrent use.
type Service interface {
	// Version names the version of an object by the strongest mark that the
	// service puts into listings as well: "generation:5", "etag:...". as is that
	// of an attribute set, of an entry of a listing or of a reader. Empty: it tells
	// none.
	Version(as As) string

	// Reading is a BeforeRead hook. It makes the service refuse to read another
	// version than this one, and send bytes as they are stored. version may be
	// empty.
	Reading(version string) func(as As) error

	// Fault says in this package's words what an error means; nil where it has
	// none for it.
	Fault(err error) *Fault

	// Cut says how a write is cut: the bytes of a part, and how many parts travel
	// at once. size is negative where it is not known. Zero leaves it to the
	// driver.
	Cut(size int64) (part, parallel int)

	// Writing is a BeforeWrite hook, and what removes the parts of a write that
	// failed. Either may be nil.
	Writing() (before func(as As) error, undo func(ctx context.Context, cause error) error)

	// CopyLimit is the size of the largest object that the service copies itself.
	CopyLimit() int64
}

// Options are what a Bucket of an object store stands on. The zero value is fine
// for a store of which nothing more is known.
type Options struct {
	Service Service
	Clock   clockwork.Clock // waits between two tries are made on it; nil: the real one

	// Same tells that two buckets are one and the same, so that the store can copy
	// within it. Empty: it is never known.
	Same string
}

// New makes a Bucket of an object store's. name is its URI, without a path; it
// may have a query.
func New(b *blob.Bucket, name string) *Bucket { return NewStore(b, name, Options{}) }

// NewStore is New with options.
func NewStore(b *blob.Bucket, name string, o Options) *Bucket {
	if o.Service == nil {
		o.Service = portable{}
	}
	if o.Clock == nil {
		o.Clock = clockwork.NewRealClock()
	}
	return &Bucket{Bucket: b, name: name, service: o.Service, clock: o.Clock, same: o.Same}
}

// portable is a service of which no more is known than gocloud says.
type portable struct{}

func (portable) Version(As) string              { return "" }
func (portable) Reading(string) func(As) error  { return nil }
func (portable) Fault(error) *Fault             { return nil }
func (portable) Cut(int64) (part, parallel int) { return 0, 0 }
func (portable) CopyLimit() int64               { return 1 << 62 }
func (portable) Writing() (func(As) error, func(context.Context, error) error) {
	return nil, nil
}

// version is the version of an object; where the service tells none, when and
// how long it was written.
func (b *Bucket) version(as As, size int64, modTime time.Time) string {
	if v := b.service.Version(as); v != "" {
		return v
	}
	return fmt.Sprintf("time:%d-%d", modTime.UnixNano(), size)
}

// Waits between two tries.
const (
	tries     = 5
	firstWait = 50 * time.Millisecond
)

// pause waits before try n, from 1: twice as long each time.
func (b *Bucket) pause(ctx context.Context, n int) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-b.clock.After(firstWait << (n - 1)):
		return nil
	}
}
