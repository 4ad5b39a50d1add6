package collect_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/part"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

func TestLines(t *testing.T) {
	csvHeader := "key,prediction.y,prediction.v_0,prediction.v_1\n"
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name     string
		format   job.Format
		records  int // of the input
		fill     func(b *bench)
		part     string
		failed   string
		counts   record.Counts
		skipped  [][2]int64
		anyOrder bool // of the pieces
	}{
		{
			name: "jsonl", records: 3,
			fill:   func(b *bench) { b.lines(0, 0, ok("a")+failure("b")+ok("c")) },
			part:   ok("a") + ok("c"),
			failed: `{"key":"b","shard":0,"row":1,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 3, OK: 2, Failed: 1},
		},
		{
			name: "csv", format: job.CSV, records: 3,
			fill:   func(b *bench) { b.lines(0, 0, ok("a")+failure("b")+ok("c,d")) },
			part:   csvHeader + "a,1.5,1,2\n\"c,d\",1.5,1,2\n",
			failed: `{"key":"b","shard":0,"row":1,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 3, OK: 2, Failed: 1},
		},
		{
			name: "csv of an empty piece", format: job.CSV,
			fill: func(b *bench) { b.lines(0, 0, "").Last = true },
			part: csvHeader,
		},
		{
			name: "several pieces", records: 4,
			fill: func(b *bench) {
				b.lines(0, 2, ok("c")+ok("d")).Records = 2
				b.lines(0, 0, ok("a"))
				b.lines(0, 1, failure("b")).Records = 1
			},
			part:   ok("a") + ok("c") + ok("d"),
			failed: `{"key":"b","shard":0,"row":1,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 4, OK: 3, Failed: 1},
		},
		{
			name: "gaps", records: 9,
			fill: func(b *bench) {
				b.lines(0, 5, ok("f"))
				b.lines(0, 1, ok("b")+ok("c"))
			},
			part:    ok("b") + ok("c") + ok("f"),
			counts:  record.Counts{In: 9, OK: 3, Skipped: 6},
			skipped: [][2]int64{{0, 0}, {3, 4}, {6, 8}},
		},
		{
			name: "the last one tells the end", records: 1, // as the service counts
			fill: func(b *bench) {
				b.lines(0, 3, ok("d")).Last = true
				b.lines(0, 0, ok("a"))
			},
			part:    ok("a") + ok("d"),
			counts:  record.Counts{In: 4, OK: 2, Skipped: 2},
			skipped: [][2]int64{{1, 2}},
		},
		{
			name: "the last one holds nothing", records: 1,
			fill: func(b *bench) {
				b.lines(0, 3, "").Last = true
				b.lines(0, 0, ok("a"))
			},
			part:    ok("a"),
			counts:  record.Counts{In: 3, OK: 1, Skipped: 2},
			skipped: [][2]int64{{1, 2}},
		},
		{
			name: "overlap", records: 4,
			fill: func(b *bench) {
				b.lines(0, 1, ok("B")+ok("C")+ok("D"))
				b.lines(0, 0, ok("a")+failure("b"))
			},
			part:   ok("a") + ok("C") + ok("D"),
			failed: `{"key":"b","shard":0,"row":1,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 4, OK: 3, Failed: 1},
		},
		{
			name: "an overlap that ends earlier", records: 3,
			fill: func(b *bench) {
				b.lines(0, 0, ok("a")+ok("b")+ok("c"))
				b.lines(0, 1, ok("B"))
			},
			part:   ok("a") + ok("b") + ok("c"),
			counts: record.Counts{In: 3, OK: 3},
		},
		{
			name: "the whole shard twice", records: 1,
			fill: func(b *bench) {
				b.lines(0, 0, ok("first")).Last = true
				b.lines(0, 0, ok("second")).Last = true
			},
			part:   ok("first"),
			counts: record.Counts{In: 1, OK: 1},
		},
		{
			name: "no newline at the end", records: 4,
			fill: func(b *bench) {
				b.lines(0, 0, ok("a")+strings.TrimSuffix(ok("b"), "\n"))
				b.lines(0, 2, ok("c")+strings.TrimSuffix(failure("d"), "\n"))
			},
			part:   ok("a") + ok("b") + ok("c"),
			failed: `{"key":"d","shard":0,"row":3,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 4, OK: 3, Failed: 1},
		},
		{
			name: "long lines", records: 3,
			fill:   func(b *bench) { b.lines(0, 0, ok(long)+failure(long)+ok("c")) },
			part:   ok(long) + ok("c"),
			failed: `{"key":"` + long + `","shard":0,"row":1,"code":"bad_json","message":"no"}` + "\n",
			counts: record.Counts{In: 3, OK: 2, Failed: 1},
		},
		{
			name: "no key", records: 2,
			fill: func(b *bench) {
				b.lines(0, 0, ok("a")+`{"error":{"message":"m","code":"c","more":1}}`+"\n")
			},
			part:   ok("a"),
			failed: `{"key":null,"shard":0,"row":1,"code":"c","message":"m"}` + "\n",
			counts: record.Counts{In: 2, OK: 1, Failed: 1},
		},
		{
			name: "sparse", records: 1, // as the service counts
			fill: func(b *bench) {
				b.sparse(6, at(1, ok("b")), at(2, failure("c")), at(4, ok("e")))
			},
			part:    ok("b") + ok("e"),
			failed:  `{"key":"c","shard":0,"row":2,"code":"bad_json","message":"no"}` + "\n",
			counts:  record.Counts{In: 6, OK: 2, Failed: 1, Skipped: 3},
			skipped: [][2]int64{{0, 0}, {3, 3}, {5, 5}},
		},
		{
			name: "sparse, and whole", records: 2,
			fill:   func(b *bench) { b.sparse(2, at(0, ok("a")), at(1, ok("b"))) },
			part:   ok("a") + ok("b"),
			counts: record.Counts{In: 2, OK: 2},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t.TempDir())
			if c.format != "" {
				b.src.Job.Output.Format = c.format
			}
			b.input(strings.Repeat("{}\n", c.records))
			c.fill(b)
			m := b.publish(t)
			s := m.Shards[0]
			if s.Counts != c.counts || !reflect.DeepEqual(s.SkippedRows, c.skipped) {
				t.Errorf("%+v, skipped %v", s.Counts, s.SkippedRows)
			}
			got := folder(t, b.out())
			if got[s.Part.Name] != c.part {
				t.Errorf("part: %.300q", got[s.Part.Name])
			}
			if (s.FailedPart != nil) != (c.failed != "") {
				t.Fatalf("failed part: %v", s.FailedPart)
			}
			if s.FailedPart != nil && got[s.FailedPart.Name] != c.failed {
				t.Errorf("failed: %.300q", got[s.FailedPart.Name])
			}
		})
	}
}

// at is a line that says which row of the first shard it is of.
func at(row int64, line string) string {
	return string(mapping.AppendIdentity(nil, []byte(line), 0, row))
}

// Lines say which nulls were filled, which is no part of what is published.
func TestFills(t *testing.T) {
	filled := func(fills, line string) string { return string(mapping.AppendFills(nil, []byte(fills))) + line[1:] }
	b := newBench(t.TempDir())
	b.input("{}\n{}\n{}\n{}\n")
	b.input("{}\n{}\n")
	b.lines(0, 0, filled(`{"a":1,"b}\"":2}`, ok("a"))+ok("b")+filled(`{"a":1}`, failure("c"))+filled(`{"a":5}`, ok("d"))).Records = 4
	b.lines(0, 3, filled(`{"a":7}`, ok("D"))) // of a row that is answered already
	l := b.lines(1, 0, strings.ReplaceAll(at(1, filled(`{"c":1}`, ok("e"))), `"0:1"`, `"1:1"`))
	l.Records, l.Last, l.Sparse = 1, true, &provider.Sparse{Rows: 2}
	m := b.publish(t)
	if want := map[string]int64{"a": 7, `b}"`: 2, "c": 1}; !reflect.DeepEqual(m.Fills, want) {
		t.Errorf("%v, want %v", m.Fills, want)
	}
	got := folder(t, b.out())
	if got[m.Shards[0].Part.Name] != ok("a")+ok("b")+ok("d") || got[m.Shards[1].Part.Name] != ok("e") {
		t.Errorf("%q", got)
	}
}

// sparse adds lines of the first shard, of so many rows.
func (b *bench) sparse(rows int64, lines ...string) *provider.Lines {
	l := b.lines(0, 0, strings.Join(lines, ""))
	l.Records, l.Last, l.Sparse = int64(len(lines)), true, &provider.Sparse{Rows: rows}
	return l
}

func TestLinesRefuses(t *testing.T) {
	for name, fill := range map[string]func(b *bench){
		"no JSON":              func(b *bench) { b.lines(0, 0, ok("a")+"oops\n") },
		"cut off":              func(b *bench) { b.lines(0, 0, ok("a")+ok("b")[:20]) },
		"blank":                func(b *bench) { b.lines(0, 0, ok("a")+"\n") },
		"no object":            func(b *bench) { b.lines(0, 0, "[]\n") },
		"neither":              func(b *bench) { b.lines(0, 0, `{"key":"a"}`+"\n") },
		"error without code":   func(b *bench) { b.lines(0, 0, `{"key":"a","error":{"message":"m"}}`+"\n") },
		"error of other types": func(b *bench) { b.lines(0, 0, `{"key":"a","error":{"code":1,"message":[]}}`+"\n") },
		"more than announced":  func(b *bench) { b.lines(0, 0, ok("a")+ok("b")).Records = 1 },
		"fewer than announced": func(b *bench) { b.lines(0, 0, ok("a")).Records = 2 },
		"more than the shard":  func(b *bench) { b.lines(0, 1, ok("a")+ok("b")) },
		"beyond the shard":     func(b *bench) { b.lines(0, 5, ok("a")) },
		"row below zero":       func(b *bench) { b.lines(0, -1, ok("a")) },
		"announced below zero": func(b *bench) { b.lines(0, 0, ok("a")).Records = -1 },
		"shard that is absent": func(b *bench) { b.lines(1, 0, ok("a")) },
		"beyond the last": func(b *bench) {
			b.lines(0, 0, ok("a")).Last = true
			b.lines(0, 1, ok("b"))
		},
		"across the last": func(b *bench) {
			b.lines(0, 0, ok("a")+ok("b")+ok("c"))
			b.lines(0, 1, ok("b")).Last = true
		},
		"a whole shard with too few":   func(b *bench) { b.lines(0, 0, ok("a")).Last = true },
		"fills that are none":          func(b *bench) { b.lines(0, 0, `{"_cb_fills":[],`+ok("a")[1:]) },
		"fills below zero":             func(b *bench) { b.lines(0, 0, `{"_cb_fills":{"a":-1},`+ok("a")[1:]) },
		"fills alone":                  func(b *bench) { b.lines(0, 0, `{"_cb_fills":{"a":1}}`+"\n") },
		"sparse without an identity":   func(b *bench) { b.sparse(2, ok("a")) },
		"sparse of another shard":      func(b *bench) { b.sparse(2, strings.Replace(at(0, ok("a")), `"0:0"`, `"1:0"`, 1)) },
		"sparse out of order":          func(b *bench) { b.sparse(2, at(1, ok("b")), at(0, ok("a"))) },
		"sparse twice":                 func(b *bench) { b.sparse(2, at(1, ok("b")), at(1, ok("b"))) },
		"sparse beyond the shard":      func(b *bench) { b.sparse(2, at(2, ok("c"))) },
		"sparse with too many":         func(b *bench) { b.sparse(1, at(0, ok("a")), at(1, ok("b"))) },
		"sparse from within":           func(b *bench) { b.sparse(2, at(1, ok("b"))).First = 1 },
		"sparse, fewer than announced": func(b *bench) { b.sparse(2, at(1, ok("b"))).Records = 2 },
		"another width": func(b *bench) {
			b.src.Job.Output.Format = job.CSV
			b.lines(0, 0, `{"key":"a","prediction":{"y":1,"v":[1,2,3]}}`+"\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.input("{}\n{}\n")
			fill(b)
			m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
			if !errors.Is(err, collect.ErrPiece) || m != nil || len(folder(t, b.out())) > 0 {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
}

// A scorer that is told neither shard nor row leaves the key of a record without
// one to whoever knows both.
func TestKeysOfRecordsWithoutOne(t *testing.T) {
	line := func(key string) string { return `{"key":` + key + `,"prediction":{"y":1.5,"v":[1,2]}}` + "\n" }
	failed := `{"key":null,"error":{"code":"bad_json","message":"no"}}` + "\n"
	for name, c := range map[string]struct {
		key          []string
		part, failed string
	}{
		"without": {nil, line(`"1:0"`) + line(`"of its own"`), `{"key":"1:1","shard":1,"row":1,"code":"bad_json","message":"no"}` + "\n"},
		"with":    {[]string{"id"}, line("null") + line(`"of its own"`), `{"key":null,"shard":1,"row":1,"code":"bad_json","message":"no"}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.src.Job.Input.Key = c.key
			b.input("")
			b.input("{}\n{}\n{}\n")
			b.lines(1, 0, line("null")+failed+line(`"of its own"`)).Last = true
			m := b.publish(t)
			got, s := folder(t, b.out()), m.Shards[1]
			if got[s.Part.Name] != c.part || got[s.FailedPart.Name] != c.failed {
				t.Errorf("%s%s", got[s.Part.Name], got[s.FailedPart.Name])
			}
		})
	}
}

// Records that nobody answered are counted in Parquet, too.
func TestSkippedRowsOfParquet(t *testing.T) {
	b := newBench(t.TempDir())
	e, err := part.NewEncoder(part.Layout{Format: job.Parquet, Compression: job.CompressionZstd, Columns: record.Columns{Outputs: []record.Output{{Name: "y", Type: "float32"}}}})
	must(err)
	head, err := e.Head()
	must(err)
	must(e.Append([]byte(strings.Repeat(`{"key":"a","prediction":{"y":1.5}}`+"\n", 3))))
	chunk, note, err := e.Flush(nil)
	must(err)
	tail, err := e.Tail(int64(len(head)+len(chunk)), [][]byte{note})
	must(err)
	b.src.Format = job.Parquet
	b.input(string(head) + string(chunk) + string(tail))
	b.input("")
	_, v, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
	if err != nil || v.Counts != (record.Counts{In: 3, Skipped: 3}) {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestPreview(t *testing.T) {
	three := "{}\n{}\n{}\n"
	for _, c := range []struct {
		name  string
		limit int64
		fill  func(b *bench)
		want  []record.Counts
	}{
		{"within the first", 2, func(b *bench) { b.lines(0, 0, ok("a")+ok("b")+ok("c")) }, []record.Counts{{In: 2, OK: 2}, {}}},
		{"all of the first", 3, func(b *bench) { b.lines(0, 0, ok("a")+ok("b")+ok("c")).Last = true }, []record.Counts{{In: 3, OK: 3}, {}}},
		{
			"into the second", 4,
			func(b *bench) { b.lines(1, 0, ok("d")+ok("e")); b.lines(0, 0, ok("a")+ok("b")+ok("c")) },
			[]record.Counts{{In: 3, OK: 3}, {In: 1, OK: 1}},
		},
		{"skipped", 4, func(b *bench) { b.lines(0, 0, ok("a")) }, []record.Counts{{In: 3, OK: 1, Skipped: 2}, {In: 1, Skipped: 1}}},
		{"parts", 4, func(b *bench) { b.part(0, "a1", ok("a")+ok("b")+ok("c"), "") }, []record.Counts{{In: 3, OK: 3}, {In: 1, Skipped: 1}}},
		{"more than there is", 9, func(b *bench) { b.lines(0, 0, ok("a")+ok("b")+ok("c")) }, []record.Counts{{In: 3, OK: 3}, {In: 3, Skipped: 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.src.Job.Input.Limit = c.limit
			b.input(three)
			b.input(three)
			c.fill(b)
			m := b.publish(t)
			for i, want := range c.want {
				if m.Shards[i].Counts != want {
					t.Errorf("shard %d: %+v, want %+v", i, m.Shards[i].Counts, want)
				}
			}
		})
	}
}

// What is published depends on the pieces, not on their order nor on who is
// first of the goroutines.
func TestSameBytes(t *testing.T) {
	b := newBench(t.TempDir())
	b.src.Job.Output.Format = job.CSV
	for i := range 12 {
		b.input(strings.Repeat("{}\n", 5))
		switch i % 4 {
		case 0:
			b.part(i, "a1", ok("a")+ok("b")+ok("c")+ok("d"), "{}\n")
			b.part(i, "a2", ok("A")+ok("b")+ok("c")+ok("d")+ok("e"), "")
		case 1:
			b.lines(i, 2, ok("c")+failure("d"))
			b.lines(i, 0, ok("a")+ok("b"))
			b.lines(i, 1, ok("B")+ok("C")+ok("D"))
		case 2:
			for _, first := range []string{"a", "A"} {
				l := b.lines(i, 0, ok(first)+ok("b"))
				l.Last, l.Records = true, 2
			}
		}
	}
	var want map[string]string
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 4 {
		if n%2 == 0 { // else over what is there
			must(collect.Clean(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, keys(want), nil))
		}
		steps := 0
		progress := int64(0)
		m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{
			Step:     func(string) { steps++ },
			Progress: func(done, all int64) { progress = done*100 + all },
		})
		if err != nil {
			t.Fatal(err)
		}
		must(collect.Commit(t.Context(), storage.OpenLocal, m, b.src.Job.Output.Destination))
		got := folder(t, b.out())
		if want != nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("time %d differs", n)
		}
		if steps != 2*(len(got)-1) || progress != 1212 {
			t.Errorf("%d steps, %d progress", steps, progress)
		}
		want = got
		r.Shuffle(len(b.src.Pieces), func(i, k int) { b.src.Pieces[i], b.src.Pieces[k] = b.src.Pieces[k], b.src.Pieces[i] })
	}
	if len(want) != 12+1+3 {
		t.Errorf("%d files", len(want))
	}
}

func keys(m map[string]string) (names []string) {
	for n := range m {
		names = append(names, n)
	}
	return names
}

func ExampleJudge() {
	state, reason := collect.Judge(&job.Tolerance{Count: 1}, record.Counts{In: 10, OK: 8, Failed: 2})
	fmt.Println(state, reason)
	// Output: failed 2 of 10 records failed, failed_records allows 1
}
