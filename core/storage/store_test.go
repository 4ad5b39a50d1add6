package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"github.com/crossbatch/crossbatch/core/job"
)

var (
	errAbsent = errors.New("absent")
	errBusy   = errors.New("busy")
	errTaken  = errors.New("taken")
)

// unruly is a store of one object that misbehaves as real ones do.
type unruly struct {
	driver.Bucket // the rest is not called

	mu      sync.Mutex
	body    []byte // nil: absent
	written time.Time
	busy    int // creations that are refused because of another
	short   int // reads that end early: -1 is all
	quiet   bool
	give    int // bytes that they give
	stuck   int // reads that give them and then nothing

	open, most atomic.Int32 // readers
}

type unrulyWriter struct {
	store  *unruly
	body   []byte
	ifNone bool
}

// Write is what ends the process in one of gocloud's drivers.
func (*unrulyWriter) Write([]byte) (int, error) { panic("a writer was written to") }

func (w *unrulyWriter) Upload(r io.Reader) error {
	w.body, _ = io.ReadAll(r) // what came before an error is taken for the whole
	return nil
}

func (w *unrulyWriter) Close() error {
	s := w.store
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case w.ifNone && s.busy > 0:
		s.busy--
		return errBusy
	case w.ifNone && s.body != nil:
		return errTaken
	}
	s.body, s.written = bytes.Clone(w.body), s.written.Add(time.Second)
	if s.body == nil {
		s.body = []byte{}
	}
	return nil
}

func (s *unruly) NewTypedWriter(ctx context.Context, _, _ string, o *driver.WriterOptions) (driver.Writer, error) {
	return &ending{&unrulyWriter{store: s, ifNone: o.IfNotExist}, ctx}, nil
}

// ending is a writer that does not write when its context is over, as all do.
type ending struct {
	*unrulyWriter
	ctx context.Context
}

func (e *ending) Close() error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	return e.unrulyWriter.Close()
}

type unrulyReader struct {
	io.Reader
	store *unruly
	attrs driver.ReaderAttributes
}

func (r *unrulyReader) Close() error                         { r.store.open.Add(-1); return nil }
func (r *unrulyReader) Attributes() *driver.ReaderAttributes { return &r.attrs }
func (r *unrulyReader) As(any) bool                          { return false }

func (s *unruly) NewRangeReader(ctx context.Context, _ string, off, length int64, _ *driver.ReaderOptions) (driver.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body == nil {
		return nil, errAbsent
	}
	s.most.Store(max(s.most.Load(), s.open.Add(1)))
	p := s.body[off:]
	if length >= 0 {
		p = p[:min(length, int64(len(p)))]
	}
	var r io.Reader = bytes.NewReader(p)
	if s.short != 0 && len(p) > s.give {
		s.short--
		r = bytes.NewReader(p[:s.give])
		if !s.quiet {
			r = io.MultiReader(r, broken{})
		}
	}
	if s.stuck > 0 {
		s.stuck--
		r = io.MultiReader(bytes.NewReader(p[:s.give]), waiting{ctx})
	}
	return &unrulyReader{r, s, driver.ReaderAttributes{Size: int64(len(s.body)), ModTime: s.written}}, nil
}

// waiting is a connection on which nothing comes.
type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errLost }

func (s *unruly) Attributes(context.Context, string) (*driver.Attributes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body == nil {
		return nil, errAbsent
	}
	return &driver.Attributes{Size: int64(len(s.body)), ModTime: s.written, AsFunc: func(any) bool { return false }}, nil
}

func (s *unruly) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, errAbsent):
		return gcerrors.NotFound
	case errors.Is(err, errTaken):
		return gcerrors.FailedPrecondition
	}
	return gcerrors.Unknown
}
func (s *unruly) ErrorAs(error, any) bool { return false }
func (s *unruly) Close() error            { return nil }

// telling is a service that knows what busy means.
type telling struct{ portable }

func (telling) Fault(err error) *Fault {
	if errors.Is(err, errBusy) {
		return &Fault{Kind: ErrBusy, Cause: err}
	}
	return nil
}

// impatient is a clock on which no wait takes time; it counts them.
type impatient struct {
	clockwork.Clock
	waits atomic.Int32
	total atomic.Int64
}

func (c *impatient) After(d time.Duration) <-chan time.Time {
	c.waits.Add(1)
	c.total.Add(int64(d))
	now := make(chan time.Time, 1)
	now <- time.Time{}
	return now
}

func bucketOf(t *testing.T, s *unruly) (*Bucket, *impatient) {
	clock := &impatient{Clock: clockwork.NewFakeClock()}
	b := NewStore(blob.NewBucket(s), "s3://b?region=x", Options{Service: telling{}, Clock: clock})
	t.Cleanup(func() { _ = b.Close() })
	return b, clock
}

func TestCreateWhileAnotherIsAtWork(t *testing.T) {
	s := &unruly{busy: tries - 1}
	b, clock := bucketOf(t, s)
	if created, err := b.Create(t.Context(), "k", []byte("mine")); !created || err != nil || clock.waits.Load() != tries-1 {
		t.Errorf("%v, %v after %d waits", created, err, clock.waits.Load())
	}
	s = &unruly{busy: 1000}
	b, clock = bucketOf(t, s)
	if created, err := b.Create(t.Context(), "k", []byte("mine")); created || !errors.Is(err, ErrBusy) || clock.waits.Load() != tries-1 {
		t.Errorf("%v, %v after %d waits", created, err, clock.waits.Load())
	}
	// The other wins meanwhile.
	s = &unruly{busy: 1, body: []byte("theirs")}
	b, _ = bucketOf(t, s)
	if created, err := b.Create(t.Context(), "k", []byte("mine")); created || err != nil {
		t.Errorf("%v, %v", created, err)
	}
}

// What is written goes through Upload, and what comes before an error is no object.
func TestWritesAreWholeOrNothing(t *testing.T) {
	s := &unruly{}
	b, _ := bucketOf(t, s)
	w := b.NewWriter(t.Context(), "k", WriteOptions{})
	if _, err := io.WriteString(w, "one"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || string(s.body) != "one" {
		t.Fatalf("%q, %v", s.body, err)
	}
	w = b.NewWriter(t.Context(), "k", WriteOptions{})
	if _, err := io.WriteString(w, "two"); err != nil {
		t.Fatal(err)
	}
	w.Abandon()
	if err := w.Close(); !errors.Is(err, errAbandoned) {
		t.Errorf("closing what was given up: %v", err)
	}
	torn := io.MultiReader(strings.NewReader("three"), broken{})
	if err := b.Write(t.Context(), "k", torn, WriteOptions{}); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
	for _, size := range []int64{3, 6} {
		if err := b.Write(t.Context(), "k", strings.NewReader("three"), WriteOptions{Size: size}); err == nil {
			t.Errorf("5 bytes were taken for %d", size)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	w = b.NewWriter(ctx, "k", WriteOptions{})
	cancel()
	if err := w.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	if _, err := io.WriteString(w, "four"); err == nil {
		t.Error("bytes were taken after Close")
	}
	if string(s.body) != "one" {
		t.Errorf("%q stands there", s.body)
	}
	if err := b.Write(t.Context(), "k", strings.NewReader("three"), WriteOptions{Size: 5}); err != nil || string(s.body) != "three" {
		t.Errorf("%q, %v", s.body, err)
	}
}

func TestReadsGoOnWhereTheyBroke(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // four chunks
	for name, s := range map[string]*unruly{
		"each with some progress":      {short: -1, give: 700_000},
		"without, a few times":         {short: tries - 1},
		"that end as if all were well": {short: 9, give: 100_000, quiet: true},
	} {
		s.body = body
		b, clock := bucketOf(t, s)
		in, err := b.Stream(t.Context(), Object{Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(got, body) || clock.waits.Load() == 0 {
			t.Errorf("%s: %d bytes, %v, %d waits", name, len(got), err, clock.waits.Load())
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if _, err := in.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: read after Close", name)
		}
		if n := s.most.Load(); n > chunkAhead+1 {
			t.Errorf("%s: %d requests at once", name, n)
		}
		if n := s.open.Load(); n != 0 {
			t.Errorf("%s: %d readers were not closed", name, n)
		}
	}
	for name, s := range map[string]*unruly{
		"that break":                   {body: body, short: -1},
		"that end as if all were well": {body: body, short: -1, quiet: true},
	} {
		b, _ := bucketOf(t, s)
		in, err := b.Stream(t.Context(), Object{Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, in); err == nil || n == int64(len(body)) {
			t.Errorf("only reads %s: %d bytes, %v", name, n, err)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if got, err := b.Read(t.Context(), "k"); err == nil {
			t.Errorf("only reads %s: %d bytes", name, len(got))
		}
	}
}

func TestReadsThatStall(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 1000)
	s := &unruly{body: body, stuck: 1, give: 600}
	clock := clockwork.NewFakeClock()
	b := NewStore(blob.NewBucket(s), "s3://b", Options{Clock: clock})
	defer func() { _ = b.Close() }()
	go func() {
		for range 2 { // the stall, and the wait behind it
			if clock.BlockUntilContext(t.Context(), 1) == nil {
				clock.Advance(stallTime)
			}
		}
	}()
	r, err := b.OpenObject(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, len(body))
	if n, err := r.ReadAt(p, 0); err != nil || n != len(body) || !bytes.Equal(p, body) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// A reader that is not read from holds a few chunks, however large the object.
func TestReadingAheadIsBounded(t *testing.T) {
	s := &unruly{body: make([]byte, 12*chunkSize)}
	b, _ := bucketOf(t, s)
	r, err := b.OpenObject(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	in := r.NewReader(t.Context(), 0, -1)
	if _, err := in.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	st := in.(*stream)
	if n := len(st.chunks); n > chunkAhead-1 {
		t.Errorf("%d chunks wait", n)
	}
	if n := s.most.Load(); n > chunkAhead+1 {
		t.Errorf("%d requests at once", n)
	}
}

func TestChangedObjects(t *testing.T) {
	s := &unruly{body: []byte("one"), written: time.Unix(5, 0)}
	b, _ := bucketOf(t, s)
	r, err := b.OpenObject(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 3)
	if _, err := r.ReadAt(p, 0); err != nil || string(p) != "one" {
		t.Fatalf("%q, %v", p, err)
	}
	known := job.Shards{{URI: b.URI("k"), Size: r.Size(), Version: r.Version()}}
	open := func(context.Context, string) (*Bucket, string, error) {
		return NewStore(blob.NewBucket(s), "s3://b?region=x", Options{}), "", nil
	}
	if err := Unchanged(t.Context(), open, known); err != nil {
		t.Fatal(err)
	}
	if err := b.Replace(t.Context(), "k", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(p, 0); !errors.Is(err, ErrChanged) {
		t.Errorf("%v", err)
	}
	if err := Unchanged(t.Context(), open, known); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "shard 0: s3://b/k") {
		t.Errorf("%v", err)
	}
	s.body = nil
	if _, err := r.ReadAt(p, 0); !errors.Is(err, ErrChanged) || !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := Unchanged(t.Context(), open, known); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("%v", err)
	}
	failing := func(context.Context, string) (*Bucket, string, error) { return nil, "", errLost }
	if err := Unchanged(t.Context(), failing, known); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
}

func TestUnchangedFiles(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Replace(t.Context(), "k", []byte("one")); err != nil {
		t.Fatal(err)
	}
	shards := job.Shards{{URI: b.URI("k"), Size: 3}}
	if err := Unchanged(t.Context(), OpenLocal, shards); err != nil {
		t.Error(err)
	}
	if err := b.Replace(t.Context(), "k", []byte("four")); err != nil {
		t.Fatal(err)
	}
	if err := Unchanged(t.Context(), OpenLocal, shards); !errors.Is(err, ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestWritesToMemory(t *testing.T) {
	b := New(memblob.OpenBucket(nil), "mem://x")
	defer func() { _ = b.Close() }()
	if err := b.Write(t.Context(), "k", io.MultiReader(strings.NewReader("half"), broken{}), WriteOptions{}); !errors.Is(err, errLost) {
		t.Errorf("%v", err)
	}
	if there, err := b.Exists(t.Context(), "k"); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
}
