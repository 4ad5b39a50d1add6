package ociblob

import (
	"bytes"
	"context"
	"crypto/md5" // what the service compares a body with
	"encoding/base64"
	"io"

	"github.com/oracle/oci-go-sdk/v65/objectstorage"
	"gocloud.dev/blob/driver"
)

const (
	defaultPart        = 10 << 20
	defaultConcurrency = 4
	maxPart            = 50 << 30
	growEvery          = 1000 // parts, after which they are twice as large
	readAtOnce         = 256 << 10
)

// writer fills a part and sends it when there is more to come: whoever writes no
// more than one part puts an object.
type writer struct {
	ctx         context.Context
	b           *bucket
	put         *objectstorage.PutObjectRequest // its body apart; an upload follows it
	part        int64
	concurrency int
	buf         []byte
	up          *upload // nil until a second part begins
	err         error   // of the first Write that failed: the object must not appear
}

// NewTypedWriter begins to write; nothing is sent before a part is full or Close.
func (b *bucket) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	name := escapeKey(key)
	req := &objectstorage.PutObjectRequest{
		NamespaceName: &b.namespace, BucketName: &b.name, ObjectName: &name,
		ContentType: optional(contentType), ContentLanguage: optional(opts.ContentLanguage), ContentEncoding: optional(opts.ContentEncoding),
		ContentDisposition: optional(opts.ContentDisposition), CacheControl: optional(opts.CacheControl),
		OpcMeta: escapeMetadata(opts.Metadata), RequestMetadata: noRetry(),
	}
	if opts.IfNotExist {
		req.IfNoneMatch = optional("*")
	}
	if err := before(opts.BeforeWrite, req); err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, b: b, put: req, part: int64(opts.BufferSize), concurrency: opts.MaxConcurrency}
	if w.part <= 0 {
		w.part = defaultPart
	}
	if w.concurrency <= 0 {
		w.concurrency = defaultConcurrency
	}
	return w, nil
}

// partSize is how many bytes part number n has, counted from 0.
func (w *writer) partSize(n int) int64 {
	size := w.part
	for ; n >= growEvery && size < maxPart; n -= growEvery {
		size *= 2
	}
	return min(size, maxPart)
}

// Write takes bytes in, and waits while as many parts are being sent as may be.
func (w *writer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return written, err
		}
		take := min(len(p), room)
		w.buf = append(w.buf, p[:take]...)
		p, written = p[take:], written+take
	}
	return written, nil
}

// Upload writes all that r has. blob.Bucket.Upload closes the writer whether r
// could be read to its end or not: only here is seen that it could not. What goes wrong is
// Close's to say, as blob gives what Upload returns no code.
func (w *writer) Upload(r io.Reader) error {
	buf := make([]byte, readAtOnce)
	for w.err == nil {
		n, err := r.Read(buf)
		if _, werr := w.Write(buf[:n]); werr != nil || err == io.EOF { //nolint:errorlint // as readers return it
			break
		}
		w.err = err
	}
	return nil
}

// room is how many bytes the buffer still takes, at least one: a full one is sent.
func (w *writer) room() (int, error) {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.err == nil && int64(len(w.buf)) == w.partSize(w.sent()) {
		w.err = w.flush()
	}
	return int(w.partSize(w.sent()) - int64(len(w.buf))), w.err
}

func (w *writer) sent() int {
	if w.up == nil {
		return 0
	}
	return w.up.sent
}

// flush sends the buffer as a part.
func (w *writer) flush() error {
	if w.up == nil {
		up, err := w.b.startUpload(w.ctx, w.put, w.concurrency)
		if err != nil {
			return err
		}
		w.up = up
	}
	if err := w.up.send(w.buf); err != nil {
		return err
	}
	w.buf = make([]byte, 0, w.partSize(w.up.sent)) // the sent one is still being read
	return nil
}

// Close makes the object appear, or leaves nothing.
func (w *writer) Close() error {
	if w.err == nil {
		w.err = w.ctx.Err()
	}
	if w.up == nil {
		if w.err != nil {
			return w.err
		}
		return w.putAll()
	}
	if w.err == nil && len(w.buf) > 0 {
		w.err = w.up.send(w.buf)
	}
	w.buf = nil
	return w.up.finish(w.err)
}

func (w *writer) putAll() error {
	s := again
	if w.put.IfNoneMatch != nil || w.put.IfMatch != nil {
		s = once // sent again, it would meet its own object
	}
	return w.b.call(w.ctx, s, "PutObject", *w.put.ObjectName, func(ctx context.Context) error {
		req := *w.put
		req.ContentLength, req.ContentMD5 = new(int64(len(w.buf))), sum(w.buf)
		req.PutObjectBody = io.NopCloser(bytes.NewReader(w.buf))
		_, err := w.b.client.PutObject(ctx, req)
		return err
	})
}

func sum(body []byte) *string {
	s := md5.Sum(body)
	return optional(base64.StdEncoding.EncodeToString(s[:]))
}
