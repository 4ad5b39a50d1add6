package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/record"
)

// file is an output file that counts and digests what goes into it.
type file struct {
	f    *os.File
	w    *bufio.Writer
	sum  *digest.Hash
	size int64
}

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
	return newFile(f), nil
}

func newFile(f *os.File) *file {
	return &file{f: f, w: bufio.NewWriterSize(f, 256<<10), sum: digest.New()}
}

// reopenFile goes on behind what a checkpoint says of a file; what was written
// past it goes. It is an error when the file does not hold that.
func reopenFile(folder string, was record.File) (*file, error) {
	path := filepath.Join(folder, filepath.Base(was.Name))
	f, err := os.OpenFile(path, os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	out := newFile(f)
	out.size, err = io.CopyN(out.sum, f, was.Size)
	if err == nil && out.sum.String() != was.Digest {
		err = fmt.Errorf("%w: %s", ErrSummary, path)
	}
	if err == nil {
		err = f.Truncate(was.Size)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return out, nil
}

func (f *file) write(b []byte) error {
	f.size += int64(len(b))
	_, _ = f.sum.Write(b)
	if _, err := f.w.Write(b); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	return nil
}

// flush hands what was written to the system, and says what the file is so far.
func (f *file) flush() (record.File, error) {
	if err := f.w.Flush(); err != nil {
		return record.File{}, fmt.Errorf("writing results: %w", err)
	}
	return record.File{Name: filepath.Base(f.f.Name()), Size: f.size, Digest: f.sum.String()}, nil
}

// finish brings the file to disk.
func (f *file) finish() (record.File, error) {
	out, err := f.flush()
	if err != nil {
		return out, err
	}
	if err := errors.Join(f.f.Sync(), f.f.Close()); err != nil {
		return record.File{}, fmt.Errorf("writing results: %w", err)
	}
	return out, nil
}

// close leaves the file as it is on disk.
func (f *file) close() { f.f.Close() }
