package storage

import (
	"context"
	"errors"
)

// Reach is why a place cannot be listed; nil: it can. It asks for one page.
func Reach(ctx context.Context, open Opener, uri string) error {
	bucket, prefix, err := open(ctx, uri)
	if err != nil {
		return err
	}
	for _, err = range bucket.Objects(ctx, prefix) {
		break // one tells as much as all
	}
	return errors.Join(err, bucket.Close())
}
