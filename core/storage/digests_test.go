package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/digest"
	"github.com/crossbatch/crossbatch/core/job"
)

func TestDigestsAreOfTheContent(t *testing.T) {
	dir := t.TempDir()
	var in Input
	for i := range 20 {
		p := filepath.Join(dir, fmt.Sprintf("%02d.jsonl", i))
		write(t, p, fmt.Sprint(i))
		in.Objects = append(in.Objects, Source{URI: FileURI(p), Path: p})
	}
	for name, path := range map[string]string{
		"a cache": filepath.Join(dir, "cache", "digests"), "a cache that cannot be written": filepath.Join(dir, "00.jsonl", "x"),
	} {
		for range 2 {
			got, err := in.Digest(t.Context(), OpenDigests(path), nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, s := range got {
				if s.URI != in.Objects[i].URI || s.Digest != digest.Of([]byte(fmt.Sprint(i))) {
					t.Errorf("%s: shard %d is %+v", name, i, s)
				}
			}
		}
	}
}

// A file just written is not trusted: it may change within its time stamp.
func TestFreshFilesAreNotRemembered(t *testing.T) {
	dir := t.TempDir()
	p, cache := filepath.Join(dir, "a"), filepath.Join(dir, "cache")
	write(t, p, "one")
	in := Input{Objects: []Source{{Path: p}}}
	first, err := in.Digest(t.Context(), OpenDigests(cache), nil)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	write(t, p, "two")
	if err := os.Chtimes(p, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	second, err := in.Digest(t.Context(), OpenDigests(cache), nil)
	if err != nil || first[0].Digest == second[0].Digest {
		t.Errorf("a change was not seen: %v", err)
	}
}

func TestCacheAnswersOnlyForTheSameFile(t *testing.T) {
	dir := t.TempDir()
	p, cache := filepath.Join(dir, "a"), filepath.Join(dir, "cache")
	write(t, p, "one")
	info, err := os.Stat(p)
	if err != nil {
		t.Fatal(err)
	}
	told := "xxh3:" + fmt.Sprintf("%032x", 7)
	d := OpenDigests(cache)
	d.add(known{Path: p, Stat: statOf(info), Digest: told})
	if err := d.save(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(cache, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("{torn\n[]\n{\"path\":\"x\",\"digest\":\"short\"}\n")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	in := Input{Objects: []Source{{Path: p}}}
	if got, err := in.Digest(t.Context(), OpenDigests(cache), nil); err != nil || got[0].Digest != told {
		t.Errorf("the cache was not asked: %v, %v", got, err)
	}
	write(t, p, "other")
	if got, err := in.Digest(t.Context(), OpenDigests(cache), nil); err != nil || got[0].Digest == told {
		t.Errorf("a changed file was not read: %v, %v", got, err)
	}
}

func BenchmarkListInput(b *testing.B) {
	dir := b.TempDir()
	for i := range 60_000 {
		write(b, filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprintf("%d.jsonl", i)), "")
	}
	for b.Loop() {
		in, err := ListInput(b.Context(), OpenLocal, job.Input{Source: []string{dir}})
		if err != nil || len(in.Objects) != 60_000 {
			b.Fatal(len(in.Objects), err)
		}
	}
}
