package onnx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// finder looks in folders of the test alone.
func finder(env map[string]string) Finder {
	return Finder{
		Getenv: func(k string) string { return env[k] },
		System: []string{},
		Python: func(context.Context) (string, error) { return "", nil },
		GOOS:   "linux", GOARCH: "amd64",
	}
}

func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindOrder(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{CacheVariable: filepath.Join(dir, "cache")}
	f := finder(env)
	f.System = []string{filepath.Join(dir, "none"), filepath.Join(dir, "system")}
	f.Python = func(context.Context) (string, error) { return filepath.Join(dir, "python"), nil }
	check := func(want Library) {
		t.Helper()
		if lib, err := f.Find(t.Context()); err != nil || lib != want {
			t.Errorf("found %+v, %v; expected %+v", lib, err, want)
		}
	}

	_, err := f.Find(t.Context())
	if !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), "run `crossbatch runtime install`") {
		t.Errorf("nothing there: %v", err)
	}
	// From the last place to the first: each one wins over those before it.
	touch(t, filepath.Join(dir, "python", "capi", "libonnxruntime.so.1.9.0"))
	check(Library{touch(t, filepath.Join(dir, "python", "capi", "libonnxruntime.so.1.27.0")), FromPython})
	check(Library{touch(t, filepath.Join(dir, "system", "libonnxruntime.so.1")), FromSystem})
	check(Library{touch(t, filepath.Join(dir, "system", "libonnxruntime.so")), FromSystem})
	cached, err := f.CachePath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cached, 0o755); err != nil {
		t.Fatal(err)
	}
	check(Library{filepath.Join(dir, "system", "libonnxruntime.so"), FromSystem}) // a folder is no library
	if err := os.Remove(cached); err != nil {
		t.Fatal(err)
	}
	check(Library{touch(t, cached), FromCache})
	own := touch(t, filepath.Join(dir, "own", "libonnxruntime.so.1.25.1"))
	env[PathVariable] = own
	check(Library{own, FromVariable})
	env[PathVariable] = filepath.Dir(own)
	check(Library{own, FromVariable})
}

func TestVariableThatLeadsNowhere(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{CacheVariable: dir}
	f := finder(env)
	cached, err := f.CachePath()
	if err != nil {
		t.Fatal(err)
	}
	touch(t, cached)
	for value, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		t.TempDir():                "the folder holds no libonnxruntime.so",
	} {
		env[PathVariable] = value
		_, err := f.Find(t.Context())
		if err == nil || errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), PathVariable+" is set to") || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
}

func TestFindOnOtherSystems(t *testing.T) {
	for goos, name := range map[string]string{"windows": "onnxruntime.dll", "darwin": "libonnxruntime.1.27.0.dylib", "freebsd": "libonnxruntime.so.1"} {
		f := finder(map[string]string{CacheVariable: t.TempDir()})
		f.GOOS, f.System = goos, []string{t.TempDir()}
		want := touch(t, filepath.Join(f.System[0], name))
		if lib, err := f.Find(t.Context()); err != nil || lib.Path != want {
			t.Errorf("%s: %+v, %v", goos, lib, err)
		}
	}
}

func TestSystemFolders(t *testing.T) {
	getenv := func(k string) string { return map[string]string{"LD_LIBRARY_PATH": "/a::/b"}[k] }
	if got := strings.Join(systemFolders("linux", getenv)[:3], " "); got != "/a /b /usr/local/lib" {
		t.Error(got)
	}
}
