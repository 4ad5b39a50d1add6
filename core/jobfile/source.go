package jobfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds every file that is read: a job file is written by people.
const maxFile = 4 << 20

// maxWalk bounds the entries that one fileset() looks at.
const maxWalk = 100_000

// The reasons for which a file is not read.
var (
	errTooLarge   = errors.New("the file is larger than 4 MiB")
	errNotRegular = errors.New("it is no regular file")
	errTooMany    = errors.New("there are more than 100000 files and folders to look through")
)

// source reads what job files name. Paths are absolute and clean.
type source interface {
	read(path string) ([]byte, error)
	files(root string) ([]string, error) // slash-separated, relative to root, sorted
}

// disk is the real file system.
type disk struct{}

func (disk) read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	// A pipe or a device could keep the reader waiting for ever.
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, reason(err)
	}
	if len(src) > maxFile {
		return nil, errTooLarge
	}
	return src, nil
}

func (disk) files(root string) ([]string, error) {
	var out []string
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if seen++; seen > maxWalk {
			return errTooMany
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	slices.Sort(out)
	return out, reason(err)
}

// memory holds files by absolute path.
type memory map[string][]byte

func (m memory) read(path string) ([]byte, error) {
	src, ok := m[path]
	if !ok {
		return nil, errors.New("no such file")
	}
	if len(src) > maxFile {
		return nil, errTooLarge
	}
	return src, nil
}

func (m memory) files(root string) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if rel, ok := strings.CutPrefix(name, strings.TrimSuffix(root, "/")+"/"); ok {
			out = append(out, rel)
		}
	}
	return out, nil
}

// reason drops the operation and the path, which the diagnostic shows itself.
func reason(err error) error {
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("no such file")
	case errors.As(err, &pe):
		return pe.Err
	case err != nil:
		return fmt.Errorf("read: %w", err)
	}
	return nil
}
