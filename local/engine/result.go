package engine

import (
	"context"
	"errors"
	"io/fs"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// Result is what became of the shards that were taken.
type Result struct {
	State    provider.State // succeeded: all are finished; failed: too many records failed; cancelled
	Reason   string         // why it failed; else empty
	Code     provider.Code  // of the reason; OK else
	Counts   record.Counts  // of the taken shards' records that are answered
	Restored record.Counts  // of those that an earlier execution answered
	Failures []string       // the first failed records, as lines of failed-*
	Seconds  float64        // from the first record to the last
}

// firstFailures is how many failed records a Result names.
const firstFailures = 5

// CodeOf classifies an error of this package. Of nil it is OK.
func CodeOf(err error) provider.Code {
	switch code := provider.CodeOf(err); {
	case errors.Is(err, context.Canceled):
		return provider.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return provider.Timeout
	case code != provider.Internal:
		return code
	case errors.Is(err, ErrChanged):
		return provider.Conflict
	case errors.Is(err, storage.ErrNotYet):
		return provider.Unsupported
	case errors.Is(err, scorer.ErrMapping), errors.Is(err, compress.ErrDamaged), errors.Is(err, parquet.ErrDamaged):
		return provider.DataError
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrNoBucket):
		return provider.NotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, storage.ErrDenied):
		return provider.PermissionDenied
	case errors.Is(err, storage.ErrNoCredentials):
		return provider.Unauthenticated
	case errors.Is(err, storage.ErrUnreachable):
		return provider.Unavailable
	}
	return provider.Internal
}
