//go:build unix

package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/contracttests"
	"github.com/crossbatch/crossbatch/core/provider"
)

// area is a folder in which the suite's workers run. A file in it says after how
// many shards they stand still.
type area struct {
	contracttests.T
	dir string
	odd bool // its clock is slow and its inputs are read-only
}

// lateClock is a clock on which waits take longer than they should.
type lateClock struct{ clockwork.Clock }

func (c lateClock) After(d time.Duration) <-chan time.Time {
	return c.Clock.After(2*d + 10*time.Millisecond)
}

func (a *area) clock() clockwork.Clock {
	if a.odd {
		return lateClock{clockwork.NewRealClock()}
	}
	return clockwork.NewRealClock()
}

// written takes the right to write from inputs and their folder.
func (a *area) written(folder string) {
	if !a.odd {
		return
	}
	files, err := filepath.Glob(filepath.Join(folder, "*")) // the odd names hold no glob
	for _, f := range files {
		err = errors.Join(err, os.Chmod(f, 0o444))
	}
	if err = errors.Join(err, os.Chmod(folder, 0o555)); err != nil {
		a.Errorf("%v", err)
	}
	a.Cleanup(func() { _ = os.Chmod(folder, 0o755) })
}

const (
	holdFile     = "hold"
	standingFile = "standing"
)

// standStill is what a worker does at a step: it waits while its area says so.
func standStill(dir string) func(context.Context, int) {
	hold := filepath.Join(dir, "..", "..", "..", "..", holdFile)
	return func(ctx context.Context, finished int) {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			body, err := os.ReadFile(hold)
			n, nerr := strconv.Atoi(string(body))
			if err != nil || nerr != nil || n < 0 || finished < n {
				return
			}
			_ = os.WriteFile(filepath.Join(dir, standingFile), nil, 0o644)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

func (a *area) attempts(file string) []string {
	found, err := filepath.Glob(filepath.Join(a.dir, "staging", "runs", "*", "a*", file))
	if err != nil {
		a.Fatalf("%v", err)
	}
	return found
}

func (a *area) Count(context.Context) (int, error) { return len(a.attempts(requestFile)), nil }

func (a *area) Hold(shards int) {
	temp := filepath.Join(a.dir, "."+holdFile)
	err := os.MkdirAll(a.dir, 0o755)
	if err == nil {
		err = os.WriteFile(temp, []byte(strconv.Itoa(shards)), 0o644)
	}
	if err = errors.Join(err, os.Rename(temp, filepath.Join(a.dir, holdFile))); err != nil {
		a.Fatalf("%v", err)
	}
}

func (a *area) Standing(ctx context.Context, n provider.Native) error {
	return poll(ctx, func() (bool, error) {
		if exists(n.ID, endFile) {
			return false, fmt.Errorf("%s is over", n.Name)
		}
		return exists(n.ID, standingFile), nil
	})
}

// Kill ends a worker and waits until the lock says so.
func (a *area) Kill(ctx context.Context, n provider.Native) error {
	var m marker
	if err := readDocument(n.ID, markerFile, &m); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		p, err := look(n.ID)
		if err != nil || p != live {
			return true, err
		}
		return false, syscall.Kill(m.PID, syscall.SIGKILL)
	})
}

// clear ends the workers that an invariant left.
func (a *area) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, file := range a.attempts(markerFile) {
		dir := filepath.Dir(file)
		if err := a.Kill(ctx, native(dir, filepath.Base(dir))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.Errorf("%v", err)
		}
	}
}

// poll asks until something holds: these tests wait for processes.
func poll(ctx context.Context, ok func() (bool, error)) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
