package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
)

// file is an output file that counts and digests what goes into it.
type file struct {
	f    *os.File
	w    *bufio.Writer
	z    io.WriteCloser // compresses into it
	sum  *digest.Hash
	size int64
}

// createFile creates a file, which its name says to be compressed or not.
func createFile(folder, name string) (*file, error) {
	path := filepath.Join(folder, name)
	// A file that a killed run left may have another name elsewhere: the new one
	// must not be written through it.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, fmt.Errorf("writing results: %w", err)
	}
	out := &file{f: f, w: bufio.NewWriterSize(f, 256<<10), sum: digest.New()}
	compression, _ := compress.Of(name)
	if out.z, err = compress.NewWriter(writerFunc(out.put), compression); err != nil {
		out.remove()
		return nil, fmt.Errorf("writing results: %w", err)
	}
	return out, nil
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// put writes bytes as they are in the file.
func (f *file) put(b []byte) (int, error) {
	f.size += int64(len(b))
	_, _ = f.sum.Write(b)
	return f.w.Write(b)
}

func (f *file) write(b []byte) error {
	if _, err := f.z.Write(b); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// finish brings the file to disk.
func (f *file) finish() (record.File, error) {
	err := errors.Join(f.z.Close(), f.w.Flush())
	if err == nil {
		err = f.f.Sync()
	}
	if cerr := f.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return record.File{}, fmt.Errorf("writing results: %w", err)
	}
	return record.File{Name: filepath.Base(f.f.Name()), Size: f.size, Digest: f.sum.String()}, nil
}

// remove closes the file, if it is open, and deletes it.
func (f *file) remove() {
	f.f.Close()
	_ = os.Remove(f.f.Name())
}
