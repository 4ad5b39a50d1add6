package storage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
)

// Digest gives the shards of an input: every file with its digest, read now
// unless the cache knows it, every object of a store with its version. report is told of bytes as they are read or passed
// over, from several goroutines. cache may be nil.
func (in Input) Digest(ctx context.Context, cache *Digests, report func(n int)) (job.Shards, error) {
	if report == nil {
		report = func(int) {}
	}
	shards := make(job.Shards, len(in.Objects))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, o := range in.Objects {
		if o.Path == "" {
			shards[i] = job.Shard{URI: o.URI, Size: o.Size, Version: o.Version}
			report(int(o.Size))
			continue
		}
		g.Go(func() error {
			size, sum, err := cache.digest(ctx, o.Path, report)
			if err != nil {
				return fmt.Errorf("reading input: %w", err)
			}
			shards[i] = job.Shard{URI: o.URI, Size: size, Digest: sum}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return shards, cache.save()
}

// Digests remembers the digests of files that have not changed since they were
// read, by what stat says of them. It is safe for concurrent use, also by
// several processes: its file is only appended to, a line at a time, until it
// holds more stale lines than good ones.
type Digests struct {
	path string

	mu    sync.Mutex
	known map[string]known
	fresh []known
	lines int // in the file
}

// known is a line of the cache.
type known struct {
	Path   string `json:"path"`
	Stat   stat   `json:"stat"`
	Digest string `json:"digest"`
}

// stat is what changes when a file does.
type stat struct {
	Size    int64  `json:"size"`
	ModTime int64  `json:"mtime"` // nanoseconds
	Changed int64  `json:"ctime"` // nanoseconds; 0 where the system does not tell
	Inode   uint64 `json:"inode"`
}

// settled is how old a file's times must be when it is read for its digest to be
// remembered: a change soon after may leave them as they are.
const settled = 2 * time.Second

// OpenDigests opens a cache. A file that is absent, damaged or of another kind
// is an empty cache.
func OpenDigests(path string) *Digests {
	d := &Digests{path: path, known: map[string]known{}}
	b, err := os.ReadFile(path)
	if err != nil {
		return d
	}
	s := bufio.NewScanner(bytes.NewReader(b))
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var k known
		if json.Unmarshal(s.Bytes(), &k) == nil && digest.Valid(k.Digest) && k.Path != "" {
			d.known[k.Path] = k
		}
		d.lines++
	}
	return d
}

// digest gives size and digest of a file.
func (d *Digests) digest(ctx context.Context, path string, report func(n int)) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	if k, ok := d.find(path); ok && k.Stat == statOf(before) {
		report(int(before.Size()))
		return before.Size(), k.Digest, nil
	}
	began := time.Now() // of the machine, as the file's own times are
	h := digest.New()
	n, err := io.Copy(h, &reading{ctx: ctx, r: f, report: report})
	if err != nil {
		return 0, "", fmt.Errorf("%s: %w", path, err)
	}
	sum := h.String()
	after, err := f.Stat()
	if err != nil {
		return 0, "", err
	}
	if s := statOf(after); s == statOf(before) && s.Size == n && began.Sub(after.ModTime()) > settled && began.UnixNano()-s.Changed > int64(settled) {
		d.add(known{Path: path, Stat: s, Digest: sum})
	}
	return n, sum, nil
}

func (d *Digests) find(path string) (known, bool) {
	if d == nil {
		return known{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	k, ok := d.known[path]
	return k, ok
}

func (d *Digests) add(k known) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[k.Path] = k
	d.fresh = append(d.fresh, k)
}

// save writes what is new. A cache that cannot be written costs time at the next
// run and is no error of this one, unless the disk is full: then the run's own
// files are not written either, and say so.
func (d *Digests) save() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.fresh) == 0 {
		return nil
	}
	var b bytes.Buffer
	compact := d.lines+len(d.fresh) > 2*len(d.known)
	lines := d.fresh
	if compact {
		lines = nil
		for _, k := range d.known {
			lines = append(lines, k)
		}
	}
	for _, k := range lines {
		line, err := json.Marshal(k)
		if err != nil {
			return fmt.Errorf("the cache of digests: %w", err)
		}
		b.Write(append(line, '\n'))
	}
	d.fresh = nil
	if os.MkdirAll(filepath.Dir(d.path), 0o755) != nil {
		return nil
	}
	if compact {
		d.lines = len(lines)
		_ = replaceFile(filepath.Dir(d.path), filepath.Base(d.path), &b)
		return nil
	}
	d.lines += len(lines)
	f, err := os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil
	}
	defer f.Close()
	_, _ = f.Write(b.Bytes()) // one write: lines of two processes do not mix
	return nil
}

// reading is a reader that can be cancelled and says how far it is.
type reading struct {
	ctx    context.Context
	r      io.Reader
	report func(n int)
}

func (c *reading) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.report(n)
	return n, err
}
