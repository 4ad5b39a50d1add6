package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// How far a sequential reader reads ahead: at most this much memory.
const (
	chunkSize  = 4 << 20 // bytes of one request
	chunkAhead = 4       // requests at once
)

// stallTime is how long a read waits for the next bytes before it takes the
// connection for broken.
const stallTime = time.Minute

var errStalled = errors.New("no bytes came for a minute")

// Stat says what an object is now: ErrNotFound when there is none.
func (b *Bucket) Stat(ctx context.Context, key string) (Object, error) {
	if b.dir != "" {
		if err := ctx.Err(); err != nil {
			return Object{}, b.wrap("looking at", key, err)
		}
		info, err := os.Stat(joinKey(b.dir, key))
		if err == nil && !info.Mode().IsRegular() {
			err = ErrNotFound
		}
		if err != nil {
			return Object{}, b.wrap("looking at", key, err)
		}
		return Object{Key: key, Size: info.Size(), ModTime: info.ModTime(), Version: statOf(info).version()}, nil
	}
	a, err := b.Attributes(ctx, key)
	if err != nil {
		return Object{}, b.wrap("looking at", key, err)
	}
	return Object{Key: key, Size: a.Size, ModTime: a.ModTime, Version: b.version(a.As, a.Size, a.ModTime)}, nil
}

// version is the version of a file as its folder tells it.
func (s stat) version() string {
	return fmt.Sprintf("file:%d-%d-%d-%d", s.Size, s.ModTime, s.Changed, s.Inode)
}

// ObjectReader reads one version of an object: an object that has changed since
// is ErrChanged. Broken connections are taken up where they broke; what ends
// before its size is an error. It is safe for concurrent use, and so is each
// method with itself.
type ObjectReader struct {
	b   *Bucket
	ctx context.Context // of ReadAt
	o   Object
	f   *os.File // of a local folder
}

// OpenObject opens an object as it is now. ctx is that of later ReadAt calls, too.
func (b *Bucket) OpenObject(ctx context.Context, key string) (*ObjectReader, error) {
	o, err := b.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	return b.OpenVersion(ctx, o)
}

// OpenVersion opens an object as a listing or Stat described it, without asking
// the store again. Without a Version it is opened as it is now.
func (b *Bucket) OpenVersion(ctx context.Context, o Object) (*ObjectReader, error) {
	if o.Version == "" {
		return b.OpenObject(ctx, o.Key)
	}
	r := &ObjectReader{b: b, ctx: ctx, o: o}
	if b.dir == "" {
		return r, nil
	}
	f, err := os.Open(joinKey(b.dir, o.Key))
	if err != nil {
		return nil, b.wrap("opening", o.Key, err)
	}
	r.f = f
	if err := r.same(); err != nil {
		_ = f.Close()
		return nil, b.wrap("opening", o.Key, err)
	}
	return r, nil
}

// Size is the object's, in bytes.
func (r *ObjectReader) Size() int64 { return r.o.Size }

// Version is the version that is read. Versions of one object are compared, and
// mean nothing else.
func (r *ObjectReader) Version() string { return r.o.Version }

// Close lets go of the object. Readers made by NewReader are closed on their own.
func (r *ObjectReader) Close() error {
	if r.f != nil {
		return r.f.Close()
	}
	return nil
}

// ReadAt reads len(p) bytes at an offset, or what is left up to the end and
// io.EOF, in one request where it can. It is safe for concurrent use.
func (r *ObjectReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, r.b.wrap("reading", r.o.Key, errors.New("the offset is negative"))
	}
	left := max(0, r.o.Size-off)
	n := int(min(int64(len(p)), left))
	if err := r.fetch(r.ctx, p[:n], off); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch fills p from an offset.
func (r *ObjectReader) fetch(ctx context.Context, p []byte, off int64) error {
	for failed := 0; len(p) > 0; {
		n, broken, err := r.read(ctx, p, off)
		p, off = p[n:], off+int64(n)
		if err == nil {
			continue
		}
		if cerr := ctx.Err(); cerr != nil {
			err = context.Cause(ctx)
		}
		if n > 0 {
			failed = 0
		}
		if failed++; !broken || ctx.Err() != nil || failed == tries {
			return r.b.wrap("reading", r.o.Key, err)
		}
		if err := r.b.pause(ctx, failed); err != nil {
			return r.b.wrap("reading", r.o.Key, err)
		}
	}
	return nil
}

// read fills p, or a part of it: broken says that the connection broke, and that
// it is worth going on behind what came.
func (r *ObjectReader) read(ctx context.Context, p []byte, off int64) (n int, broken bool, err error) {
	if r.f != nil {
		if n, err = r.f.ReadAt(p, off); err == nil || errors.Is(err, io.EOF) {
			err = r.same()
		}
		return n, false, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := r.b.clock.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer watch.Stop()
	in, err := r.b.NewRangeReader(ctx, r.o.Key, off, int64(len(p)), &blob.ReaderOptions{BeforeRead: r.b.service.Reading(r.o.Version)})
	if err != nil {
		return 0, errors.Is(context.Cause(ctx), errStalled), r.gone(err)
	}
	defer func() { _ = in.Close() }()
	if now := r.b.version(in.As, in.Size(), in.ModTime()); now != r.o.Version {
		return 0, false, r.changed(now)
	}
	for n < len(p) {
		var got int
		got, err = in.Read(p[n:])
		n += got
		switch {
		case n == len(p):
			return n, false, nil
		case errors.Is(context.Cause(ctx), errStalled):
			return n, true, errStalled
		case errors.Is(err, io.EOF):
			return n, true, io.ErrUnexpectedEOF
		case err != nil:
			return n, true, err
		}
		watch.Reset(stallTime)
	}
	return n, false, nil
}

// same is ErrChanged when an open file is not what it was.
func (r *ObjectReader) same() error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	if now := statOf(info).version(); now != r.o.Version {
		return r.changed(now)
	}
	return nil
}

func (r *ObjectReader) changed(now string) error {
	return &Fault{Kind: ErrChanged, Hint: fmt.Sprintf("it was %s when the run began and is %s now", r.o.Version, now)}
}

// gone is what the refusal of a read means that asks for a version.
func (r *ObjectReader) gone(err error) error {
	plain := r.b.plain(err)
	if errors.Is(plain, ErrNotFound) {
		return &Fault{Kind: ErrChanged, Hint: "it was removed meanwhile", Cause: plain}
	}
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return &Fault{Kind: ErrChanged, Hint: fmt.Sprintf("it is not %s any more", r.o.Version), Cause: err}
	}
	return err
}

// NewReader reads length bytes from an offset, or up to the end where length is
// negative. It reads ahead, several requests at once, in bounded memory. It is
// closed by its caller, before or after the object.
func (r *ObjectReader) NewReader(ctx context.Context, off, length int64) io.ReadCloser {
	end := r.o.Size
	if length >= 0 {
		end = min(end, off+length)
	}
	if r.f != nil {
		return io.NopCloser(&fileReader{ctx: ctx, r: r, off: off, end: end})
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{ctx: ctx, r: r, cancel: cancel, chunks: make(chan *chunk, chunkAhead-1), free: make(chan []byte, chunkAhead+1)}
	s.all.Go(func() { s.plan(ctx, r, off, end) })
	return s
}

// fileReader reads a file from one place to another.
type fileReader struct {
	ctx      context.Context
	r        *ObjectReader
	off, end int64
}

func (f *fileReader) Read(p []byte) (int, error) {
	if f.off >= f.end {
		return 0, io.EOF
	}
	if f.ctx.Err() != nil {
		return 0, f.r.b.wrap("reading", f.r.o.Key, context.Cause(f.ctx))
	}
	p = p[:min(int64(len(p)), f.end-f.off)]
	if err := f.r.fetch(f.ctx, p, f.off); err != nil {
		return 0, err
	}
	f.off += int64(len(p))
	return len(p), nil
}

// stream hands out chunks that are fetched at once, in their order.
type stream struct {
	ctx    context.Context
	r      *ObjectReader
	cancel context.CancelFunc
	chunks chan *chunk
	free   chan []byte // buffers to fill again
	all    sync.WaitGroup

	ended error  // why there are no more chunks; read once they are closed
	now   *chunk // being handed out
	buf   []byte // what is left of it
	err   error
}

type chunk struct {
	body []byte
	err  error
	done chan struct{}
}

// plan begins to fetch chunks, a few before they are asked for.
func (s *stream) plan(ctx context.Context, r *ObjectReader, off, end int64) {
	defer close(s.chunks)
	for off < end {
		size := min(chunkSize, end-off)
		var body []byte
		select {
		case body = <-s.free:
			body = body[:size]
		default:
			body = make([]byte, size)
		}
		c := &chunk{body: body, done: make(chan struct{})}
		at := off
		select {
		case s.chunks <- c:
		case <-ctx.Done():
			s.ended = s.over()
			return
		}
		s.all.Go(func() {
			defer close(c.done)
			c.err = r.fetch(ctx, c.body, at)
		})
		off += size
	}
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil && s.err == nil {
		s.buf, s.err = nil, s.over()
	}
	for len(s.buf) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		if s.now != nil && cap(s.now.body) == chunkSize {
			select {
			case s.free <- s.now.body:
			default:
			}
		}
		c, ok := <-s.chunks
		if !ok {
			if s.err = s.ended; s.err == nil {
				s.err = io.EOF
			}
			continue
		}
		<-c.done
		s.now, s.buf, s.err = c, c.body, c.err
		if c.err != nil {
			s.buf = nil
		}
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// over says why a stream ends whose context has ended.
func (s *stream) over() error { return s.r.b.wrap("reading", s.r.o.Key, context.Cause(s.ctx)) }

// Close ends what is being fetched.
func (s *stream) Close() error {
	s.cancel()
	s.all.Wait()
	s.buf, s.now, s.err = nil, nil, errClosedReader
	return nil
}

var errClosedReader = errors.New("read after Close")

// Stream reads an object from its start to its end, as OpenVersion and NewReader
// do. Who knows no version gives the key alone.
func (b *Bucket) Stream(ctx context.Context, o Object) (io.ReadCloser, error) {
	r, err := b.OpenVersion(ctx, o)
	if err != nil {
		return nil, err
	}
	return &whole{ReadCloser: r.NewReader(ctx, 0, -1), object: r}, nil
}

// whole is a stream that closes its object.
type whole struct {
	io.ReadCloser
	object *ObjectReader
}

func (w *whole) Close() error { return errors.Join(w.ReadCloser.Close(), w.object.Close()) }
