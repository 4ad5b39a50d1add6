package objects

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

const (
	indexFile    = "index.db"
	bodiesFolder = "bodies"
	lockWait     = 100 * time.Millisecond
)

// database is what survives the process: for each bucket its properties, and an
// object's record under its key. A nil one keeps nothing.
type database struct{ db *bolt.DB }

// record is an object on disk. gob keeps strings that are not UTF-8.
type record struct {
	Object   Object
	Segments []segmentRecord
}

type segmentRecord struct {
	File string // in the bodies folder
	Size int64
	MD5  []byte
}

// Each bucket is a bolt bucket of its name, in the one at bucketsKey: it holds a bolt
// bucket of records by key, and beside it what is known of the bucket. The
// sequence of the one at bucketsKey is the store's last generation.
var (
	bucketsKey = []byte("buckets")
	objectsKey = []byte("objects")
	aboutKey   = []byte("about")
)

// load opens the folder, reads what it holds and sweeps what a killed process left.
func (s *Store) load() error {
	if err := makeFolder(s.dir); err != nil {
		return err
	}
	db, err := bolt.Open(filepath.Join(s.dir, indexFile), 0o600, &bolt.Options{Timeout: lockWait, NoSync: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return errors.New("another process has it open")
	}
	if err != nil {
		return err
	}
	s.db = &database{db}
	segments := map[string]*segment{}
	err = db.Update(func(tx *bolt.Tx) error {
		root, err := tx.CreateBucketIfNotExists(bucketsKey)
		if err != nil {
			return err
		}
		s.generation = int64(root.Sequence())
		return root.ForEachBucket(func(name []byte) error { return s.loadBucket(root.Bucket(name), string(name), segments) })
	})
	if err == nil {
		err = s.sweep(segments)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

func (s *Store) loadBucket(from *bolt.Bucket, name string, segments map[string]*segment) error {
	b := &bucket{uploads: map[string]*upload{}}
	if err := decode(from.Get(aboutKey), &b.Bucket); err != nil {
		return fmt.Errorf("bucket %q: %w", name, err)
	}
	s.buckets[name] = b
	return from.Bucket(objectsKey).ForEach(func(key, value []byte) error {
		var r record
		if err := decode(value, &r); err != nil {
			return fmt.Errorf("object %q in %q: %w", key, name, err)
		}
		e := &entry{Object: r.Object}
		for _, sr := range r.Segments {
			g := segments[sr.File]
			if g == nil {
				g = &segment{size: sr.Size, md5: sr.MD5, path: filepath.Join(s.dir, bodiesFolder, sr.File)}
				segments[sr.File] = g
			}
			g.keep()
			e.segs = append(e.segs, g)
		}
		b.objects = append(b.objects, e) // bolt keeps keys sorted
		return nil
	})
}

// sweep removes bodies that no object has, and looks for those that it should.
func (s *Store) sweep(segments map[string]*segment) error {
	files, err := os.ReadDir(filepath.Join(s.dir, bodiesFolder))
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name()] = true
		if segments[f.Name()] == nil {
			if err := os.Remove(filepath.Join(s.dir, bodiesFolder, f.Name())); err != nil {
				return err
			}
		}
	}
	for name := range segments {
		if !there[name] {
			return fmt.Errorf("the body %s is missing", filepath.Join(bodiesFolder, name))
		}
	}
	return nil
}

func (d *database) close() error { return errors.Join(d.db.Sync(), d.db.Close()) }

func (d *database) update(f func(root *bolt.Bucket) error) error {
	if d == nil {
		return nil
	}
	return d.db.Update(func(tx *bolt.Tx) error { return f(tx.Bucket(bucketsKey)) })
}

func (d *database) putBucket(b Bucket, generation int64) error {
	return d.update(func(root *bolt.Bucket) error {
		to, err := root.CreateBucket([]byte(b.Name))
		if err != nil {
			return err
		}
		if _, err := to.CreateBucket(objectsKey); err != nil {
			return err
		}
		if err := root.SetSequence(uint64(generation)); err != nil {
			return err
		}
		return put(to, aboutKey, b)
	})
}

func (d *database) deleteBucket(name string) error {
	return d.update(func(root *bolt.Bucket) error { return root.DeleteBucket([]byte(name)) })
}

func (d *database) putObject(bucket string, e *entry) error { return d.renameObject(bucket, e.Key, e) }

func (d *database) deleteObject(bucket, key string) error {
	return d.update(func(root *bolt.Bucket) error {
		return root.Bucket([]byte(bucket)).Bucket(objectsKey).Delete([]byte(key))
	})
}

// renameObject writes an entry, and removes the one at from when that is another key.
func (d *database) renameObject(bucket, from string, e *entry) error {
	return d.update(func(root *bolt.Bucket) error {
		r := record{Object: e.Object}
		for _, g := range e.segs {
			r.Segments = append(r.Segments, segmentRecord{File: filepath.Base(g.path), Size: g.size, MD5: g.md5})
		}
		in := root.Bucket([]byte(bucket)).Bucket(objectsKey)
		if from != e.Key {
			if err := in.Delete([]byte(from)); err != nil {
				return err
			}
		}
		if err := root.SetSequence(uint64(e.Generation)); err != nil {
			return err
		}
		return put(in, []byte(e.Key), r)
	})
}

func put(to *bolt.Bucket, key []byte, v any) error {
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(v); err != nil {
		return err
	}
	return to.Put(key, buf.Bytes())
}

func decode(b []byte, v any) error {
	if b == nil {
		return errors.New("not known")
	}
	return gob.NewDecoder(bytes.NewReader(b)).Decode(v)
}
