package reorder

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/mapping"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAnyOrder sorts lines that come in any order, some twice and some not at all,
// with so little memory that buckets are split again and again.
func TestAnyOrder(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		var extents []Extent
		type at struct {
			shard int
			row   int64
		}
		var lines []at
		for i := range rapid.IntRange(0, 4).Draw(rt, "shards") {
			e := Extent{Shard: i * 3, Rows: rapid.SampledFrom([]int64{0, 1, 2, 63, 64, 65, 200}).Draw(rt, "rows")}
			extents = append(extents, e)
			for row := range e.Rows {
				lines = append(lines, at{e.Shard, row})
			}
		}
		want := map[int]*strings.Builder{}
		lost := rapid.SampledFrom([]int{0, 3, 50}).Draw(rt, "lost of a hundred")
		var sent []at
		for _, l := range lines {
			if rapid.IntRange(0, 99).Draw(rt, "chance") < lost {
				continue
			}
			if want[l.shard] == nil {
				want[l.shard] = &strings.Builder{}
			}
			fmt.Fprintf(want[l.shard], `{"_cb":"%d:%d","key":%d,"n":1}`+"\n", l.shard, l.row, l.row)
			sent = append(sent, l)
		}
		sent = rapid.Permutation(sent).Draw(rt, "order")
		s := New(dir, rapid.Permutation(extents).Draw(rt, "extents"), rapid.SampledFrom([]int64{1, 100, 2000, 1 << 20}).Draw(rt, "memory"))
		for i, l := range sent {
			if err := s.Add(l.shard, l.row, fmt.Appendf(nil, `{"key":%d,"n":1}`, l.row)); err != nil {
				rt.Fatal(err)
			}
			again := sent[i/2]
			if err := s.Add(again.shard, again.row, []byte("{\"second\":true}\n")); err != nil {
				rt.Fatal(err)
			}
		}
		got, err := s.Finish(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(want) {
			rt.Fatalf("%d shards, want %d", len(got), len(want))
		}
		for _, g := range got {
			text, err := os.ReadFile(g.Path)
			if err != nil {
				rt.Fatal(err)
			}
			if string(text) != want[g.Shard].String() || int(g.Lines) != strings.Count(string(text), "\n") {
				rt.Fatalf("shard %d, %d lines:\n%s", g.Shard, g.Lines, text)
			}
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != len(got) {
			rt.Fatalf("%d files are left of %d shards, %v", len(left), len(got), err)
		}
	})
}

func TestLinesOfNoRecord(t *testing.T) {
	s := New(t.TempDir(), []Extent{{Shard: 2, Rows: 3}}, 0)
	for _, at := range [][2]int64{{1, 0}, {2, 3}, {2, -1}, {3, 0}} {
		if err := s.Add(int(at[0]), at[1], []byte("{}")); !errors.Is(err, ErrUnknown) {
			t.Errorf("%v: %v", at, err)
		}
	}
	for _, line := range []string{"", "\n", "[]"} {
		if err := s.Add(2, 0, []byte(line)); err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", line, err)
		}
	}
	got, err := s.Finish(t.Context())
	if err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// A line as it is given back tells its record, and is the same without that.
func TestIdentity(t *testing.T) {
	s := New(t.TempDir(), []Extent{{Shard: 7, Rows: 1 << 40}}, 0)
	const line = `{"key":null,"prediction":{"y":[1e-7,"é\n"]}}`
	if err := s.Add(7, 1<<40-1, []byte(line)); err != nil {
		t.Fatal(err)
	}
	got, err := s.Finish(t.Context())
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	text, err := os.ReadFile(got[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	left, shard, row, ok := mapping.CutIdentity(text)
	if !ok || shard != 7 || row != 1<<40-1 || string(left) != line+"\n" {
		t.Errorf("%q %d:%d %t", left, shard, row, ok)
	}
}
