package collect

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Free reads the manifest of the result that stands at a job's destination; nil
// when there is none. It is ErrConflict when a run must not replace that: a
// result of another job, or of another run when the job wants it so, or a
// manifest that cannot be read. run may be empty: not known yet.
func Free(ctx context.Context, dest *storage.Bucket, prefix string, j job.Job, run string) (*record.Manifest, error) {
	m, err := current(ctx, placeOf(dest, prefix))
	if m == nil {
		return nil, unreadable(j, err)
	}
	if err := taken(m.Head(), j, run); err != nil {
		return nil, err
	}
	return m, nil
}

// Holds is Free for who asks whose result it is, and no more.
func Holds(ctx context.Context, open storage.Opener, j job.Job, run string) (head *record.Head, err error) {
	err = with(ctx, open, j.Output.Destination, func(dest place) error {
		body, err := manifest(ctx, dest)
		if body == nil {
			return err
		}
		h, err := record.ParseHead(body)
		if err != nil {
			return unreadable(j, err)
		}
		head = &h
		return taken(h, j, run)
	})
	if err != nil {
		return nil, err
	}
	return head, nil
}

// unreadable says of a manifest that nobody can read that it is in the way.
func unreadable(j job.Job, err error) error {
	if errors.Is(err, record.ErrManifest) {
		return fmt.Errorf("%w: %s%s: %w", ErrConflict, j.Output.Destination, record.ManifestName, err)
	}
	return err
}

// taken is ErrConflict when a run must not replace the result of that head.
func taken(m record.Head, j job.Job, run string) error {
	where := j.Output.Destination
	switch {
	case m.Project != j.Project || m.Address != j.Address:
		return fmt.Errorf("%w: %s holds the result of another job (%s, run %s); choose another destination or remove it", ErrConflict, where, identity(m), m.Run)
	case j.Output.Existing == job.ExistingFail && run != "" && m.Run != run:
		return fmt.Errorf("%w: %s holds the result of run %s, and output.existing is \"fail\"", ErrConflict, where, m.Run)
	}
	return nil
}

func identity(m record.Head) string {
	if m.Project == "" {
		return m.Address
	}
	return m.Project + "/" + m.Address
}

// current is the manifest in force; nil when there is none.
func current(ctx context.Context, dest place) (*record.Manifest, error) {
	body, err := manifest(ctx, dest)
	if body == nil {
		return nil, err
	}
	return record.ParseManifest(body)
}

// manifest is the text of the manifest in force; nil when there is none.
func manifest(ctx context.Context, dest place) ([]byte, error) {
	body, err := dest.Read(ctx, dest.Key(record.ManifestName))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a result: %w", err)
	}
	if body == nil {
		body = []byte{}
	}
	return body, nil
}

// Commit publishes a result, whose parts are there, at one stroke.
func Commit(ctx context.Context, open storage.Opener, m *record.Manifest, destination string) error {
	if m == nil {
		return publishing(errors.New("there is nothing to publish"))
	}
	body, err := m.Encode()
	if err != nil {
		return publishing(err)
	}
	return publishing(with(ctx, open, destination, func(dest place) error {
		return dest.Replace(ctx, dest.Key(record.ManifestName), body)
	}))
}

func publishing(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("publishing: %w", err)
}

// Clean removes the objects of a replaced result but those that keep names.
// Names that lead out of the destination are passed over. What killed processes
// were writing there goes, too. Doing it again is free.
func Clean(ctx context.Context, open storage.Opener, destination string, names []string, keep *record.Manifest) error {
	kept := files(keep)
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return !plain(n) || n == record.ManifestName || kept[n]
	})
	err := with(ctx, open, destination, func(dest place) error {
		for _, n := range names {
			if err := dest.Remove(ctx, dest.Key(n)); err != nil {
				return err
			}
		}
		return dest.Sweep(dest.Prefix)
	})
	if err != nil {
		return fmt.Errorf("removing the replaced result: %w", err)
	}
	return nil
}

func files(m *record.Manifest) map[string]bool {
	names := map[string]bool{}
	if m != nil {
		for _, n := range m.Files() {
			names[n] = true
		}
	}
	return names
}

// partName matches the names that parts have.
var partName = regexp.MustCompile(`^(part|failed)-\d{5,}-of-\d{5,}\.([0-9a-f]{8})\.[a-z.]+$`)

// Withdraw removes the parts of a run that published nothing, those that the
// manifest in force names excepted, and what killed processes were writing. A
// local folder that is empty then goes, too.
func Withdraw(ctx context.Context, open storage.Opener, destination, run string) error {
	if len(run) < 8 {
		return fmt.Errorf("withdrawing parts: %q is no run", run)
	}
	err := with(ctx, open, destination, func(dest place) error {
		m, err := current(ctx, dest)
		if err != nil {
			return err
		}
		kept := files(m)
		var stale []string
		for _, kind := range []string{"part-", "failed-"} {
			for o, err := range dest.Objects(ctx, dest.Key(kind)) {
				if err != nil {
					return err
				}
				name := strings.TrimPrefix(o.Key, dest.Prefix)
				if f := partName.FindStringSubmatch(name); f != nil && f[2] == run[:8] && !kept[name] {
					stale = append(stale, o.Key)
				}
			}
		}
		if err := dest.Remove(ctx, stale...); err != nil {
			return err
		}
		if err := dest.Sweep(dest.Prefix); err != nil {
			return err
		}
		dest.removeEmpty()
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdrawing parts: %w", err)
	}
	return nil
}
