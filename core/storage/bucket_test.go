package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

func open(t testing.TB, dir string) *Bucket {
	t.Helper()
	b, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func keys(t testing.TB, b *Bucket, prefix string) []string {
	t.Helper()
	var out []string
	for o, err := range b.Objects(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, o.Key)
	}
	return out
}

func TestCreateBySixteenProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made by the first")
	type child struct {
		cmd         *exec.Cmd
		out, errors bytes.Buffer
	}
	children := make([]child, 16)
	for i := range children {
		c := &children[i]
		c.cmd = exec.Command(os.Args[0])
		c.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", raceEnv+"="+dir)
		c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.errors
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	winner := map[int]int{}
	for i := range children {
		c := &children[i]
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, &c.errors)
		}
		for line := range strings.Lines(c.out.String()) {
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
	b := open(t, dir)
	for i := range raceKeys {
		body, err := b.Read(t.Context(), fmt.Sprintf("claims/%03d", i))
		if err != nil || string(body) != raceBody(winner[i], i) {
			t.Errorf("key %d does not hold what its winner %d wrote (%v)", i, winner[i], err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "claims", tempPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestObjectsOfOddNames(t *testing.T) {
	want := []string{
		"a", "a b", "a#b", "a%20b", "a-b/x", "a.b", "a/b/c", "a/b.c", "a?b", `a"b'c`, "ab", "é/ü", "日本/語",
	}
	slices.Sort(want)
	want = slices.DeleteFunc(want, func(k string) bool { return k == "a" }) // a folder here
	for name, b := range map[string]*Bucket{
		"folder": open(t, filepath.Join(t.TempDir(), "odd %41 #? dir")),
		"memory": New(memblob.OpenBucket(nil), "mem://x"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, k := range want {
				if err := b.Replace(t.Context(), k, []byte("old")); err != nil {
					t.Fatal(err)
				}
				if err := b.Replace(t.Context(), k, []byte(k)); err != nil {
					t.Fatal(err)
				}
			}
			if got := keys(t, b, ""); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			for _, prefix := range []string{"a", "a/", "a/b", "a/b/", "a-", "é", "none"} {
				var some []string
				for _, k := range want {
					if strings.HasPrefix(k, prefix) {
						some = append(some, k)
					}
				}
				if got := keys(t, b, prefix); !slices.Equal(got, some) {
					t.Errorf("under %q: %q, want %q", prefix, got, some)
				}
			}
			for _, k := range want {
				if got, err := b.Read(t.Context(), k); err != nil || string(got) != k {
					t.Errorf("%q reads %q, %v", k, got, err)
				}
				if created, err := b.Create(t.Context(), k, []byte("other")); created || err != nil {
					t.Errorf("creating %q again: %v, %v", k, created, err)
				}
			}
			if err := b.Remove(t.Context(), append(want, "absent")...); err != nil {
				t.Fatal(err)
			}
			if got := keys(t, b, ""); got != nil {
				t.Errorf("left: %q", got)
			}
			for _, k := range []string{"", "/a", "a//b", "../a", "a/../b", "a/", ".", "\xff", strings.Repeat("k", maxKey+1)} {
				// Stores take all that is UTF-8 and not too long: objects of others have such keys.
				_, folder := b.Dir()
				takes := !folder && k != "" && len(k) <= maxKey && utf8.ValidString(k)
				if err := b.Replace(t.Context(), k, nil); (err == nil) != takes {
					t.Errorf("the key %q: %v", k, err)
				}
			}
		})
	}
}

func TestFolderListings(t *testing.T) {
	dir := t.TempDir()
	absent := open(t, filepath.Join(dir, "absent"))
	if got := keys(t, absent, "runs/"); got != nil {
		t.Errorf("an absent folder lists %q", got)
	}
	if _, err := absent.Read(t.Context(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("reading there: %v", err)
	}
	write(t, filepath.Join(dir, "real"), "12345")
	write(t, filepath.Join(dir, tempPrefix+"half"), "x")
	for link, target := range map[string]string{"link": "real", "loop": ".", "dangling": "nothing"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	b := open(t, dir)
	if got := keys(t, b, ""); !slices.Equal(got, []string{"link", "real"}) {
		t.Errorf("got %q", got)
	}
	for o, err := range b.Objects(t.Context(), "link") {
		if err != nil || o.Size != 5 {
			t.Errorf("a link is listed as %+v, %v", o, err)
		}
	}
	write(t, filepath.Join(dir, "below", "x"), "1")
	for prefix, want := range map[string][]string{"": {"below/x", "link", "real"}, "be": {"below/x"}, "l": {"link"}, "none": nil} {
		var got []string
		for o, err := range b.Keys(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.Key)
		}
		if !slices.Equal(got, want) || !slices.Equal(got, keys(t, b, prefix)) {
			t.Errorf("the keys of %q are %q", prefix, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range b.Objects(ctx, "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("listing after a cancel: %v", err)
		}
	}
	if _, err := OpenFolder(filepath.Join(dir, "real")); err == nil {
		t.Error("a file was opened as a folder")
	}
}

func TestCopy(t *testing.T) {
	for name, pair := range map[string][2]*Bucket{
		"folder to folder": {open(t, t.TempDir()), open(t, t.TempDir())},
		"memory to folder": {New(memblob.OpenBucket(nil), "mem://x"), open(t, t.TempDir())},
		"folder to memory": {open(t, t.TempDir()), New(memblob.OpenBucket(nil), "mem://x")},
	} {
		from, to := pair[0], pair[1]
		if err := from.Replace(t.Context(), "s/x", []byte("new")); err != nil {
			t.Fatal(err)
		}
		for range 2 { // again, onto itself
			if err := to.Copy(t.Context(), "d/y", from, "s/x"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got, err := to.Read(t.Context(), "d/y"); err != nil || string(got) != "new" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got := keys(t, to, ""); len(got) != 1 {
			t.Errorf("%s: %q", name, got)
		}
		if err := to.Copy(t.Context(), "d/z", from, "none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: copying what is absent: %v", name, err)
		}
	}
}

func TestCreateReadsBackWhenTheAnswerIsUnclear(t *testing.T) {
	plain := memblob.OpenBucket(nil)
	b := New(plain, "mem://x")
	if created, err := b.Create(t.Context(), "k", []byte("mine")); !created || err != nil {
		t.Fatal(created, err)
	}
	// The store says that it is taken, as it does when a lost request is sent
	// again: the body tells whose it is.
	if created, err := b.Create(t.Context(), "k", []byte("mine")); !created || err != nil {
		t.Errorf("own body: %v, %v", created, err)
	}
	if created, err := b.Create(t.Context(), "k", []byte("theirs")); created || err != nil {
		t.Errorf("another's: %v, %v", created, err)
	}
	closed := New(blob.PrefixedBucket(memblob.OpenBucket(nil), "p/"), "mem://y")
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if created, err := closed.Create(t.Context(), "k", nil); created || err == nil {
		t.Errorf("a closed bucket: %v, %v", created, err)
	}
}
