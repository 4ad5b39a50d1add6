package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/digest"
)

// An old file is remembered, and asked for again it is not read.
func TestCacheRemembersAnOldFile(t *testing.T) {
	p, err := filepath.Abs("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	s := statOf(info)
	if time.Since(info.ModTime()) < 2*settled || time.Since(time.Unix(0, s.Changed)) < 2*settled {
		t.Skip("checked out this moment")
	}
	cache := filepath.Join(t.TempDir(), "cache")
	in := Input{Objects: []Source{{Path: p}}}
	var first atomic.Int64
	want, err := in.Digest(t.Context(), OpenDigests(cache), func(n int) { first.Add(int64(n)) })
	if err != nil || first.Load() != info.Size() {
		t.Fatalf("%d bytes reported of %d, %v", first.Load(), info.Size(), err)
	}
	body, err := os.ReadFile(cache)
	if err != nil || !bytes.Contains(body, []byte(want[0].Digest)) {
		t.Fatalf("the cache holds %q, %v", body, err)
	}
	told := "xxh3:" + fmt.Sprintf("%032x", 7)
	write(t, cache, strings.Replace(string(body), want[0].Digest, told, 1))
	var second atomic.Int64
	got, err := in.Digest(t.Context(), OpenDigests(cache), func(n int) { second.Add(int64(n)) })
	if err != nil || got[0].Digest != told || got[0].Size != info.Size() || second.Load() != info.Size() {
		t.Errorf("%+v, %d bytes reported, %v", got, second.Load(), err)
	}
}

// Each thing that stat tells makes a miss of its own.
func TestCacheMisses(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "a")
	write(t, p, "one")
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	told := "xxh3:" + fmt.Sprintf("%032x", 7)
	for name, change := range map[string]func(*stat){
		"size": func(s *stat) { s.Size++ }, "mtime": func(s *stat) { s.ModTime++ },
		"ctime": func(s *stat) { s.Changed++ }, "inode": func(s *stat) { s.Inode++ },
	} {
		s := statOf(info)
		change(&s)
		d := OpenDigests(filepath.Join(dir, name))
		d.add(known{Path: p, Stat: s, Digest: told})
		got, err := Input{Objects: []Source{{Path: p}}}.Digest(t.Context(), d, nil)
		if err != nil || got[0].Digest == told {
			t.Errorf("another %s: %+v, %v", name, got, err)
		}
	}
}

func TestCacheIsCompacted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	var last string
	for i := range 10 {
		d := OpenDigests(path)
		last = "xxh3:" + fmt.Sprintf("%032x", i)
		for _, p := range []string{"/a", "/b"} {
			d.add(known{Path: p, Digest: last})
		}
		if err := d.save(); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(path)
		if n := bytes.Count(body, []byte("\n")); err != nil || n > 4 {
			t.Errorf("%d lines for 2 files, %v", n, err)
		}
	}
	d := OpenDigests(path)
	if len(d.known) != 2 || d.known["/a"].Digest != last || d.known["/b"].Digest != last {
		t.Errorf("%+v", d.known)
	}
}

func TestCacheOfForeignContent(t *testing.T) {
	for _, body := range []string{"", "\x00\x01\x02", strings.Repeat("x", 2<<20), "{\"path\":1}\n", "{\"path\":\"/a\",\"digest\":\"short\"}\n"} {
		path := filepath.Join(t.TempDir(), "cache")
		write(t, path, body)
		if d := OpenDigests(path); len(d.known) != 0 {
			t.Errorf("%.20q: %+v", body, d.known)
		}
	}
	if d := OpenDigests(t.TempDir()); len(d.known) != 0 { // a folder
		t.Errorf("%+v", d.known)
	}
}

// Lines that processes append at once stay whole.
func TestCacheOfManyProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	const n = 8
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", fmt.Sprintf("%s=%s", cacheEnv, path), fmt.Sprintf("%s=%d", cacheNumberEnv, i))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	d := OpenDigests(path)
	if len(d.known) != n*cacheLines || d.lines != n*cacheLines {
		t.Errorf("%d lines, %d files, want %d", d.lines, len(d.known), n*cacheLines)
	}
}

func TestDigestWithoutACache(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a")
	write(t, p, "")
	in := Input{Objects: []Source{{URI: "file:///a", Path: p}}}
	got, err := in.Digest(t.Context(), nil, nil)
	if err != nil || got[0].Digest != digest.Of(nil) || got[0].Size != 0 || got[0].URI != "file:///a" {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := in.Digest(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Digest(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), p) {
		t.Errorf("a file that is gone: %v", err)
	}
}
