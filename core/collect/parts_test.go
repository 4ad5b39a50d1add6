package collect_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestPartsAsTheyAre(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n{}\n")
	b.input("{}\n")
	b.input("")
	b.part(2, "a1", "", "")
	p := b.part(1, "a1", ok("c"), "")
	p.Fills = map[string]int64{"f": 2}
	p = b.part(0, "a1", ok("a"), "{\"failed\":1}\n")
	p.Fills = map[string]int64{"f": 1, "g": 3}
	m := b.publish(t)

	if m.State != record.Partial || m.Totals != (record.Counts{In: 3, OK: 2, Failed: 1}) {
		t.Errorf("%s %+v", m.State, m.Totals)
	}
	if !reflect.DeepEqual(m.Fills, map[string]int64{"f": 3, "g": 3}) {
		t.Errorf("fills: %v", m.Fills)
	}
	if m.Run != runA || m.Project != "p" || m.Machine != "box" || m.Format != "jsonl" || len(m.Columns) != 4 {
		t.Errorf("%+v", m)
	}
	for i, s := range m.Shards {
		if in := b.src.Shards[i]; s.URI != in.URI || s.Size != in.Size || s.Digest != in.Digest {
			t.Errorf("shard %d: %+v", i, s)
		}
	}
	want := map[string]string{
		"part-00000-of-00003.aaaaaaaa.jsonl":   ok("a"),
		"failed-00000-of-00003.aaaaaaaa.jsonl": "{\"failed\":1}\n",
		"part-00001-of-00003.aaaaaaaa.jsonl":   ok("c"),
		"part-00002-of-00003.aaaaaaaa.jsonl":   "",
	}
	got := folder(t, b.out())
	delete(got, record.ManifestName)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if m.Shards[0].Part.Digest != digested(ok("a")) || m.Shards[0].FailedPart.Digest != digested("{\"failed\":1}\n") {
		t.Errorf("digests: %+v", m.Shards[0])
	}

	from, err := os.Stat(filepath.Join(b.dir, "staged", "a1", "part-0"))
	must(err)
	to, err := os.Stat(filepath.Join(b.out(), "part-00000-of-00003.aaaaaaaa.jsonl"))
	must(err)
	if !os.SameFile(from, to) {
		t.Error("the part was copied, not linked")
	}
}

func TestPartsRefuses(t *testing.T) {
	for name, change := range map[string]func(b *bench, p *provider.Part){
		"another input":        func(_ *bench, p *provider.Part) { p.Shard.Digest = digested("other") },
		"unbalanced":           func(_ *bench, p *provider.Part) { p.Shard.In++ },
		"below zero":           func(_ *bench, p *provider.Part) { p.Shard.Skipped, p.Shard.OK = -1, p.Shard.OK+1 },
		"name above":           func(_ *bench, p *provider.Part) { p.Shard.Part.Name = "../part-0" },
		"name below":           func(_ *bench, p *provider.Part) { p.Shard.Part.Name = "sub/part-0" },
		"name of the folder":   func(_ *bench, p *provider.Part) { p.Shard.Part.Name = ".." },
		"no name":              func(_ *bench, p *provider.Part) { p.Shard.Part.Name = "" },
		"failed name above":    func(_ *bench, p *provider.Part) { p.Shard.FailedPart.Name = `..\x` },
		"no failed object":     func(_ *bench, p *provider.Part) { p.Shard.FailedPart = nil },
		"needless failed one":  func(_ *bench, p *provider.Part) { p.Shard.Failed, p.Shard.In = 0, p.Shard.OK },
		"shard that is absent": func(b *bench, _ *provider.Part) { b.src.Pieces[0].Shard = 1 },
		"shard below zero":     func(b *bench, _ *provider.Part) { b.src.Pieces[0].Shard = -1 },
		"neither form":         func(b *bench, _ *provider.Part) { b.src.Pieces[0].Part = nil },
		"both forms":           func(b *bench, _ *provider.Part) { b.src.Pieces[0].Lines = &provider.Lines{} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.input("{}\n{}\n")
			change(b, b.part(0, "a1", ok("a"), "{}\n"))
			m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
			if !errors.Is(err, collect.ErrPiece) || m != nil || folder(t, b.out()) != nil {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
}

func TestPartsFileIsGone(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n")
	b.part(0, "a1", ok("a"), "")
	must(os.Remove(filepath.Join(b.dir, "staged", "a1", "part-0")))
	if _, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{}); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}

// Which of two attempts is taken does not depend on the order of the pieces.
func TestPartsOfTwoAttempts(t *testing.T) {
	var want map[string]string
	for range 2 {
		b := newBench(t.TempDir())
		b.input("{}\n")
		attempts := []string{"a1", "a2"}
		if want != nil {
			attempts = []string{"a2", "a1"}
		}
		for _, a := range attempts {
			b.part(0, a, ok(a), "")
		}
		b.lines(0, 0, ok("lines"))
		b.publish(t)
		got := folder(t, b.out())
		delete(got, record.ManifestName) // names another folder's input
		if want != nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		want = got
	}
	if want["part-00000-of-00001.aaaaaaaa.jsonl"] != ok("a1") {
		t.Errorf("%v", want)
	}
}

func TestVerdicts(t *testing.T) {
	limit := func(n int64) *job.Tolerance { return &job.Tolerance{Count: n} }
	for _, c := range []struct {
		name  string
		limit *job.Tolerance
		fill  func(b *bench)
		state record.State
		none  bool
	}{
		{"no shards", nil, func(*bench) {}, record.Succeeded, false},
		{"empty shards", limit(0), func(b *bench) { b.input(""); b.input("") }, record.Succeeded, false},
		{"parts over the limit", limit(0), func(b *bench) { b.input("{}\n{}\n"); b.part(0, "a1", ok("a"), "{}\n") }, record.Failed, true},
		{"lines over the limit", limit(0), func(b *bench) { b.input("{}\n{}\n"); b.lines(0, 0, ok("a")+failure("b")) }, record.Failed, true},
		{"parts within it", limit(1), func(b *bench) { b.input("{}\n{}\n"); b.part(0, "a1", ok("a"), "{}\n") }, record.Succeeded, false},
		{"lines within it", limit(1), func(b *bench) { b.input("{}\n{}\n"); b.lines(0, 0, ok("a")+failure("b")) }, record.Succeeded, false},
		{"skipped with limit", limit(9), func(b *bench) { b.input("{}\n{}\n"); b.lines(0, 0, ok("a")) }, record.Failed, true},
		{"skipped shard", nil, func(b *bench) { b.input("{}\n"); b.input("{}\n"); b.part(0, "a1", ok("a"), "") }, record.Partial, false},
		{"nothing scored", nil, func(b *bench) { b.input("{}\n{}\n") }, record.Failed, true},
		{"only failures", nil, func(b *bench) { b.input("{}\n"); b.lines(0, 0, failure("a")) }, record.Failed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.src.Job.Limits.FailedRecords = c.limit
			c.fill(b)
			m, v, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
			if err != nil || v.State != c.state || (m == nil) != c.none || (v.Reason != "") != (c.state == record.Failed) {
				t.Fatalf("%v, %+v, %v", m, v, err)
			}
			if c.none && folder(t, b.out()) != nil {
				t.Errorf("left: %v", folder(t, b.out()))
			}
			m, v, err = collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{Always: true})
			if err != nil || v.State != c.state || m == nil || m.State != c.state {
				t.Fatalf("always: %v, %+v, %v", m, v, err)
			}
			must(collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination))
			verified(t, b.out())
		})
	}
}

// A failed run takes nothing from the result that stands there.
func TestFailedLeavesTheOldResult(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n{}\n")
	b.part(0, "a1", ok("a")+ok("b"), "")
	b.publish(t)
	want := folder(t, b.out())
	b.src.Run, b.src.Pieces = runB, nil
	b.src.Job.Limits.FailedRecords = &job.Tolerance{}
	b.lines(0, 0, ok("a")+failure("b"))
	if m, v, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{}); err != nil || m != nil || v.State != record.Failed {
		t.Fatalf("%v, %+v, %v", m, v, err)
	}
	if got := folder(t, b.out()); !reflect.DeepEqual(got, want) {
		t.Errorf("left: %v", got)
	}
}

func TestCountsSkippedShards(t *testing.T) {
	for _, c := range []struct {
		name   string
		format job.Format
		header bool
		body   string
		want   int64
	}{
		{"jsonl", job.JSONL, true, "{}\n{}\n{}", 3},
		{"csv with header", job.CSV, true, "a,b\n1,2\n3,4\n", 2},
		{"csv without", job.CSV, false, "1,2\n3,4\n", 2},
		{"quoted newlines", job.CSV, true, "\"a\n\",b\n\"1\n2\",2\n\"\n\n\",\"\"\"\n\"\n", 2},
		{"header only", job.CSV, true, "a,b\n", 0},
		{"empty", job.CSV, true, "", 0},
		{"more than a block", job.JSONL, true, strings.Repeat("{}\n", 1000), 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.src.Format, b.src.Job.Input.CSV.Header = c.format, c.header
			b.input(c.body)
			b.input(c.body)
			b.part(1, "a1", ok("a"), "")
			m := b.publish(t)
			s := m.Shards[0]
			if s.Counts != (record.Counts{In: c.want, Skipped: c.want}) {
				t.Errorf("%+v", s.Counts)
			}
			if c.want > 0 && !reflect.DeepEqual(s.SkippedRows, [][2]int64{{0, c.want - 1}}) || c.want == 0 && s.SkippedRows != nil {
				t.Errorf("skipped: %v", s.SkippedRows)
			}
		})
	}
}

func TestInputIsGone(t *testing.T) {
	b := newBench(t.TempDir())
	b.input("{}\n")
	must(os.Remove(filepath.Join(b.dir, "in", "00")))
	if m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{}); err == nil || m != nil {
		t.Error(m)
	}
}
