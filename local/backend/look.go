package backend

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// phase is where an attempt is, by its lock and its files.
type phase int

const (
	unknown   phase = iota // no attempt lies there
	begun                  // it was asked for, and no worker has begun
	starting               // a worker holds the lock, and has not said that it began
	live                   // a worker is at it
	died                   // a worker began and is gone without a word
	withdrawn              // it was cancelled before a worker began
	over                   // a worker wrote how it ended
)

// look tells the phase of an attempt. The lock is probed with a shared lock, so
// that several probes do not take each other for a worker; while it is held, no
// worker begins or ends, so that the files tell one story.
func look(dir string) (phase, error) {
	switch {
	case !exists(dir, requestFile):
		return unknown, nil
	case exists(dir, endFile):
		return over, nil
	}
	lock := lockOf(dir)
	free, err := lock.TryRLock()
	if errors.Is(err, fs.ErrNotExist) {
		return unknown, nil // it is being removed
	}
	if err != nil {
		return unknown, fmt.Errorf("probing %s: %w", lock.Path(), err)
	}
	if free {
		defer func() { _ = lock.Close() }()
	}
	began := exists(dir, markerFile)
	switch {
	case exists(dir, endFile):
		return over, nil
	case began && free:
		return died, nil
	case began:
		return live, nil
	case !free:
		return starting, nil
	case exists(dir, cancelFile):
		return withdrawn, nil
	}
	return begun, nil
}

// settled says that no worker may begin there any more: one has, or the attempt
// was cancelled before.
func settled(dir string) bool {
	return exists(dir, markerFile) || exists(dir, endFile) || exists(dir, cancelFile)
}

// lockOf is the lock of an attempt. The file is made with the request, never by
// who looks at it.
func lockOf(dir string) *flock.Flock {
	return flock.New(filepath.Join(dir, lockFile), flock.SetFlag(os.O_RDONLY))
}

// same says whether a held lock still is the one that the folder has: the
// folder may have been removed and made again.
func same(lock *flock.Flock) bool {
	held, err := lock.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(lock.Path())
	return err == nil && os.SameFile(held, named)
}
