package objects

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Attributes are what a writer says of an object. The store makes nothing of them.
type Attributes struct {
	ContentType, ContentEncoding, ContentLanguage, ContentDisposition, CacheControl string

	Metadata   map[string]string // the user's
	Properties map[string]string // a service's own: a storage tier, a declared digest
}

// Object is what is known of an object.
type Object struct {
	Key        string
	Size       int64
	MD5        []byte // 16 bytes; nil for one that was committed from parts
	ETag       string // 32 hexadecimal digits; changes with every write, also of attributes
	Generation int64  // grows with every write in the store
	Created    time.Time
	Modified   time.Time
	Parts      []Part // it was committed from; nil for one that was put
	Attributes
}

func (a Attributes) clone() Attributes {
	a.Metadata, a.Properties = maps.Clone(a.Metadata), maps.Clone(a.Properties)
	return a
}

func (o Object) clone() Object {
	o.MD5, o.Attributes = bytes.Clone(o.MD5), o.Attributes.clone()
	o.Parts = slices.Clone(o.Parts) // their digests are shared: nobody writes to them
	return o
}

// Put writes an object, replacing what is there. It takes the body over.
func (s *Store) Put(bucket, key string, body *Body, a Attributes, check Check) (Object, error) {
	g := body.take()
	if g == nil {
		return Object{}, fmt.Errorf("putting %q: the body is used up", key)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(bucket, &entry{Object: Object{Key: key, MD5: g.md5, Attributes: a.clone()}, segs: []*segment{g}}, check)
}

// place gives an entry its size, times and generation, and its key; it takes over
// the entry's hold on the segments. It is called under the lock.
func (s *Store) place(bucket string, e *entry, check Check) (Object, error) {
	if err := s.tryPlace(bucket, e, check); err != nil {
		releaseAll(e.segs)
		return Object{}, err
	}
	return e.clone(), nil
}

func (s *Store) tryPlace(bucket string, e *entry, check Check) error {
	b, err := s.bucket(bucket)
	if err != nil {
		return err
	}
	if err := checkKey(e.Key); err != nil {
		return err
	}
	old := b.find(e.Key)
	if err := check.run(old.object()); err != nil {
		return err
	}
	s.stamp(e)
	if err := s.db.putObject(bucket, e); err != nil {
		return err
	}
	s.generation = e.Generation
	b.set(e)
	return nil
}

func (s *Store) stamp(e *entry) {
	e.Size = 0
	for _, g := range e.segs {
		e.Size += g.size
	}
	e.Generation = s.generation + 1
	e.ETag = s.etag(e.Generation)
	e.Modified = s.now()
	if e.Created.IsZero() {
		e.Created = e.Modified
	}
}

func (b *bucket) set(e *entry) {
	i, there := b.search(e.Key)
	if !there {
		b.objects = slices.Insert(b.objects, i, e)
		return
	}
	old := b.objects[i]
	b.objects[i] = e
	releaseAll(old.segs)
}

// Stat tells of an object: ErrNoObject when there is none, then check.
func (s *Store) Stat(bucket, key string, check Check) (Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, err := s.entry(bucket, key, check)
	if err != nil {
		return Object{}, err
	}
	return e.clone(), nil
}

// Get opens an object for reading, as Stat. The caller closes it.
func (s *Store) Get(bucket, key string, check Check) (*Content, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, err := s.entry(bucket, key, check)
	if err != nil {
		return nil, err
	}
	return &Content{Object: e.clone(), segs: e.hold()}, nil
}

// Delete deletes an object: ErrNoObject when there is none, then check.
func (s *Store) Delete(bucket, key string, check Check) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.entry(bucket, key, check)
	if err != nil {
		return err
	}
	if err := s.db.deleteObject(bucket, key); err != nil {
		return err
	}
	b := s.buckets[bucket]
	i, _ := b.search(key)
	b.objects = slices.Delete(b.objects, i, i+1)
	releaseAll(e.segs)
	return nil
}

// Update gives an object other attributes: its etag and time of change are new,
// its bytes and time of creation are not.
func (s *Store) Update(bucket, key string, change func(*Attributes), check Check) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.entry(bucket, key, check)
	if err != nil {
		return Object{}, err
	}
	e := &entry{Object: old.clone(), segs: old.hold()}
	change(&e.Attributes)
	e.Attributes = e.Attributes.clone()
	return s.place(bucket, e, nil)
}

// Copy makes dstKey an object of the same bytes as srcKey; no byte is moved. a
// replaces the attributes unless it is nil. checkSrc runs first.
func (s *Store) Copy(dstBucket, dstKey, srcBucket, srcKey string, a *Attributes, checkSrc, checkDst Check) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src, err := s.entry(srcBucket, srcKey, checkSrc)
	if err != nil {
		return Object{}, err
	}
	e := &entry{Object: src.clone(), segs: src.hold()}
	e.Key, e.Created = dstKey, time.Time{}
	if a != nil {
		e.Attributes = a.clone()
	}
	return s.place(dstBucket, e, checkDst)
}

// Rename gives an object another key at one stroke, replacing what is there. Its
// etag and times are new. A key renamed to itself is a write.
func (s *Store) Rename(bucket, from, to string, checkFrom, checkTo Check) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.entry(bucket, from, checkFrom)
	if err != nil {
		return Object{}, err
	}
	if err := checkKey(to); err != nil {
		return Object{}, err
	}
	b := s.buckets[bucket]
	if err := checkTo.run(b.find(to).object()); err != nil {
		return Object{}, err
	}
	e := &entry{Object: old.clone(), segs: old.hold()}
	e.Key, e.Created = to, time.Time{}
	s.stamp(e)
	if err := s.db.renameObject(bucket, from, e); err != nil {
		releaseAll(e.segs)
		return Object{}, err
	}
	s.generation = e.Generation
	if from != to {
		i, _ := b.search(from)
		b.objects = slices.Delete(b.objects, i, i+1)
		releaseAll(old.segs)
	}
	b.set(e)
	return e.clone(), nil
}

// entry is called under the lock.
func (s *Store) entry(bucket, key string, check Check) (*entry, error) {
	b, err := s.bucket(bucket)
	if err != nil {
		return nil, err
	}
	e := b.find(key)
	if e == nil {
		return nil, fmt.Errorf("%w: %q in %q", ErrNoObject, key, bucket)
	}
	if err := check.run(e.object()); err != nil {
		return nil, err
	}
	return e, nil
}

// hold is the entry's segments for another holder. It is called under the lock.
func (e *entry) hold() []*segment {
	for _, g := range e.segs {
		g.keep()
	}
	return slices.Clone(e.segs)
}
