package engine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func hold(t *testing.T, root, run string) *Hold {
	t.Helper()
	h, err := TakeHold(root, run)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", path, err)
	}
}

func TestOneProcessHoldsAFolder(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "deep", "er", "work")
	h := hold(t, root, "run")
	if _, err := TakeHold(root, "other"); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want %v", err, ErrBusy)
	}
	h.Release(false)
	absent(t, filepath.Join(dir, "deep"))
	hold(t, root, "other").Release(false)
}

func TestHoldKeepsWhatItIsTold(t *testing.T) {
	root := filepath.Join(t.TempDir(), "work")
	h := hold(t, root, "a")
	write(t, filepath.Join(h.Folder, "x"), "x")
	h.Release(true)
	absent(t, filepath.Join(root, "lock"))

	h = hold(t, root, "b")
	if !slices.Equal(h.Others, []string{"a"}) {
		t.Errorf("others %v, want a", h.Others)
	}
	if err := h.Drop("../work"); err == nil {
		t.Error("a folder elsewhere can be dropped")
	}
	if err := h.Drop("a"); err != nil {
		t.Fatal(err)
	}
	absent(t, filepath.Join(root, "a"))
	h.Release(true)

	h = hold(t, root, "b")
	write(t, filepath.Join(h.Folder, "x"), "x")
	if err := h.Restart(); err != nil {
		t.Fatal(err)
	}
	absent(t, filepath.Join(h.Folder, "x"))
	h.Release(false)
	absent(t, root)
}
