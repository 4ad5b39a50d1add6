package storage

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Names that the library below gives a meaning of its own are names like others.
func TestNamesOfTheLibraryBelow(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "two dots.."))
	for _, k := range []string{"a", "a.attrs", "b../c"} {
		if err := b.Replace(t.Context(), k, []byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Remove(t.Context(), "a", "b../c"); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, b, ""); !slices.Equal(got, []string{"a.attrs"}) {
		t.Errorf("after the removal of others: %q", got)
	}
	for k, want := range map[string]bool{"a": false, "a.attrs": true, "none/x": false} {
		if there, err := b.Exists(t.Context(), k); err != nil || there != want {
			t.Errorf("%s: %v, %v", k, there, err)
		}
	}
}

func TestControlCharactersAreRefused(t *testing.T) {
	if _, err := OpenFolder(filepath.Join(t.TempDir(), "a\nb")); err == nil || !strings.Contains(err.Error(), "control character") {
		t.Errorf("opened: %v", err)
	}
}

// Writing where nothing can be written names the object and the cause.
func TestWhereNothingCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	b := open(t, dir)
	from := open(t, t.TempDir())
	if err := from.Replace(t.Context(), "s", nil); err != nil {
		t.Fatal(err)
	}
	places := []string{"file/k"} // a file where a folder must be
	if os.Getuid() != 0 {
		if err := os.Mkdir(filepath.Join(dir, "forbidden"), 0o555); err != nil {
			t.Fatal(err)
		}
		places = append(places, "forbidden/k", "forbidden/deep/k")
	}
	for _, k := range places {
		created, cerr := b.Create(t.Context(), k, []byte("x"))
		if created {
			t.Errorf("%s was created", k)
		}
		for verb, err := range map[string]error{
			"creating": cerr, "writing": b.Replace(t.Context(), k, nil), "copying": b.Copy(t.Context(), k, from, "s"),
		} {
			if err == nil || !strings.Contains(err.Error(), filepath.Base(dir)) || errors.Is(err, ErrNotFound) {
				t.Errorf("%s %s: %v", verb, k, err)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", tempPrefix+"*")); left != nil {
		t.Errorf("left behind: %q", left)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	write(t, filepath.Join(dir, "a", tempPrefix+"dead"), "x")
	write(t, filepath.Join(dir, "a", "k"), "x")
	for _, prefix := range []string{"a/", "absent/"} {
		if err := b.Sweep(prefix); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "a"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "k" {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestURIsAndPaths(t *testing.T) {
	for path, uri := range map[string]string{
		"/a b/c#d?e%41": "file:///a%20b/c%23d%3Fe%2541",
		"/é":            "file:///%C3%A9",
	} {
		if got := FileURI(path); got != uri {
			t.Errorf("%s: %s", path, got)
		}
		if got, ok := LocalPath(uri); !ok || got != path {
			t.Errorf("%s: %s, %v", uri, got, ok)
		}
	}
	for _, uri := range []string{"s3://b/k", "file://host/x", "file://%zz"} {
		if got, ok := LocalPath(uri); ok {
			t.Errorf("%s is local: %s", uri, got)
		}
	}
	if _, _, err := OpenLocal(t.Context(), "s3://b/k"); err == nil {
		t.Error("an object store was opened")
	}
}
