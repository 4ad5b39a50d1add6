package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// child writes objects and says so, until it is killed.
func child(dir string) int {
	s, err := Open(Options{Dir: dir})
	if err == nil {
		_, err = s.CreateBucket(bucketName, nil)
	}
	for i := 0; err == nil; i++ {
		var b *Body
		if b, err = s.Stage(context.Background(), strings.NewReader(childBody(i))); err != nil {
			break
		}
		if _, err = s.Put(bucketName, fmt.Sprintf("k%d", i), b, Attributes{}, nil); err == nil {
			_, err = fmt.Println(i)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func childBody(i int) string { return strings.Repeat(fmt.Sprint(i, " "), 1000+i) }

// A killed process loses nothing that it had answered.
func TestKilledProcessLosesNothing(t *testing.T) {
	for round := range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		last := -1
		for last < 20+30*round {
			if _, err := fmt.Fscan(out, &last); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("a folder in use: %v", err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := fmt.Fscan(out, &last); err != nil { // what it said before it died
				break
			}
		}
		_ = cmd.Wait()
		p := openPlace(t, dir)
		for i := range last + 1 {
			if p.read(fmt.Sprintf("k%d", i)) != childBody(i) {
				t.Fatalf("object %d is not what was written", i)
			}
		}
		list, err := p.List(bucketName, ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.wantFiles(len(list.Objects))
	}
}

func TestFolderThatIsNotWhole(t *testing.T) {
	p := openPlace(t, t.TempDir())
	if _, err := p.CreateBucket(bucketName, nil); err != nil {
		t.Fatal(err)
	}
	p.put("k", "body")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	bodies := filepath.Join(p.dir, bodiesFolder)
	if err := os.WriteFile(filepath.Join(bodies, "left by a kill"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reopen()
	p.wantFiles(1)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(bodies)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(bodies, files[0].Name())); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: p.dir}); err == nil || !strings.Contains(err.Error(), files[0].Name()) || !strings.Contains(err.Error(), p.dir) {
		t.Errorf("a missing body: %v", err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, indexFile), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: p.dir}); err == nil || !strings.Contains(err.Error(), p.dir) {
		t.Errorf("no database: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file}); err == nil {
		t.Error("a file was opened as a folder")
	}
}

// A store in a folder holds no bodies in memory.
func TestLargeBodiesStayOnDisk(t *testing.T) {
	const size = 64 << 20
	p := openPlace(t, t.TempDir())
	if _, err := p.CreateBucket(bucketName, nil); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b, err := p.Stage(t.Context(), io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Put(bucketName, "k", b, Attributes{}, nil); err != nil {
		t.Fatal(err)
	}
	c, err := p.Get(bucketName, "k", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if n, err := io.Copy(io.Discard, c); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > size/8 {
		t.Errorf("%d bytes of memory for an object of %d", got, size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Readers, writers and listings at once: every read is one version, whole.
func TestManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, p *place) {
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 40 {
					key := fmt.Sprint("k", i%5)
					switch (g + i) % 4 {
					case 0:
						p.put(key, strings.Repeat(fmt.Sprint(g), 3000))
					case 1:
						c, err := p.Get(bucketName, key, nil)
						if errors.Is(err, ErrNoObject) {
							continue
						}
						if err != nil {
							t.Error(err)
							return
						}
						body, err := io.ReadAll(c)
						if err != nil || len(body) != 3000 || strings.Trim(string(body), string(body[:1])) != "" {
							t.Errorf("%d bytes, %v", len(body), err)
						}
						if err := c.Close(); err != nil {
							t.Error(err)
						}
					case 2:
						if _, err := p.List(bucketName, ListOptions{}); err != nil {
							t.Error(err)
						}
					default:
						if err := p.Delete(bucketName, key, nil); err != nil && !errors.Is(err, ErrNoObject) {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		list, err := p.List(bucketName, ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p.wantFiles(len(list.Objects))
	})
}
