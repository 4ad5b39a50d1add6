package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gocloud.dev/blob"
)

const binary = "application/octet-stream"

// undoTime is how long the removal of a failed write's parts may take, which
// goes on after the caller's context is over.
const undoTime = 30 * time.Second

// WriteOptions are what is known of an object before it is written. The zero
// value is fine.
type WriteOptions struct {
	// Size is how many bytes are coming; 0: it is not known. Fewer or more are an
	// error, and nothing is written. A store that takes a limited number of parts
	// takes larger ones for a large object: without it, objects of more than
	// 160 GB may fail at their end.
	Size int64
	// Progress is told of bytes as they are read. May be nil.
	Progress func(n int)
}

// Write streams an object, replacing what is there: readers see the old one or
// the new one whole. Large ones travel in parts, several at once, in bounded
// memory. When it fails, or r does, nothing is left behind, neither object nor
// parts; r is not read after it has returned.
func (b *Bucket) Write(ctx context.Context, key string, r io.Reader, o WriteOptions) error {
	if err := b.checkKey(key); err != nil {
		return b.wrap("writing", key, err)
	}
	// A driver that is told of a read error may take what came before it for the
	// whole object: its context is over by then.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	from := &source{ctx: ctx, r: r, left: o.Size, sized: o.Size > 0, report: o.Progress, stop: stop}
	if b.dir != "" {
		return b.wrap("writing", key, replaceFile(b.dir, key, from))
	}
	size := int64(-1)
	if o.Size > 0 {
		size = o.Size
	}
	return b.wrap("writing", key, b.upload(ctx, key, from, size, false))
}

// upload is the only way to write to a store: gocloud's writers, which are
// written to, end the process in one of its drivers when a store refuses.
func (b *Bucket) upload(ctx context.Context, key string, r io.Reader, size int64, ifNone bool) error {
	before, undo := b.service.Writing()
	part, parallel := b.service.Cut(size)
	err := b.Upload(ctx, key, r, &blob.WriterOptions{
		ContentType: binary, // Upload needs one; the others guess it
		IfNotExist:  ifNone, BufferSize: part, MaxConcurrency: parallel, BeforeWrite: before,
	})
	if err == nil {
		return nil
	}
	if undo != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
		defer cancel()
		if uerr := undo(clean, err); uerr != nil {
			return fmt.Errorf("%w; its parts could not be removed: %w", err, b.plain(uerr))
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(b.plain(err), ErrNotFound) { // whatever the store says, a write misses no object
		return &Fault{Kind: ErrNoBucket, Cause: err}
	}
	return err
}

// source is what a write reads: it ends early when its context does, counts, and
// ends the write's context when it fails.
type source struct {
	ctx    context.Context
	r      io.Reader
	left   int64
	sized  bool
	report func(n int)
	stop   context.CancelCauseFunc
}

func (s *source) Read(p []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.left -= int64(n)
	switch {
	case s.sized && s.left < 0:
		err = errors.New("more bytes came than were announced")
	case s.sized && s.left > 0 && errors.Is(err, io.EOF):
		err = fmt.Errorf("%d bytes fewer came than were announced: %w", s.left, io.ErrUnexpectedEOF)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.EOF itself is the end
		s.stop(err)
	}
	if s.report != nil && n > 0 {
		s.report(n)
	}
	return n, err
}

// Writer is an object that is being written piece by piece. Close puts it in
// place; until then nobody sees it.
type Writer struct {
	pipe *io.PipeWriter
	stop context.CancelCauseFunc
	done chan struct{}
	err  error
}

// NewWriter begins to write an object, as Write does. The writer is closed, or
// the context is cancelled and the writer is closed.
func (b *Bucket) NewWriter(ctx context.Context, key string, o WriteOptions) *Writer {
	ctx, stop := context.WithCancelCause(ctx)
	r, w := io.Pipe()
	out := &Writer{pipe: w, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(out.done)
		out.err = b.Write(ctx, key, r, o)
		_ = r.CloseWithError(cause(out.err)) // who writes on is told why
	}()
	// A write that waits for bytes ends with its context.
	context.AfterFunc(ctx, func() { _ = r.CloseWithError(context.Cause(ctx)) })
	return out
}

func cause(err error) error {
	if err == nil {
		return io.ErrClosedPipe
	}
	return err
}

// Write gives bytes to the store. Its error is why the object cannot be written.
func (w *Writer) Write(p []byte) (int, error) { return w.pipe.Write(p) }

// Close puts the object in place. It is idempotent.
func (w *Writer) Close() error {
	_ = w.pipe.Close()
	<-w.done
	w.stop(nil)
	return w.err
}

// Abandon ends the writing without an object. It waits until nothing is left.
func (w *Writer) Abandon() {
	_ = w.pipe.CloseWithError(errAbandoned)
	w.stop(errAbandoned)
	<-w.done
}

var errAbandoned = errors.New("the write was given up")

// Create makes an object where there is none, atomically between processes and
// machines, durably before it returns. It is false when another stands there.
// body must be the caller's alone (carry a nonce): when the answer is lost,
// the object is read back and compared. It is small, for it goes in one request.
func (b *Bucket) Create(ctx context.Context, key string, body []byte) (created bool, err error) {
	if err := b.checkKey(key); err != nil {
		return false, b.wrap("creating", key, err)
	}
	if ctx.Err() != nil {
		return false, b.wrap("creating", key, context.Cause(ctx))
	}
	if b.dir != "" {
		err = unswept(func() (err error) {
			created, err = createFile(b.dir, key, body)
			return err
		}, "")
		return created, b.wrap("creating", key, err)
	}
	for n := 1; ; n++ {
		err := b.upload(ctx, key, bytes.NewReader(body), int64(len(body)), true)
		if err == nil {
			return true, nil
		}
		found, rerr := b.readAll(ctx, key)
		if rerr == nil {
			return bytes.Equal(found, body), nil
		}
		// S3 refuses one of two writers while the other is at work, and that one
		// may fail: nobody has won yet.
		if n < tries && errors.Is(b.plain(err), ErrBusy) {
			if err := b.pause(ctx, n); err != nil {
				return false, b.wrap("creating", key, err)
			}
			continue
		}
		// Not "taken", even where the store says that a precondition failed: a closed
		// bucket says so as well, and nobody else's object was seen.
		return false, b.wrap("creating", key, err)
	}
}

// Replace writes an object at one stroke: readers see the old one or the new
// one. It is durable before it returns.
func (b *Bucket) Replace(ctx context.Context, key string, body []byte) error {
	if err := b.checkKey(key); err != nil {
		return b.wrap("writing", key, err)
	}
	if ctx.Err() != nil {
		return b.wrap("writing", key, context.Cause(ctx))
	}
	if b.dir != "" {
		return b.wrap("writing", key, unswept(func() error { return replaceFile(b.dir, key, bytes.NewReader(body)) }, ""))
	}
	return b.wrap("writing", key, b.upload(ctx, key, bytes.NewReader(body), int64(len(body)), false))
}

// Copy brings an object of another bucket here, replacing what is there. Within
// a local file system the bytes are shared, within a bucket the store copies
// them; else they stream through this process. An object that changes meanwhile
// is ErrChanged, unless the store copies.
func (b *Bucket) Copy(ctx context.Context, key string, from *Bucket, source string) error {
	if err := b.checkKey(key); err != nil {
		return b.wrap("writing", key, err)
	}
	if ctx.Err() != nil {
		return b.wrap("copying", source, context.Cause(ctx))
	}
	if b.dir != "" && from.dir != "" {
		return b.wrap("copying", source, linkFile(b.dir, key, joinKey(from.dir, source)))
	}
	o, err := from.Stat(ctx, source)
	if err != nil {
		return err
	}
	return b.copyVersion(ctx, key, from, o)
}

func (b *Bucket) copyVersion(ctx context.Context, key string, from *Bucket, o Object) error {
	if b.Bucket == from.Bucket || b.same != "" && b.same == from.same {
		if key == o.Key {
			return nil
		}
		if o.Size <= b.service.CopyLimit() {
			return from.wrap("copying", o.Key, b.Bucket.Copy(ctx, key, o.Key, nil))
		}
	}
	in, err := from.Stream(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	return b.Write(ctx, key, in, WriteOptions{Size: o.Size})
}
