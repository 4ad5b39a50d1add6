package objects

import (
	"bytes"
	"crypto/md5"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"
)

// childEnv makes the test binary a process that fills a store and is killed: its folder.
const childEnv = "CROSSBATCH_TEST_OBJECTS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

// place is a store to test, in memory or in a folder.
type place struct {
	*Store
	t     testing.TB
	clock *clockwork.FakeClock
	dir   string
}

const bucketName = "b"

// both runs a test on each kind of store, with one bucket made.
func both(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	for name, dir := range map[string]string{"memory": "", "folder": filepath.Join(t.TempDir(), "made by Open")} {
		t.Run(name, func(t *testing.T) {
			p := openPlace(t, dir)
			if _, err := p.CreateBucket(bucketName, nil); err != nil {
				t.Fatal(err)
			}
			f(t, p)
		})
	}
}

func openPlace(t testing.TB, dir string) *place {
	t.Helper()
	p := &place{t: t, dir: dir, clock: clockwork.NewFakeClockAt(time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("x", 3600)))}
	p.reopen()
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// reopen closes a store in a folder and opens it again; one in memory stays.
func (p *place) reopen() {
	p.t.Helper()
	if p.Store != nil {
		if p.dir == "" {
			return
		}
		if err := p.Close(); err != nil {
			p.t.Fatal(err)
		}
	}
	s, err := Open(Options{Clock: p.clock, Dir: p.dir})
	if err != nil {
		p.t.Fatal(err)
	}
	p.Store = s
}

func (p *place) stage(body string) *Body {
	p.t.Helper()
	b, err := p.Stage(p.t.Context(), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	sum := md5.Sum([]byte(body))
	if b.Size() != int64(len(body)) || !bytes.Equal(b.MD5(), sum[:]) {
		p.t.Fatalf("%d bytes, %x", b.Size(), b.MD5())
	}
	return b
}

func (p *place) put(key, body string) Object {
	p.t.Helper()
	o, err := p.Put(bucketName, key, p.stage(body), Attributes{ContentType: "a/b"}, nil)
	if err != nil {
		p.t.Fatalf("%q: %v", key, err)
	}
	return o
}

// read is a whole object.
func (p *place) read(key string) string {
	p.t.Helper()
	c, err := p.Get(bucketName, key, nil)
	if err != nil {
		p.t.Fatalf("%q: %v", key, err)
	}
	defer func() { _ = c.Close() }()
	body, err := io.ReadAll(c)
	if err != nil || int64(len(body)) != c.Object.Size {
		p.t.Fatalf("%q: %d bytes of %d, %v", key, len(body), c.Object.Size, err)
	}
	return string(body)
}

func (p *place) absent(key string) {
	p.t.Helper()
	if _, err := p.Stat(bucketName, key, nil); !errors.Is(err, ErrNoObject) {
		p.t.Errorf("%q: %v", key, err)
	}
}

// files counts the bodies in the folder; -1 in memory.
func (p *place) files() int {
	p.t.Helper()
	if p.dir == "" {
		return -1
	}
	list, err := os.ReadDir(filepath.Join(p.dir, bodiesFolder))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(list)
}

// wantFiles says how many bodies there should be.
func (p *place) wantFiles(n int) {
	p.t.Helper()
	if got := p.files(); got != n && got != -1 {
		p.t.Errorf("%d bodies in the folder, want %d", got, n)
	}
}
