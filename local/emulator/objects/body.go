package objects

import (
	"context"
	"crypto/md5" // what the services call an object's digest
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// chunk is how much of a body lies in one piece of memory.
const chunk = 256 << 10

// segment is bytes that never change: of one staged body. Objects, parts and
// readers share it; the last to let go removes it.
type segment struct {
	size int64
	md5  []byte
	mem  [][]byte
	path string // of a store with a folder, instead of mem
	refs atomic.Int64
}

// keep is called by who sees another holder that cannot let go meanwhile.
func (g *segment) keep() { g.refs.Add(1) }

func (g *segment) release() {
	if g.refs.Add(-1) == 0 && g.path != "" {
		_ = os.Remove(g.path) // what stays is swept by the next Open
	}
}

func releaseAll(segs []*segment) {
	for _, g := range segs {
		g.release()
	}
}

// Body is bytes that were taken in and have no place yet. Whatever it is handed
// to takes it over, also when that fails; Discard is for those that are not
// handed on, and does nothing to the others.
type Body struct {
	seg  *segment
	once sync.Once
}

// Size is how many bytes there are.
func (b *Body) Size() int64 { return b.seg.size }

// MD5 is their digest, 16 bytes.
func (b *Body) MD5() []byte { return b.seg.md5 }

// Discard forgets the bytes. It may be called at any time, more than once.
func (b *Body) Discard() { b.once.Do(b.seg.release) }

// take gives the segment to a new holder; nil when the body is gone.
func (b *Body) take() (g *segment) {
	b.once.Do(func() { g = b.seg })
	return g
}

// Stage takes in all of r. It fails with r's error, and then keeps nothing.
func (s *Store) Stage(ctx context.Context, r io.Reader) (*Body, error) {
	sum := md5.New()
	g := &segment{}
	g.refs.Store(1)
	r = io.TeeReader(&cancelled{ctx: ctx, r: r}, sum)
	var err error
	if s.dir == "" {
		g.mem, g.size, err = readChunks(r)
	} else {
		g.path = filepath.Join(s.dir, bodiesFolder, rand.Text())
		g.size, err = writeFile(g.path, r)
	}
	if err != nil {
		g.release()
		return nil, fmt.Errorf("taking in a body: %w", err)
	}
	g.md5 = sum.Sum(nil)
	return &Body{seg: g}, nil
}

func readChunks(r io.Reader) (mem [][]byte, size int64, err error) {
	for {
		buf := make([]byte, min(chunk, max(512, int(min(2*size, chunk)))))
		n, err := io.ReadFull(r, buf)
		if n > 0 {
			mem, size = append(mem, buf[:n]), size+int64(n)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF && n < len(buf) { //nolint:errorlint // ReadFull's own
			return mem, size, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

func writeFile(path string, r io.Reader) (int64, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return n, err
}

// cancelled ends a read when its context does. A reader that says that it was
// cut short is believed: ReadFull's own ErrUnexpectedEOF means an end.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // as readers return it
		err = errCutShort
	}
	return n, err
}

var errCutShort = fmt.Errorf("cut short: %w", io.ErrUnexpectedEOF)

// Content is an object as it was when it was opened: writes do not touch what is
// read. It is not safe for concurrent use.
type Content struct {
	Object Object
	segs   []*segment
	at     int64
	file   *os.File // of segment number open
	open   int
	closed bool
}

// Seek goes to a place in the object, as of io.Seeker.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.Object.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seeking to %d", offset)
	}
	c.at = offset
	return offset, nil
}

// Read reads on from there.
func (c *Content) Read(p []byte) (int, error) {
	if c.closed {
		return 0, os.ErrClosed
	}
	at := c.at
	for i, g := range c.segs {
		if at >= g.size {
			at -= g.size
			continue
		}
		n, err := c.readSegment(i, p, at)
		c.at += int64(n)
		return n, err
	}
	return 0, io.EOF
}

func (c *Content) readSegment(i int, p []byte, at int64) (int, error) {
	g := c.segs[i]
	if g.path == "" {
		for _, m := range g.mem {
			if at < int64(len(m)) {
				return copy(p, m[at:]), nil
			}
			at -= int64(len(m))
		}
		return 0, io.ErrUnexpectedEOF // not reached: sizes add up
	}
	if c.file == nil || c.open != i {
		if c.file != nil {
			c.file.Close()
		}
		var err error
		if c.file, err = os.Open(g.path); err != nil {
			return 0, fmt.Errorf("reading the body of %q: %w", c.Object.Key, err)
		}
		c.open = i
	}
	n, err := c.file.ReadAt(p[:min(int64(len(p)), g.size-at)], at)
	if n > 0 {
		return n, nil
	}
	return 0, fmt.Errorf("reading the body of %q: %w", c.Object.Key, err)
}

// Close lets the bytes go. It may be called more than once.
func (c *Content) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	if c.file != nil {
		c.file.Close()
	}
	releaseAll(c.segs)
	return nil
}
