package storage

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
)

// tempPrefix marks files that are being written. They are no objects: listings
// pass over them, and one that a killed process left does no harm.
const tempPrefix = ".tmp-"

// OpenFolder opens a local folder as a Bucket. The folder need not be there: it
// is made by the first write.
func OpenFolder(dir string) (*Bucket, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	if strings.ContainsFunc(abs, unicode.IsControl) {
		return nil, fmt.Errorf("opening %q: the path holds a control character", dir)
	}
	if info, err := os.Stat(abs); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("opening %s: it is a file, not a folder", dir)
	}
	// fileblob wants a folder that is there: the root always is.
	root := filepath.VolumeName(abs) + string(filepath.Separator)
	b, err := fileblob.OpenBucket(root, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", dir, err)
	}
	if prefix := filepath.ToSlash(strings.TrimPrefix(abs, root)); prefix != "" {
		b = blob.PrefixedBucket(b, prefix+"/")
	}
	out := New(b, FileURI(abs))
	out.dir = abs
	return out, nil
}

// OpenLocal is the Opener of paths and file:// URIs. Any other URI is an error.
func OpenLocal(_ context.Context, uri string) (*Bucket, string, error) {
	path, ok := LocalPath(uri)
	if !ok {
		return nil, "", fmt.Errorf("opening %s: only folders of this machine can be opened", uri)
	}
	b, err := OpenFolder(path)
	return b, "", err
}

// createFile makes a file where there is none. link(2) is atomic between
// processes, which creating the file under its own name and then writing it is
// not: a reader could see half of it.
func createFile(dir, key string, body []byte) (bool, error) {
	path := filepath.Join(dir, filepath.FromSlash(key))
	if _, err := os.Lstat(path); err == nil {
		return false, nil // spares the two syncs of a lost race
	}
	temp, err := writeTemp(path, strings.NewReader(string(body)))
	if err != nil {
		return false, err
	}
	defer func() { _ = os.Remove(temp) }()
	err = os.Link(temp, path)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, syncFolder(filepath.Dir(path))
}

// replaceFile puts a file in the place of another at one stroke.
func replaceFile(dir, key string, r io.Reader) error {
	path := filepath.Join(dir, filepath.FromSlash(key))
	temp, err := writeTemp(path, r)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// linkFile makes key another name of the file source, or copies it where the
// file system cannot do that. source must not change afterwards.
func linkFile(dir, key, source string) error {
	path := filepath.Join(dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return unswept(func() error {
		temp := tempName(path)
		if err := os.Link(source, temp); err != nil {
			f, oerr := os.Open(source)
			if oerr != nil {
				return oerr
			}
			defer f.Close()
			return replaceFile(dir, key, f)
		}
		// Renaming a name of a file to another name of it does nothing and leaves both.
		defer func() { _ = os.Remove(temp) }()
		if err := os.Rename(temp, path); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(path))
	}, source)
}

// unswept does again what failed because Sweep took the temporary file. Without
// its source nothing can be done.
func unswept(f func() error, source string) error {
	for range 3 {
		err := f()
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, serr := os.Stat(source); source != "" && serr != nil {
			return err
		}
	}
	return f()
}

// Sweep removes what killed processes were writing in a folder of this bucket
// when they died. What a live process is writing at this moment is begun again
// by it. Object stores leave nothing of that kind.
func (b *Bucket) Sweep(prefix string) error {
	if b.dir == "" {
		return nil
	}
	dir := filepath.Join(b.dir, filepath.FromSlash(prefix))
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing %s: %w", b.URI(prefix), err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clearing %s: %w", b.URI(prefix), err)
		}
	}
	return nil
}

// writeTemp writes a new file beside path and brings it to disk.
func writeTemp(path string, r io.Reader) (temp string, err error) {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return "", err
	}
	temp = tempName(path)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(temp)
		return "", err
	}
	return temp, nil
}

func tempName(path string) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return filepath.Join(filepath.Dir(path), tempPrefix+hex.EncodeToString(b[:]))
}

// makeFolder makes a folder and those above it durably: a file in a folder whose
// own entry is lost is lost as well.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if above := filepath.Dir(dir); above != dir {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(dir))
}

// syncFolder brings a folder's entries to disk.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// walk lists the files below a folder by the bytes of their keys. WalkDir goes
// by names within a folder, which is another order ("a-b" stands before "a/b"):
// names of folders are compared with their slash. Without stat no file is looked at
// whose name says enough.
func walk(ctx context.Context, root, prefix string, stat bool) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		dir, _ := splitPrefix(prefix)
		_, err := walkFolder(ctx, root, dir, prefix, stat, yield)
		if err != nil {
			yield(Object{}, fmt.Errorf("listing %s: %w", filepath.Join(root, filepath.FromSlash(prefix)), err))
		}
	}
}

// splitPrefix splits a prefix into the folder that holds what it matches, which
// is empty or ends in a slash, and the start of names in it.
func splitPrefix(prefix string) (dir, name string) {
	i := strings.LastIndexByte(prefix, '/') + 1
	return prefix[:i], prefix[i:]
}

// walkFolder lists below root/dir; false when the consumer has seen enough.
func walkFolder(ctx context.Context, root, dir, prefix string, stat bool, yield func(Object, error) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	entries, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // nothing was written yet, or it was removed meanwhile
	}
	if err != nil {
		return false, err
	}
	key := func(e fs.DirEntry) string {
		if e.IsDir() {
			return dir + e.Name() + "/"
		}
		return dir + e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(key(a), key(b)) })
	for _, e := range entries {
		k := key(e)
		switch {
		case strings.HasPrefix(e.Name(), tempPrefix):
			continue
		case e.IsDir():
			if !strings.HasPrefix(k, prefix) && !strings.HasPrefix(prefix, k) {
				continue
			}
			if more, err := walkFolder(ctx, root, k, prefix, stat, yield); err != nil || !more {
				return more, err
			}
			continue
		case !strings.HasPrefix(k, prefix):
			continue
		case !stat && e.Type().IsRegular():
			if !yield(Object{Key: k}, nil) {
				return false, nil
			}
			continue
		}
		// Stat follows links: what is listed is what Read would read. Links to
		// folders are no objects, so a loop of them ends.
		info, err := os.Stat(filepath.Join(root, filepath.FromSlash(k)))
		if err == nil && !info.Mode().IsRegular() {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !yield(Object{Key: k, Size: info.Size(), ModTime: info.ModTime(), Version: statOf(info).version()}, nil) {
			return false, nil
		}
	}
	return true, nil
}
