package objects

import "errors"

// What the methods of a Store answer; match with errors.Is. The text names what
// was asked for.
var (
	ErrNoBucket       = errors.New("no such bucket")
	ErrBucketExists   = errors.New("the bucket exists")
	ErrBucketNotEmpty = errors.New("the bucket is not empty")
	ErrNoObject       = errors.New("no such object")
	ErrNoUpload       = errors.New("no such upload")
	ErrUploadExists   = errors.New("the upload exists")
	ErrNoPart         = errors.New("no such part")
	ErrPrecondition   = errors.New("a precondition failed")
	ErrKey            = errors.New("not a key")
	ErrClosed         = errors.New("the store is closed")
)

// Check decides whether an operation may go on, by what stands at its key: nil
// when nothing does. It runs under the store's lock: it must be quick, and call
// nothing of the store. Its error is what the operation returns. A nil Check
// lets everything pass.
type Check func(current *Object) error

// IfMatch lets pass when an object with this etag stands there; "*" is any.
func IfMatch(etag string) Check {
	return func(o *Object) error {
		if o == nil || etag != "*" && o.ETag != etag {
			return ErrPrecondition
		}
		return nil
	}
}

// IfNoneMatch lets pass unless an object with this etag stands there; "*" is any.
func IfNoneMatch(etag string) Check {
	return func(o *Object) error {
		if o != nil && (etag == "*" || o.ETag == etag) {
			return ErrPrecondition
		}
		return nil
	}
}

// All lets pass what each of them does. Some may be nil.
func All(checks ...Check) Check {
	return func(o *Object) error {
		for _, c := range checks {
			if err := c.run(o); err != nil {
				return err
			}
		}
		return nil
	}
}

func (c Check) run(o *Object) error {
	if c == nil {
		return nil
	}
	return c(o)
}
