package collect

import (
	"context"
	"errors"
	"fmt"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Of reads the manifest at a job's destination if it is of that run; nil when it is of
// another run of the job, or there is none. It is ErrConflict when another job's result
// stands there, or a manifest that cannot be read.
func Of(ctx context.Context, open storage.Opener, j job.Job, run string) (m *record.Manifest, err error) {
	err = with(ctx, open, j.Output.Destination, func(dest place) error {
		m, err = of(ctx, dest, j, run)
		return err
	})
	return m, err
}

func of(ctx context.Context, dest place, j job.Job, run string) (*record.Manifest, error) {
	j.Output.Existing = job.ExistingReplace // who removes a result puts none in its place
	m, err := Free(ctx, dest.Bucket, dest.Prefix, j, run)
	if err != nil || m == nil || m.Run != run {
		return nil, err
	}
	return m, nil
}

// Remove deletes the result of a run from its job's destination: its manifest first, so
// that a reader finds the whole of it or nothing, then its parts, and nothing else that
// lies there. What another run published since stays. Doing it again is free, and ends
// what a killed process began.
//
// Errors: those of Of; then nothing is deleted. step is called around each of the two
// deletions; it may be nil.
func Remove(ctx context.Context, open storage.Opener, j job.Job, run string, step func(point string)) error {
	if step == nil {
		step = func(string) {}
	}
	var named []string
	err := with(ctx, open, j.Output.Destination, func(dest place) error {
		m, err := of(ctx, dest, j, run)
		if err != nil || m == nil {
			return err
		}
		named = m.Files()
		step("before delete " + record.ManifestName)
		err = dest.Remove(ctx, dest.Key(record.ManifestName))
		step("after delete " + record.ManifestName)
		return err
	})
	if errors.Is(err, ErrConflict) {
		return err
	}
	if err != nil {
		return fmt.Errorf("removing the result of run %s: %w", run, err)
	}
	step("before delete parts")
	err = with(ctx, open, j.Output.Destination, func(dest place) error {
		since, err := current(ctx, dest) // published since, it may name some of them
		if err != nil {
			return err
		}
		return Clean(ctx, open, j.Output.Destination, named, since)
	})
	if err == nil {
		err = Withdraw(ctx, open, j.Output.Destination, run)
	}
	step("after delete parts")
	return err
}
