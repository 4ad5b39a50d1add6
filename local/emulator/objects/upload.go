package objects

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Part is a part of an upload, or of an object that was committed from some.
type Part struct {
	Name string // any bytes; its uploader's
	Size int64
	MD5  []byte
	ETag string // changes when the part is uploaded again
}

// Upload is parts on their way to becoming an object.
type Upload struct {
	ID, Key string
	Created time.Time
	Attributes
}

type upload struct {
	Upload
	parts map[string]*part
}

type part struct {
	Part
	seg *segment
}

func (u *upload) release() {
	for _, p := range u.parts {
		p.seg.release()
	}
}

func (u Upload) clone() Upload {
	u.Attributes = u.Attributes.clone()
	return u
}

// CreateUpload begins an upload. id is its name in the bucket, made up when
// empty: ErrUploadExists when it is taken. check sees the object at the key.
func (s *Store) CreateUpload(bucket, key, id string, a Attributes, check Check) (Upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bucket(bucket)
	if err != nil {
		return Upload{}, err
	}
	if err := checkKey(key); err != nil {
		return Upload{}, err
	}
	if id == "" {
		id = rand.Text()
	}
	if b.uploads[id] != nil {
		return Upload{}, fmt.Errorf("%w: %q in %q", ErrUploadExists, id, bucket)
	}
	if err := check.run(b.find(key).object()); err != nil {
		return Upload{}, err
	}
	u := &upload{Upload: Upload{ID: id, Key: key, Created: s.now(), Attributes: a.clone()}, parts: map[string]*part{}}
	b.uploads[id] = u
	return u.clone(), nil
}

// PutPart gives an upload a part, replacing one of that name. It takes the body over.
func (s *Store) PutPart(bucket, id, name string, body *Body) (Part, error) {
	g := body.take()
	if g == nil {
		return Part{}, fmt.Errorf("putting part %q: the body is used up", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(bucket, id)
	if err != nil {
		g.release()
		return Part{}, err
	}
	if old := u.parts[name]; old != nil {
		old.seg.release()
	}
	s.generation++
	p := &part{Part: Part{Name: name, Size: g.size, MD5: g.md5, ETag: s.etag(s.generation)}, seg: g}
	u.parts[name] = p
	return p.Part, nil
}

// GetUpload is ErrNoUpload when there is none.
func (s *Store) GetUpload(bucket, id string) (Upload, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, err := s.upload(bucket, id)
	if err != nil {
		return Upload{}, err
	}
	return u.clone(), nil
}

// Parts lists an upload's parts by the bytes of their names.
func (s *Store) Parts(bucket, id string) ([]Part, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	u, err := s.upload(bucket, id)
	if err != nil {
		return nil, err
	}
	var out []Part
	for _, p := range u.parts {
		out = append(out, p.Part)
	}
	slices.SortFunc(out, func(a, b Part) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Uploads lists the uploads of a bucket by key, then by id.
func (s *Store) Uploads(bucket string) ([]Upload, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, err := s.bucket(bucket)
	if err != nil {
		return nil, err
	}
	var out []Upload
	for _, u := range b.uploads {
		out = append(out, u.clone())
	}
	slices.SortFunc(out, func(a, b Upload) int {
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, nil
}

// PartRef names a part to commit.
type PartRef struct {
	Name      string
	ETag      string // must be the part's, unless empty
	Committed bool   // look among the parts of the object that stands at the key instead
}

// Commit makes an object of parts, in the order given, and ends the upload; parts
// not named are forgotten. a replaces the upload's attributes unless it is nil. On
// an error (ErrNoPart for a part that is not there, check's) the upload stays.
func (s *Store) Commit(bucket, id string, refs []PartRef, a *Attributes, check Check) (Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(bucket, id)
	if err != nil {
		return Object{}, err
	}
	b := s.buckets[bucket]
	e := &entry{Object: Object{Key: u.Key, Parts: []Part{}, Attributes: u.Attributes.clone()}}
	if a != nil {
		e.Attributes = a.clone()
	}
	old := b.find(u.Key)
	for i, ref := range refs {
		p := u.parts[ref.Name]
		if ref.Committed {
			p = old.part(ref.Name)
		}
		if p == nil || ref.ETag != "" && p.ETag != ref.ETag {
			return Object{}, fmt.Errorf("%w: number %d of those to commit, %q", ErrNoPart, i+1, ref.Name)
		}
		e.Parts, e.segs = append(e.Parts, p.Part), append(e.segs, p.seg)
	}
	for _, g := range e.segs {
		g.keep()
	}
	o, err := s.place(bucket, e, check)
	if err != nil {
		return Object{}, err
	}
	delete(b.uploads, id)
	u.release()
	return o, nil
}

// part is nil when the object was not committed from one of that name.
func (e *entry) part(name string) *part {
	if e == nil {
		return nil
	}
	for i, p := range e.Parts {
		if p.Name == name {
			return &part{Part: p, seg: e.segs[i]}
		}
	}
	return nil
}

// Abort forgets an upload and its parts.
func (s *Store) Abort(bucket, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.upload(bucket, id)
	if err != nil {
		return err
	}
	delete(s.buckets[bucket].uploads, id)
	u.release()
	return nil
}

// upload is called under the lock.
func (s *Store) upload(bucket, id string) (*upload, error) {
	b, err := s.bucket(bucket)
	if err != nil {
		return nil, err
	}
	u := b.uploads[id]
	if u == nil {
		return nil, fmt.Errorf("%w: %q in %q", ErrNoUpload, id, bucket)
	}
	return u, nil
}
