package objectstore

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// raceEnv makes the test binary one of the racing processes: the URI of its bucket.
const raceEnv = "CROSSBATCH_TEST_RACE"

const (
	racers   = 16
	raceKeys = 12
)

// raceBody is long, so that a torn read would show.
func raceBody(pid, i int) string { return strings.Repeat(fmt.Sprintf("%d of %d\n", pid, i), 500) }

// race creates all keys and prints those that it won; what it lost must read whole.
func race(uri string) error {
	ctx := context.Background()
	open := New(Options{})
	b, _, err := open.Open(ctx, uri)
	if err != nil {
		return err
	}
	for i := range raceKeys {
		key := fmt.Sprintf("claims/%03d", i)
		won, err := b.Create(ctx, key, []byte(raceBody(os.Getpid(), i)))
		if err != nil {
			return err
		}
		body, err := b.Read(ctx, key)
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
	if err := b.Close(); err != nil {
		return err
	}
	return open.Close()
}

// processes runs the test binary many times at once, with an environment of each,
// and gives what they printed.
func processes(t *testing.T, n int, env func(i int) []string) []string {
	t.Helper()
	type child struct {
		cmd         *exec.Cmd
		out, errors bytes.Buffer
	}
	children := make([]child, n)
	for i := range children {
		c := &children[i]
		c.cmd = exec.Command(os.Args[0])
		c.cmd.Env = append(os.Environ(), env(i)...)
		c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.errors
		must(t, c.cmd.Start())
	}
	var out []string
	for i := range children {
		c := &children[i]
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &c.errors)
		}
		out = append(out, c.out.String())
	}
	return out
}

func sixteenCreate(t *testing.T, s *stand) {
	winner := map[int]int{}
	for _, out := range processes(t, racers, func(int) []string { return []string{raceEnv + "=" + s.uri} }) {
		for line := range strings.Lines(out) {
			var key, pid int
			if _, err := fmt.Sscan(line, &key, &pid); err != nil {
				t.Fatal(err)
			}
			if other, ok := winner[key]; ok {
				t.Errorf("key %d was won by %d and by %d", key, other, pid)
			}
			winner[key] = pid
		}
	}
	b := s.bucket(t)
	for i := range raceKeys {
		body, err := b.Read(t.Context(), fmt.Sprintf("claims/%03d", i))
		if err != nil || string(body) != raceBody(winner[i], i) {
			t.Errorf("key %d does not hold what its winner %d wrote (%v)", i, winner[i], err)
		}
	}
}
