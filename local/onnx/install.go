package onnx

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrDigest says that what was fetched is not what the source code pins.
var ErrDigest = errors.New("digest mismatch")

// Progress is one step of Install. Done and Total are bytes.
type Progress struct {
	Step        string // "fetch", "check", "unpack"
	Done, Total int64
}

// Installer fetches ONNX Runtime with npm's own client, so that proxies,
// mirrors and credentials are those that npm is set up with.
type Installer struct {
	Finder Finder
	// Fetch puts the package's tarball into a folder and returns its path.
	// Nil: npm pack.
	Fetch func(ctx context.Context, dir string) (string, error)
	// Report is told of progress; it may be nil.
	Report func(Progress)
}

// Install puts the library of this machine into the cache and returns it. What
// is already there, with the right digest, is left as it is (fetched is false).
// Nothing but the finished file ever appears under its name.
func (in Installer) Install(ctx context.Context) (lib Library, fetched bool, err error) {
	in.Finder = in.Finder.withDefaults()
	if in.Report == nil {
		in.Report = func(Progress) {}
	}
	if in.Fetch == nil {
		in.Fetch = in.npmPack
	}
	want, err := assetFor(in.Finder.GOOS, in.Finder.GOARCH)
	if err != nil {
		return Library{}, false, err
	}
	path, err := in.Finder.CachePath()
	if err != nil {
		return Library{}, false, err
	}
	lib = Library{Path: path, Source: FromCache}
	switch sum, err := fileSHA256(path); {
	case err == nil && sum == want.SHA256:
		return lib, false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Library{}, false, fmt.Errorf("reading what is installed: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return Library{}, false, fmt.Errorf("making the cache: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".install-")
	if err != nil {
		return Library{}, false, fmt.Errorf("making the cache: %w", err)
	}
	defer os.RemoveAll(work)

	tarball, err := in.Fetch(ctx, work)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return Library{}, false, err
	}
	if err := in.checkIntegrity(tarball); err != nil {
		return Library{}, false, err
	}
	unpacked := filepath.Join(work, filepath.Base(path))
	if err := in.unpack(ctx, tarball, want, unpacked); err != nil {
		return Library{}, false, err
	}
	if err := os.Rename(unpacked, path); err != nil {
		return Library{}, false, fmt.Errorf("installing the library: %w", err)
	}
	return lib, true, nil
}

// npmPack fetches with a cache of its own inside dir: the tarball is needed
// once, and the growth of that cache is the progress of the download.
func (in Installer) npmPack(ctx context.Context, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is not on the PATH: install it (Debian: apt-get install npm), or set %s to a library of your own", PathVariable)
	}
	cache := filepath.Join(dir, "npm-cache")
	cmd := exec.CommandContext(ctx, npm, "pack", npmPackage, "--pack-destination", dir, "--cache", cache, "--loglevel", "error", "--no-update-notifier")
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	done := make(chan error, 1)
	in.Report(Progress{Step: "fetch", Total: npmSize})
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("starting npm: %w", err)
	}
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			if err != nil {
				return "", fmt.Errorf("npm pack %s: %w\n%s", npmPackage, err, strings.TrimSpace(stderr.String()))
			}
			in.Report(Progress{Step: "fetch", Done: npmSize, Total: npmSize})
			name := strings.TrimSpace(stdout.String())
			return filepath.Join(dir, filepath.Base(name)), nil
		case <-tick.C:
			in.Report(Progress{Step: "fetch", Done: min(folderSize(cache), npmSize), Total: npmSize})
		}
	}
}

func (in Installer) checkIntegrity(tarball string) error {
	f, err := os.Open(tarball)
	if err != nil {
		return fmt.Errorf("reading the package: %w", err)
	}
	defer f.Close()
	in.Report(Progress{Step: "check"})
	h := sha512.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("reading the package: %w", err)
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil)); got != npmIntegrity {
		return fmt.Errorf("%w: %s has %s, expected %s", ErrDigest, npmPackage, got, npmIntegrity)
	}
	return nil
}

// unpack writes the one wanted file of the tarball to path.
func (in Installer) unpack(ctx context.Context, tarball string, want asset, path string) error {
	f, err := os.Open(tarball)
	if err != nil {
		return fmt.Errorf("reading the package: %w", err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("reading the package: %w", err)
	}
	tr := tar.NewReader(gz)
	for {
		head, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s holds no %s", npmPackage, want.Path)
		}
		if err != nil {
			return fmt.Errorf("reading the package: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if head.Name != want.Path {
			continue
		}
		in.Report(Progress{Step: "unpack", Total: head.Size})
		sum, err := writeSynced(path, tr)
		if err != nil {
			return fmt.Errorf("unpacking the library: %w", err)
		}
		in.Report(Progress{Step: "unpack", Done: head.Size, Total: head.Size})
		if sum != want.SHA256 {
			return fmt.Errorf("%w: %s has SHA-256 %s, expected %s", ErrDigest, want.Path, sum, want.SHA256)
		}
		return nil
	}
}

// writeSynced copies r to a new file on disk and returns its SHA-256 in hex.
func writeSynced(path string, r io.Reader) (string, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), r); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Close()
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// folderSize adds up the files below dir; what cannot be read counts nothing,
// as it only feeds a progress bar.
func folderSize(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
