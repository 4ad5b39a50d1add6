package onnx

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tarball writes a package with one file.
func tarball(t *testing.T, path, name, text string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	gz := gzip.NewWriter(f)
	tw := tar.NewWriter(gz)
	if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(tw.Close(), gz.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && (!d.IsDir() || strings.HasPrefix(d.Name(), ".")) {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestInstallThatFailsLeavesNothing(t *testing.T) {
	want, err := assetFor("linux", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	offline := errors.New("offline")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx   context.Context
		fetch func(context.Context, string) (string, error)
		want  error
	}{
		"another package": {t.Context(), func(_ context.Context, dir string) (string, error) {
			return tarball(t, filepath.Join(dir, "p.tgz"), want.Path, "evil"), nil
		}, ErrDigest},
		"fetch fails": {t.Context(), func(_ context.Context, dir string) (string, error) {
			touch(t, filepath.Join(dir, "half.tgz"))
			return "", offline
		}, offline},
		"fetch lies": {t.Context(), func(_ context.Context, dir string) (string, error) {
			return filepath.Join(dir, "none.tgz"), nil
		}, fs.ErrNotExist},
		"cancelled": {ended, func(_ context.Context, dir string) (string, error) {
			return tarball(t, filepath.Join(dir, "p.tgz"), want.Path, "evil"), nil
		}, context.Canceled},
		"cancelled npm": {ended, nil, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "cancelled npm" { // which must not even be asked
				bin := t.TempDir()
				if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
					t.Fatal(err)
				}
				t.Setenv("PATH", bin)
			}
			dir := t.TempDir()
			in := Installer{Finder: finder(map[string]string{CacheVariable: dir}), Fetch: test.fetch}
			_, fetched, err := in.Install(test.ctx)
			if !errors.Is(err, test.want) || fetched {
				t.Errorf("%v, %v", fetched, err)
			}
			if left := filesBelow(t, dir); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestInstallOnUnknownPlatform(t *testing.T) {
	f := finder(map[string]string{CacheVariable: t.TempDir()})
	f.GOOS = "plan9"
	_, _, err := Installer{Finder: f}.Install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no library for plan9/amd64") || !strings.Contains(err.Error(), PathVariable) {
		t.Errorf("%v", err)
	}
}

func TestInstallWithoutNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := Installer{Finder: finder(map[string]string{CacheVariable: t.TempDir()})}.Install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "npm is not on the PATH") || !strings.Contains(err.Error(), PathVariable) {
		t.Errorf("%v", err)
	}
}

func TestInstallWithFailingNPM(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho 'npm error network' >&2\nexit 7\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	_, _, err := Installer{Finder: finder(map[string]string{CacheVariable: t.TempDir()})}.Install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "npm error network") || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("%v", err)
	}
}

func TestInstallOfWhatIsThere(t *testing.T) {
	lib, err := Finder{}.Find(t.Context())
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	if lib.Source != FromCache {
		t.Skip("the library comes from " + string(lib.Source))
	}
	got, fetched, err := Installer{Fetch: func(context.Context, string) (string, error) {
		return "", errors.New("must not be called")
	}}.Install(t.Context())
	if err != nil || fetched || got != lib {
		t.Errorf("%+v, %v, %v", got, fetched, err)
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	path := tarball(t, filepath.Join(dir, "p.tgz"), "package/lib", "hello")
	in := Installer{Report: func(Progress) {}}
	const sum = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if err := in.unpack(t.Context(), path, asset{"package/lib", sum}, filepath.Join(dir, "lib")); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "lib")); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if err := in.unpack(t.Context(), path, asset{"package/lib", "00"}, filepath.Join(dir, "lib2")); !errors.Is(err, ErrDigest) {
		t.Errorf("wrong digest: %v", err)
	}
	err := in.unpack(t.Context(), path, asset{"package/other", sum}, filepath.Join(dir, "lib3"))
	if err == nil || !strings.Contains(err.Error(), "holds no package/other") {
		t.Errorf("no such file: %v", err)
	}
}
