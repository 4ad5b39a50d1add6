package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"
)

// FS is a folder of a bucket as the standard library reads folders: the objects
// in it, not those below. ctx is that of everything read through it.
func FS(ctx context.Context, f Folder) fs.FS {
	return folderFS{ctx, f}
}

type folderFS struct {
	ctx context.Context
	f   Folder
}

// Open opens an object. Its file is an io.ReaderAt, too.
func (s folderFS) Open(name string) (fs.File, error) {
	wrong := func(err error) error { return &fs.PathError{Op: "open", Path: s.f.URI(s.f.Key(name)), Err: err} }
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, "/") {
		return nil, wrong(fs.ErrInvalid)
	}
	o, err := s.f.OpenObject(s.ctx, s.f.Key(name))
	if errors.Is(err, ErrNotFound) {
		return nil, wrong(fs.ErrNotExist)
	}
	if err != nil {
		return nil, wrong(err)
	}
	return &objectFile{ObjectReader: o, r: o.NewReader(s.ctx, 0, -1), name: name}, nil
}

// ReadDir lists the objects of the folder, which is called ".".
func (s folderFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	var entries []fs.DirEntry
	for o, err := range s.f.Objects(s.ctx, s.f.Prefix) {
		if err != nil {
			return nil, err
		}
		if name := o.Key[len(s.f.Prefix):]; name != "" && !strings.Contains(name, "/") {
			entries = append(entries, fs.FileInfoToDirEntry(objectInfo{name, o.Size, o.ModTime}))
		}
	}
	return entries, nil
}

// objectFile is an object that is being read.
type objectFile struct {
	*ObjectReader
	r    io.ReadCloser
	name string
}

func (f *objectFile) Read(p []byte) (int, error) { return f.r.Read(p) }

func (f *objectFile) Stat() (fs.FileInfo, error) {
	return objectInfo{f.name, f.Size(), time.Time{}}, nil
}

func (f *objectFile) Close() error { return errors.Join(f.r.Close(), f.ObjectReader.Close()) }

// objectInfo is what is known of an object.
type objectInfo struct {
	name    string
	size    int64
	modTime time.Time
}

func (i objectInfo) Name() string       { return i.name }
func (i objectInfo) Size() int64        { return i.size }
func (i objectInfo) Mode() fs.FileMode  { return 0o444 }
func (i objectInfo) ModTime() time.Time { return i.modTime }
func (i objectInfo) IsDir() bool        { return false }
func (i objectInfo) Sys() any           { return nil }
