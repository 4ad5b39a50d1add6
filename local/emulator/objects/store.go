package objects

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Options of a Store. The zero value keeps everything in memory.
type Options struct {
	Clock clockwork.Clock // of the times that objects show; nil is the real one
	Dir   string          // a folder to keep everything in; made when absent
}

// Store keeps buckets. It is safe for concurrent use.
type Store struct {
	clock clockwork.Clock
	nonce [8]byte // makes etags differ from those of other stores
	dir   string
	db    *database // nil in memory

	mu         sync.RWMutex
	buckets    map[string]*bucket
	generation int64
	closed     bool
}

// Bucket is what is known of a bucket.
type Bucket struct {
	Name       string
	Created    time.Time
	ETag       string
	Properties map[string]string // as given; what a service keeps with it
}

type bucket struct {
	Bucket
	objects []*entry // by key
	uploads map[string]*upload
}

// entry is an object with its bytes. It is never changed, only replaced.
type entry struct {
	Object
	segs []*segment // one for each of Parts, or one
}

// maxKey is what bbolt takes for a key, with room.
const maxKey = 16 << 10

// Open makes a store, or opens the one that lies in o.Dir. Only one process may
// have a folder open.
func Open(o Options) (*Store, error) {
	s := &Store{clock: o.Clock, dir: o.Dir, buckets: map[string]*bucket{}}
	if s.clock == nil {
		s.clock = clockwork.NewRealClock()
	}
	if _, err := rand.Read(s.nonce[:]); err != nil {
		return nil, err
	}
	if s.dir == "" {
		return s, nil
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("opening the object store in %s: %w", s.dir, err)
	}
	return s, nil
}

// Close lets the folder go, durably. Everything else then answers ErrClosed;
// what is being read can be read to its end.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, b := range s.buckets {
		for _, u := range b.uploads {
			u.release()
		}
	}
	s.buckets = nil
	if s.db == nil {
		return nil
	}
	if err := s.db.close(); err != nil {
		return fmt.Errorf("closing the object store in %s: %w", s.dir, err)
	}
	return nil
}

// CreateBucket makes a bucket: ErrBucketExists when it is there.
func (s *Store) CreateBucket(name string, properties map[string]string) (Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Bucket{}, ErrClosed
	}
	if name == "" || len(name) > maxKey {
		return Bucket{}, fmt.Errorf("%w: bucket name of %d bytes", ErrKey, len(name))
	}
	if _, there := s.buckets[name]; there {
		return Bucket{}, fmt.Errorf("%w: %q", ErrBucketExists, name)
	}
	generation := s.generation + 1
	b := &bucket{
		Bucket:  Bucket{Name: name, Created: s.now(), ETag: s.etag(generation), Properties: maps.Clone(properties)},
		uploads: map[string]*upload{},
	}
	if err := s.db.putBucket(b.Bucket, generation); err != nil {
		return Bucket{}, err
	}
	s.buckets[name], s.generation = b, generation
	return b.clone(), nil
}

// GetBucket is ErrNoBucket when there is none.
func (s *Store) GetBucket(name string) (Bucket, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucket(name)
	if err != nil {
		return Bucket{}, err
	}
	return b.clone(), nil
}

// Buckets lists them by name.
func (s *Store) Buckets() ([]Bucket, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	var out []Bucket
	for _, b := range s.buckets {
		out = append(out, b.clone())
	}
	slices.SortFunc(out, func(a, b Bucket) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// DeleteBucket deletes a bucket that has neither objects nor uploads:
// ErrBucketNotEmpty else.
func (s *Store) DeleteBucket(name string) error { return s.deleteBucket(name, false) }

// DropBucket deletes a bucket and everything in it.
func (s *Store) DropBucket(name string) error { return s.deleteBucket(name, true) }

func (s *Store) deleteBucket(name string, everything bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucket(name)
	if err != nil {
		return err
	}
	if !everything && len(b.objects)+len(b.uploads) > 0 {
		return fmt.Errorf("%w: %q has %d objects and %d uploads", ErrBucketNotEmpty, name, len(b.objects), len(b.uploads))
	}
	if err := s.db.deleteBucket(name); err != nil {
		return err
	}
	delete(s.buckets, name)
	for _, e := range b.objects {
		releaseAll(e.segs)
	}
	for _, u := range b.uploads {
		u.release()
	}
	return nil
}

// bucket is called under the lock.
func (s *Store) bucket(name string) (*bucket, error) {
	if s.closed {
		return nil, ErrClosed
	}
	b := s.buckets[name]
	if b == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoBucket, name)
	}
	return b, nil
}

func (s *Store) now() time.Time { return s.clock.Now().UTC().Round(0) }

// etag is 32 hexadecimal digits that no other write gets, in this store or
// another, also after a restart.
func (s *Store) etag(generation int64) string {
	return hex.EncodeToString(s.nonce[:]) + fmt.Sprintf("%016x", generation)
}

func (b Bucket) clone() Bucket {
	b.Properties = maps.Clone(b.Properties)
	return b
}

func (b *bucket) search(key string) (int, bool) {
	return slices.BinarySearchFunc(b.objects, key, func(e *entry, key string) int { return strings.Compare(e.Key, key) })
}

// find is nil when there is none.
func (b *bucket) find(key string) *entry {
	if i, ok := b.search(key); ok {
		return b.objects[i]
	}
	return nil
}

// object is what a Check sees.
func (e *entry) object() *Object {
	if e == nil {
		return nil
	}
	o := e.clone()
	return &o
}

func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("%w: %d bytes long", ErrKey, len(key))
	}
	return nil
}

// makeFolder is where bodies lie.
func makeFolder(dir string) error {
	return os.MkdirAll(filepath.Join(dir, bodiesFolder), 0o700)
}
