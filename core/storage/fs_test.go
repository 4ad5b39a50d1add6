package storage

import (
	"errors"
	"io"
	"io/fs"
	"testing"

	"gocloud.dev/blob/memblob"
)

func TestFS(t *testing.T) {
	folder, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*Bucket{"a store": New(memblob.OpenBucket(nil), "mem://b"), "a folder": folder} {
		t.Cleanup(func() { _ = b.Close() })
		for _, key := range []string{"out/a.txt", "out/b.txt", "out/deep/c.txt", "outer.txt"} {
			if err := b.Replace(t.Context(), key, []byte(key)); err != nil {
				t.Fatal(err)
			}
		}
		dir := FS(t.Context(), Folder{b, "out/"})
		if entries, err := fs.ReadDir(dir, "."); err != nil || len(entries) != 2 || entries[0].Name() != "a.txt" || entries[1].Name() != "b.txt" {
			t.Errorf("%s: lists %v, %v", name, entries, err)
		}
		if body, err := fs.ReadFile(dir, "b.txt"); err != nil || string(body) != "out/b.txt" {
			t.Errorf("%s: reads %q, %v", name, body, err)
		}
		f, err := dir.Open("a.txt")
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, 5)
		if _, err := f.(io.ReaderAt).ReadAt(part, 4); err != nil || string(part) != "a.txt" {
			t.Errorf("%s: reads %q in the middle, %v", name, part, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		for _, absent := range []string{"c.txt", "../outer.txt", "deep/c.txt", "."} {
			if _, err := dir.Open(absent); err == nil {
				t.Errorf("%s: %s can be opened", name, absent)
			}
		}
		if _, err := fs.ReadFile(dir, "c.txt"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: absent: %v", name, err)
		}
	}
}
