package backend

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Send makes the attempt's folder and starts its worker, and returns once the
// worker holds the attempt. A request that lies there without a worker, because
// its sender died, gets one.
func (b *Backend) Send(ctx context.Context, r provider.Request) (provider.Native, error) {
	if err := b.usable(ctx); err != nil {
		return provider.Native{}, err
	}
	b.reap()
	if err := detachable(); err != nil {
		return provider.Native{}, err
	}
	if err := wellFormed(r); err != nil {
		return provider.Native{}, err
	}
	if err := place(ctx, r); err != nil {
		return provider.Native{}, err
	}
	p, err := look(r.Target)
	switch {
	case err != nil:
		return provider.Native{}, classed("starting a worker", err)
	case p != begun && p != starting:
		return provider.Native{}, taken(r)
	}
	if err := b.start(ctx, r); err != nil {
		return provider.Native{}, err
	}
	return native(r.Target, r.Name), nil
}

func taken(r provider.Request) error {
	return provider.Errorf(provider.AlreadyExists, "%s has a worker already", r.Name)
}

// wellFormed refuses what no Translate made.
func wellFormed(r provider.Request) error {
	var q request
	switch err := json.Unmarshal(r.Body, &q); {
	case r.Op != operation:
		return provider.Errorf(provider.Invalid, "unknown operation %q", r.Op)
	case !filepath.IsAbs(r.Target):
		return provider.Errorf(provider.Invalid, "the folder %q is not an absolute path", r.Target)
	case err != nil:
		return provider.Errorf(provider.Invalid, "the request of %s cannot be read: %w", r.Name, err)
	case q.Name != r.Name:
		return provider.Errorf(provider.Invalid, "the request of %s is named %s", r.Name, q.Name)
	}
	return nil
}

// place puts the request where its worker will find it, beside the lock.
func place(ctx context.Context, r provider.Request) error {
	if err := os.MkdirAll(r.Target, 0o755); err != nil {
		return classed("making the run's folder", err)
	}
	lock, err := os.OpenFile(filepath.Join(r.Target, lockFile), os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return classed("making the run's folder", err)
	}
	lock.Close()
	folder, err := storage.OpenFolder(r.Target)
	if err != nil {
		return classed("making the run's folder", err)
	}
	defer func() { _ = folder.Close() }()
	created, err := folder.Create(ctx, requestFile, r.Body)
	if err != nil {
		return classed("making the run's folder", err)
	}
	if created {
		return nil
	}
	return compare(r)
}

// compare is Conflict when another request than r stands under r's name.
func compare(r provider.Request) error {
	there, err := os.ReadFile(filepath.Join(r.Target, requestFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return provider.Errorf(provider.NotFound, "there is no %s", r.Name)
	case err != nil:
		return classed("reading "+r.Name, err)
	case !bytes.Equal(there, r.Body):
		return provider.Errorf(provider.Conflict, "%s is there already, with another specification (%s)", r.Name, r.Target)
	}
	return nil
}

// Find finds the worker that an earlier Send of the same request started. A
// request whose sender died before a worker began is not found: nothing runs.
func (b *Backend) Find(ctx context.Context, r provider.Request) (provider.Native, error) {
	if err := b.usable(ctx); err != nil {
		return provider.Native{}, err
	}
	if err := wellFormed(r); err != nil {
		return provider.Native{}, err
	}
	if err := compare(r); err != nil {
		return provider.Native{}, err
	}
	switch p, err := look(r.Target); {
	case err != nil:
		return provider.Native{}, classed("looking for "+r.Name, err)
	case p == unknown, p == begun:
		return provider.Native{}, provider.Errorf(provider.NotFound, "no worker of %s has begun", r.Name)
	}
	return native(r.Target, r.Name), nil
}

// Cancel asks the worker to end. One that has not begun never will.
func (b *Backend) Cancel(ctx context.Context, n provider.Native) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	switch p, err := phaseOf(n); {
	case err != nil:
		return err
	case p == over, p == died, p == withdrawn:
		return nil
	}
	// Not by way of storage, which would make a folder that is removed meanwhile.
	f, err := os.OpenFile(filepath.Join(n.ID, cancelFile), os.O_WRONLY|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return missing(n)
	}
	if err != nil {
		return classed("cancelling "+n.Name, err)
	}
	return classed("cancelling "+n.Name, f.Close())
}

// phaseOf is where a native job is: NotFound when there is none.
func phaseOf(n provider.Native) (phase, error) {
	if !filepath.IsAbs(n.ID) {
		return unknown, missing(n)
	}
	p, err := look(n.ID)
	if err != nil {
		return unknown, classed("looking at "+n.Name, err)
	}
	if p == unknown {
		return unknown, missing(n)
	}
	return p, nil
}

func missing(n provider.Native) error {
	return provider.Errorf(provider.NotFound, "there is no %s on this machine (%s)", n.Name, n.ID)
}

// removedPrefix marks folders that are being removed. They are no attempts, and
// what a killed process left of one goes with the next Delete.
const removedPrefix = ".removed-"

// Delete removes an attempt's folder with all that is in it. While a worker is
// at it that is a conflict.
func (b *Backend) Delete(ctx context.Context, n provider.Native) error {
	if err := b.usable(ctx); err != nil {
		return err
	}
	switch _, err := phaseOf(n); {
	case errors.Is(err, provider.NotFound):
		return b.sweep(n)
	case err != nil:
		return err
	}
	for {
		gone, err := remove(n)
		if err != nil || gone {
			return errors.Join(err, b.sweep(n))
		}
		select { // somebody probes the lock just now
		case <-ctx.Done():
			return ctx.Err()
		case <-b.deps.Clock.After(10 * time.Millisecond):
		}
	}
}

// remove takes an attempt's folder away at one stroke, under its lock; false
// when somebody probes the lock.
func remove(n provider.Native) (bool, error) {
	lock := lockOf(n.ID)
	ok, err := lock.TryLock()
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, classed("removing "+n.Name, err)
	}
	defer func() { _ = lock.Close() }()
	if !ok {
		switch p, err := look(n.ID); {
		case err != nil:
			return false, classed("removing "+n.Name, err)
		case p == live, p == starting:
			return false, provider.Errorf(provider.Conflict, "%s is running: cancel it first", n.Name)
		case p == unknown:
			return true, nil
		}
		return false, nil
	}
	if !same(lock) {
		return true, nil // it was removed meanwhile
	}
	var nonce [4]byte
	_, _ = rand.Read(nonce[:]) // never fails
	to := filepath.Join(filepath.Dir(n.ID), removedPrefix+filepath.Base(n.ID)+"-"+hex.EncodeToString(nonce[:]))
	if err := os.Rename(n.ID, to); err != nil {
		return false, classed("removing "+n.Name, err)
	}
	return true, nil
}

// sweep clears what was taken away, and the run's folder once it is empty.
func (b *Backend) sweep(n provider.Native) error {
	if !filepath.IsAbs(n.ID) {
		return nil
	}
	run, base := filepath.Split(n.ID)
	left, err := os.ReadDir(run)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return classed("removing "+n.Name, err)
	}
	prefix := removedPrefix + base + "-"
	for _, e := range left {
		if len(e.Name()) > len(prefix) && e.Name()[:len(prefix)] == prefix {
			if err := os.RemoveAll(filepath.Join(run, e.Name())); err != nil {
				return classed("removing "+n.Name, err)
			}
		}
	}
	if filepath.Dir(filepath.Clean(run)) == filepath.Clean(b.config.Runs) {
		_ = os.Remove(run) // fails where another attempt lies
	}
	return nil
}
