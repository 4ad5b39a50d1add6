package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// raceEnv makes the test binary one of the racing processes: its folder.
const raceEnv = "CROSSBATCH_TEST_RACE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(raceEnv); dir != "" {
		if err := race(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if path := os.Getenv(cacheEnv); path != "" {
		fillCache(path, os.Getenv(cacheNumberEnv))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// cacheEnv makes it one that adds to a cache of digests.
const (
	cacheEnv       = "CROSSBATCH_TEST_CACHE"
	cacheNumberEnv = "CROSSBATCH_TEST_CACHE_NUMBER"
	cacheLines     = 200
)

// fillCache adds lines of its own in several goes.
func fillCache(path, number string) {
	for i := range cacheLines {
		d := &Digests{path: path, known: map[string]known{}}
		d.add(known{Path: fmt.Sprintf("/%s/%d", number, i), Digest: "xxh3:" + strings.Repeat("0", 32)})
		_ = d.save()
	}
}

const raceKeys = 200

// raceBody is long, so that a torn read would show.
func raceBody(pid, i int) string { return strings.Repeat(fmt.Sprintf("%d of %d\n", pid, i), 500) }

// race creates all keys and prints those that it won; what it lost must read whole.
func race(dir string) error {
	b, err := OpenFolder(dir)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	for i := range raceKeys {
		key := fmt.Sprintf("claims/%03d", i)
		won, err := b.Create(context.Background(), key, []byte(raceBody(os.Getpid(), i)))
		if err != nil {
			return err
		}
		body, err := b.Read(context.Background(), key)
		if err != nil {
			return err
		}
		var pid int
		if _, err := fmt.Sscanf(string(body), "%d", &pid); err != nil || string(body) != raceBody(pid, i) {
			return fmt.Errorf("%s was read torn", key)
		}
		if won {
			fmt.Println(i, os.Getpid())
		}
	}
	return nil
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
