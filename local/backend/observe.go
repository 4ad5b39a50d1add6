package backend

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Describe tells how a worker is doing.
func (b *Backend) Describe(ctx context.Context, n provider.Native) (provider.Observation, error) {
	if err := b.usable(ctx); err != nil {
		return provider.Observation{}, err
	}
	b.reap()
	return observe(n)
}

func observe(n provider.Native) (provider.Observation, error) {
	p, err := phaseOf(n)
	if err != nil {
		return provider.Observation{}, err
	}
	o := provider.Observation{Native: n}
	var m marker
	if err := readDocument(n.ID, markerFile, &m); err == nil {
		o.Started = m.Started
	}
	switch p {
	case begun:
		o.State, o.Detail = provider.Queued, "no worker has begun"
	case starting:
		o.State, o.Detail = provider.Preparing, "a worker starts"
	case live:
		o.State, o.Progress = reported(n.ID)
		o.Detail = "a worker is at it"
		if exists(n.ID, cancelFile) {
			o.State, o.Detail = provider.Cancelling, "the worker is asked to end"
		}
	case died:
		_, o.Progress = reported(n.ID)
		o.State, o.Code = provider.Failed, provider.Internal
		o.Detail = "the worker died (killed, or out of memory); " + filepath.Join(n.ID, logFile) + " is its log"
	case withdrawn:
		o.State, o.Detail = provider.Cancelled, "cancelled before a worker began"
		if info, err := os.Stat(filepath.Join(n.ID, cancelFile)); err == nil {
			o.Ended = info.ModTime()
		}
	case over:
		return ended(n, o)
	}
	return o, nil
}

// reported is what the worker said last of itself.
func reported(dir string) (provider.State, *provider.Progress) {
	var s status
	if err := readDocument(dir, statusFile, &s); err != nil || s.FormatVersion != documentVersion {
		return provider.Preparing, nil
	}
	if s.State != provider.Running {
		return provider.Preparing, &s.Progress
	}
	return s.State, &s.Progress
}

func ended(n provider.Native, o provider.Observation) (provider.Observation, error) {
	var e end
	err := readDocument(n.ID, endFile, &e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return provider.Observation{}, missing(n)
	case err != nil:
		return provider.Observation{}, classed("looking at "+n.Name, err)
	case e.FormatVersion != documentVersion || !e.State.Terminal():
		return provider.Observation{}, provider.Errorf(provider.Internal, "%s is not of this version", filepath.Join(n.ID, endFile))
	}
	o.State, o.Code, o.Detail, o.Progress = e.State, e.Code, e.Message, &e.Progress
	o.Started, o.Ended = e.Started, e.Ended
	return o, nil
}

// attempt is an attempt's folder and when it was asked for.
type attempt struct {
	dir  string
	made time.Time
}

// List yields the attempts below Config.Runs. Those that are removed meanwhile
// are passed over. When an attempt was made is the time of its request file.
func (b *Backend) List(ctx context.Context, q provider.Query) iter.Seq2[provider.Observation, error] {
	return func(yield func(provider.Observation, error) bool) {
		if err := b.usable(ctx); err != nil {
			yield(provider.Observation{}, err)
			return
		}
		b.reap()
		found, err := attempts(b.config.Runs, q.Since)
		if err != nil {
			yield(provider.Observation{}, classed("listing "+b.config.Runs, err))
			return
		}
		for _, a := range found {
			if err := b.usable(ctx); err != nil {
				yield(provider.Observation{}, err)
				return
			}
			o, err := describe(a.dir)
			if errors.Is(err, provider.NotFound) {
				continue
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// describe observes a folder of which only the path is known.
func describe(dir string) (provider.Observation, error) {
	var q struct {
		Name string `json:"name"` // whatever the version of the rest
	}
	err := readDocument(dir, requestFile, &q)
	if errors.Is(err, fs.ErrNotExist) {
		return provider.Observation{}, missing(native(dir, filepath.Base(dir)))
	}
	if err != nil {
		return provider.Observation{}, classed("listing", err)
	}
	return observe(native(dir, q.Name))
}

// attempts lists RUN/aATTEMPT below a folder, the latest first.
func attempts(runs string, since time.Time) ([]attempt, error) {
	var out []attempt
	folders, err := os.ReadDir(runs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, run := range folders {
		if !run.IsDir() {
			continue
		}
		tries, err := os.ReadDir(filepath.Join(runs, run.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, try := range tries {
			number, isAttempt := strings.CutPrefix(try.Name(), "a")
			if _, err := strconv.Atoi(number); !isAttempt || err != nil {
				continue
			}
			dir := filepath.Join(runs, run.Name(), try.Name())
			info, err := os.Stat(filepath.Join(dir, requestFile))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if !info.ModTime().Before(since) {
				out = append(out, attempt{dir: dir, made: info.ModTime()})
			}
		}
	}
	slices.SortFunc(out, func(a, b attempt) int {
		if c := b.made.Compare(a.made); c != 0 {
			return c
		}
		return strings.Compare(b.dir, a.dir)
	})
	return out, nil
}
