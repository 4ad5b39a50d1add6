package gcs

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

const (
	snapshotFile    = "objects"
	snapshotVersion = 1
)

// header begins a snapshot: a stream of gob values, the header and then one
// record an object.
type header struct {
	Version int
	Buckets []fakestorage.CreateBucketOpts
	Objects int
}

type record struct {
	Attrs   fakestorage.ObjectAttrs
	Content []byte
}

// save writes everything, at one stroke.
func (s *Server) save() (err error) {
	path := filepath.Join(s.dir, snapshotFile)
	f, err := os.CreateTemp(s.dir, snapshotFile+".*")
	if err != nil {
		return fmt.Errorf("writing the snapshot %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the snapshot %s: %w", path, err)
			f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := s.write(gob.NewEncoder(w)); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (s *Server) write(e *gob.Encoder) error {
	buckets, err := s.library.Backend().ListBuckets()
	if err != nil {
		return err
	}
	h := header{Version: snapshotVersion}
	var objects []fakestorage.ObjectAttrs
	for _, b := range buckets {
		h.Buckets = append(h.Buckets, fakestorage.CreateBucketOpts{Name: b.Name, VersioningEnabled: b.VersioningEnabled, DefaultEventBasedHold: b.DefaultEventBasedHold})
		list, err := s.library.ListObjectsWithOptionsPaginated(b.Name, fakestorage.ListOptions{})
		if err != nil {
			return err
		}
		objects = append(objects, list.Objects...)
	}
	h.Objects = len(objects)
	if err := e.Encode(h); err != nil {
		return err
	}
	for _, o := range objects {
		whole, err := s.library.GetObject(o.BucketName, o.Name)
		if err != nil {
			return fmt.Errorf("object %q in %q: %w", o.Name, o.BucketName, err)
		}
		if err := e.Encode(record{whole.ObjectAttrs, whole.Content}); err != nil {
			return err
		}
	}
	return nil
}

// load reads the snapshot. None is an empty one.
func (s *Server) load() error {
	path := filepath.Join(s.dir, snapshotFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.read(gob.NewDecoder(bufio.NewReaderSize(f, 1<<20))); err != nil {
		return fmt.Errorf("reading the snapshot %s: %w", path, err)
	}
	return nil
}

func (s *Server) read(d *gob.Decoder) error {
	var h header
	if err := d.Decode(&h); err != nil {
		return err
	}
	if h.Version != snapshotVersion {
		return fmt.Errorf("it has version %d; this program reads %d", h.Version, snapshotVersion)
	}
	for _, b := range h.Buckets {
		s.library.CreateBucketWithOpts(b)
	}
	for range h.Objects {
		var r record
		if err := d.Decode(&r); err != nil {
			return err
		}
		if err := s.library.CreateObjectStreaming(fakestorage.Object{ObjectAttrs: r.Attrs, Content: r.Content}.StreamingObject()); err != nil {
			return err
		}
	}
	if err := d.Decode(&record{}); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind its end")
	}
	return nil
}
