package collect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/parquet"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/core/verify"
)

// fate is what became of a row in one run.
type fate int

const (
	scored fate = iota
	refused
	passed // nobody answered it
)

// column types of all kinds that a result may have.
var mendColumns = record.Columns{
	Keys: 2, KeyTypes: []string{"int64", ""}, Keep: []string{"k.d", "note"}, KeepTypes: []string{"", "double"},
	Outputs: []record.Output{
		{Name: "y", Type: "float32"}, {Name: "v", Type: "float64", Width: 2, Depth: 1}, {Name: "n", Type: "uint64"}, {Name: "label", Type: "string"},
		{Name: "p.m", Type: "float32", Map: true}, {Name: "any", Depth: -1}, {Name: "deep", Type: "int64", Depth: 2},
	},
}

// answer is the scorer's line of a row, in which everything is awkward.
func answer(shard int, row int64, f fate, run string) string {
	key := fmt.Sprintf(`[%d,"%d,\"ü\n"]`, row*1_000_000_007, shard)
	if f == refused {
		return fmt.Sprintf(`{"key":%s,"error":{"code":"model_error","message":%q}}`, strings.ReplaceAll(key, "\n", `\n`), "no, in "+run) + "\n"
	}
	floats := []string{"1.5", `"NaN"`, `"-Infinity"`, "3.4028235e+38", "0.1", "-0"}
	notes := []string{"null", "2.5", "1e+300"}
	return strings.ReplaceAll(fmt.Sprintf(`{"key":%s,"k.d":%s,"note":%s,"prediction":{"y":%s,"v":[%s,%d],"n":%d,"label":%q,"p.m":{"a\"b":%s,"":1},"any":%s,"deep":%s}}`,
		key, []string{"null", `"x,y"`, `"{}"`, `""`}[row%4], notes[row%3], floats[row%6], floats[(row+1)%6], row, uint64(18446744073709551615)-uint64(row), fmt.Sprint("é\n,", row),
		floats[(row+2)%6], []string{`[[1],[2,3]]`, `"t"`, `{"a":[1]}`}[row%3], []string{`[[1],[],[2,-3]]`, `[]`}[row%2]), "\n", `\n`) + "\n"
}

// mended is a published result as far as no name of a run stands in it.
type mended struct {
	shards  []string // parts, unpacked, and what failed
	skipped string
	counts  []record.Counts
	state   record.State
}

func readMended(t interface{ Fatal(args ...any) }, dir string) mended {
	m, findings, err := verify.Result(context.Background(), os.DirFS(dir))
	if err != nil || len(findings) > 0 {
		t.Fatal("verify: ", findings, err)
	}
	out := mended{state: m.State}
	for _, s := range m.Shards {
		out.counts = append(out.counts, s.Counts)
		out.skipped += fmt.Sprint(s.SkippedRows)
		body, err := os.ReadFile(filepath.Join(dir, s.Part.Name))
		must(err)
		if m.Format == "parquet" {
			out.shards = append(out.shards, rowsText(body))
		} else {
			compression, _ := compress.Of(s.Part.Name)
			z, err := compress.NewReader(bytes.NewReader(body), compression)
			must(err)
			body, err = io.ReadAll(z)
			must(errors.Join(err, z.Close()))
			out.shards = append(out.shards, string(body))
		}
		failed := ""
		if s.FailedPart != nil {
			body, err := os.ReadFile(filepath.Join(dir, s.FailedPart.Name))
			must(err)
			failed = string(body)
		}
		out.shards = append(out.shards, failed)
	}
	return out
}

// rowsText is all that a Parquet file holds, as text.
func rowsText(body []byte) string {
	f, err := parquet.Open(bytes.NewReader(body), int64(len(body)))
	must(err)
	fields := f.Fields()
	r, err := f.NewReader(fields, 0)
	must(err)
	defer func() { _ = r.Close() }()
	var out []byte
	var rows parquet.Rows
	values := make([]record.Value, len(fields))
	for {
		err := r.Next(&rows, 100)
		if errors.Is(err, io.EOF) {
			return string(out)
		}
		must(err)
		for i := range rows.Len() {
			if fail := rows.Values(i, values); fail != nil {
				panic(fail)
			}
			for n, v := range values {
				out = fmt.Appendf(out, "%s=%d:", fields[n], v.Kind)
				out = append(record.AppendJSON(out, v), ' ')
			}
			out = append(out, '\n')
		}
	}
}

// TestMended: whatever fails and is skipped in a run and in the one that tries that
// again, and however the second answers, the merged result is the one of a single run
// to which everything happened at once.
func TestMended(t *testing.T) {
	type form struct {
		format      job.Format
		compression string
	}
	forms := []form{{job.JSONL, "none"}, {job.JSONL, "zstd"}, {job.CSV, "none"}, {job.CSV, "gzip"}, {job.Parquet, "zstd"}, {job.Parquet, "snappy"}}
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "mend-")
		must(err)
		defer os.RemoveAll(dir)
		f := rapid.SampledFrom(forms).Draw(t, "form")
		b := newBench(dir)
		b.src.Job.Output.Format, b.src.Job.Output.Compression = f.format, f.compression
		b.src.Job.Input.Key = []string{"a", "b"}
		b.src.Job.Output.Keep = []job.Rename{{Name: "k.d", Field: "x"}, {Name: "note", Field: "y"}}
		b.src.Made.Outputs, b.src.Made.Columns = mendColumns.Outputs, mendColumns.Table()
		mend(t, b)
	})
}

func mend(t *rapid.T, b *bench) {
	draw := func(name string) fate { return fate(rapid.IntRange(0, 2).Draw(t, name)) }
	shards := rapid.IntRange(1, 3).Draw(t, "shards")
	first, second := make([][]fate, shards), make([][]fate, shards)
	for i := range shards {
		for range rapid.IntRange(0, 25).Draw(t, "rows") {
			first[i] = append(first[i], draw("first"))
			second[i] = append(second[i], draw("second"))
		}
		b.input(strings.Repeat("{}\n", len(first[i])))
	}
	empty := b.src
	publish := func(src collect.Source) (*record.Manifest, bool) {
		m, v, err := collect.Parts(context.Background(), storage.OpenLocal, src, collect.Options{Always: true})
		if err != nil || m == nil {
			t.Fatal(v, err)
		}
		must(collect.Commit(context.Background(), storage.OpenLocal, m, src.Job.Output.Destination))
		return m, v.Counts.Left() > 0
	}
	b.src.Run = runA
	for i := range shards {
		gappy(b, i, first[i], "one")
	}
	old, left := publish(b.src)
	if !left {
		return
	}
	rows, err := collect.Left(context.Background(), storage.OpenLocal, b.src.Job.Output.Destination, old)
	must(err)
	wantRows(t, rows, first)

	// The second run, over what the first left.
	again := empty
	again.Run, again.Pieces = runB, nil
	again.Base = &collect.Base{Folder: again.Job.Output.Destination, Manifest: old, Rows: rows}
	b.src = again
	for _, r := range rows {
		b.tryAgain(t, r.Shard, chosen(r.Rows), second[r.Shard])
	}
	m, _ := publish(b.src)
	must(collect.Clean(context.Background(), storage.OpenLocal, b.src.Job.Output.Destination, old.Files(), m))
	if m.Retried != runA || m.Run != runB {
		t.Fatalf("run %s mends %q", m.Run, m.Retried)
	}

	// One run to which all of it happened.
	b.src = empty
	b.src.Job.Output.Destination = storage.FileURI(filepath.Join(b.dir, "once")) + "/"
	b.src.Run, b.src.Pieces = runB, nil
	for i := range shards {
		var final []fate
		var text []string
		for row, f := range first[i] {
			run := "one"
			if f != scored && second[i][row] != passed {
				f, run = second[i][row], "two"
			}
			final = append(final, f)
			text = append(text, answer(i, int64(row), f, run))
		}
		gappyText(b, i, final, text)
	}
	publish(b.src)
	got, want := readMended(t, b.out()), readMended(t, filepath.Join(b.dir, "once"))
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func chosen(r record.Rows) (rows []int64) {
	for c := r.Cursor(); ; {
		row, ok := c.Next()
		if !ok {
			return rows
		}
		rows = append(rows, row)
	}
}

func wantRows(t *rapid.T, rows []provider.Rows, first [][]fate) {
	var got, want []string
	for _, r := range rows {
		for _, row := range chosen(r.Rows) {
			got = append(got, fmt.Sprint(r.Shard, " ", row))
		}
	}
	for i, fates := range first {
		for row, f := range fates {
			if f != scored {
				want = append(want, fmt.Sprint(i, " ", row))
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("left are %v, want %v", got, want)
	}
}

// gappy adds the lines of a shard: those that nobody answered are missing.
func gappy(b *bench, shard int, fates []fate, run string) {
	var text []string
	for row, f := range fates {
		text = append(text, answer(shard, int64(row), f, run))
	}
	gappyText(b, shard, fates, text)
}

func gappyText(b *bench, shard int, fates []fate, text []string) {
	var body strings.Builder
	n := int64(0)
	for row, f := range fates {
		if f != passed {
			body.Write(mapping.AppendIdentity(nil, []byte(text[row]), shard, int64(row)))
			n++
		}
	}
	l := b.lines(shard, 0, body.String())
	l.Made, l.Records, l.Last, l.Sparse = b.src.Made, n, true, &provider.Sparse{Rows: int64(len(fates))}
}

// tryAgain answers rows in one of the ways in which providers do. It changes the fates
// that cannot be in that way.
func (b *bench) tryAgain(t *rapid.T, shard int, rows []int64, fates []fate) {
	if rapid.Bool().Draw(t, "one part") { // of our scorer, which leaves none out
		var ok, failed string
		for _, row := range rows {
			fates[row] = min(fates[row], refused)
			line := answer(shard, row, fates[row], "two")
			if fates[row] == scored {
				ok += line
				continue
			}
			e, _, err := record.NewErrorReader().Read([]byte(line))
			must(err)
			failed += string(record.AppendFailed(nil, e, shard, row))
		}
		b.part(shard, "again", ok, failed).Made = b.src.Made
		return
	}
	if rapid.Bool().Draw(t, "any order") { // as of a service that promises none
		var body strings.Builder
		n := int64(0)
		for _, row := range rows {
			if fates[row] != passed {
				body.Write(mapping.AppendIdentity(nil, []byte(answer(shard, row, fates[row], "two")), shard, row))
				n++
			}
		}
		l := b.lines(shard, 0, body.String())
		l.Made, l.Records, l.Last, l.Sparse = b.src.Made, n, true, &provider.Sparse{Rows: rows[len(rows)-1] + 1}
		return
	}
	for len(rows) > 0 { // pieces, of which some are missing
		n := rapid.IntRange(1, len(rows)).Draw(t, "piece")
		piece := rows[:n]
		rows = rows[n:]
		gone := slices.ContainsFunc(piece, func(row int64) bool { return fates[row] == passed })
		if gone {
			for _, row := range piece {
				fates[row] = passed
			}
			continue
		}
		var body string
		var w record.RowsWriter
		for _, row := range piece {
			body += answer(shard, row, fates[row], "two")
			must(w.Add(row, row))
		}
		l := b.lines(shard, piece[0], body)
		l.Made, l.Records, l.Last = b.src.Made, int64(n), len(rows) == 0
		if ranges := w.Rows().Ranges(); len(ranges) > 1 {
			l.Rows = ranges
		}
	}
}

// A base that is not what its manifest says is mended by nobody: it is a conflict, and
// nothing is published.
func TestDamagedBase(t *testing.T) {
	for name, spoil := range map[string]func(b *bench, m *record.Manifest){
		"a changed part":          func(b *bench, m *record.Manifest) { b.save(b.named(m.Shards[0].Part), ok("x")) },
		"a part of the same size": func(b *bench, m *record.Manifest) { b.save(b.named(m.Shards[0].Part), ok("A")) },
		"a part that is gone":     func(b *bench, m *record.Manifest) { must(os.Remove(b.named(m.Shards[0].Part))) },
		"a longer part":           func(b *bench, m *record.Manifest) { b.save(b.named(m.Shards[0].Part), ok("a")+ok("b")) },
		"no failed records":       func(b *bench, m *record.Manifest) { b.save(b.named(*m.Shards[0].FailedPart), "") },
		"failed records of others": func(b *bench, m *record.Manifest) {
			b.save(b.named(*m.Shards[0].FailedPart), `{"shard":1,"row":1}`+"\n")
		},
		"a changed part that is kept":  func(b *bench, m *record.Manifest) { b.save(b.named(m.Shards[1].Part), ok("B")) },
		"a part that is kept and gone": func(b *bench, m *record.Manifest) { must(os.Remove(b.named(m.Shards[1].Part))) },
		"a name that leads elsewhere":  func(_ *bench, m *record.Manifest) { m.Shards[1].Part.Name = "../" + m.Shards[1].Part.Name },
		"another fingerprint":          func(_ *bench, m *record.Manifest) { m.Fingerprint = "other" },
		"other columns":                func(_ *bench, m *record.Manifest) { m.Columns = m.Columns[1:] },
		"fewer shards":                 func(_ *bench, m *record.Manifest) { m.Shards = m.Shards[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t.TempDir())
			b.input("{}\n{}\n")
			b.input("{}\n")
			b.lines(0, 0, ok("a")+failure("b")).Records = 2
			b.lines(1, 0, ok("b")).Records = 1
			m := b.publish(t)
			rows, err := collect.Left(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, m)
			if err != nil || len(rows) != 1 || fmt.Sprint(rows[0].Rows.Ranges()) != "[[1 1]]" {
				t.Fatalf("left are %v, %v", rows, err)
			}
			spoil(b, m)
			b.src.Run, b.src.Pieces = runB, nil
			b.src.Base = &collect.Base{Folder: b.src.Job.Output.Destination, Manifest: m, Rows: rows}
			b.lines(0, 1, ok("b")).Records = 1
			got, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{})
			if got != nil || !errors.Is(err, collect.ErrConflict) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// Answers to rows that were not tried again are nobody's.
func TestMendsNoOtherRows(t *testing.T) {
	for name, answer := range map[string]func(b *bench){
		"lines of a row that has a prediction": func(b *bench) { b.lines(0, 0, ok("a")).Records = 1 },
		"a part of fewer rows":                 func(b *bench) { b.part(0, "again", "", "") },
		"a part of more rows":                  func(b *bench) { b.part(0, "again", ok("a")+ok("b"), "") },
		"a part that fails another row":        func(b *bench) { b.part(0, "again", "", `{"shard":0,"row":0}`+"\n") },
	} {
		b := newBench(t.TempDir())
		b.input("{}\n{}\n")
		b.lines(0, 0, ok("a")+failure("b")).Records = 2
		m := b.publish(t)
		rows, err := collect.Left(t.Context(), storage.OpenLocal, b.src.Job.Output.Destination, m)
		must(err)
		b.src.Run, b.src.Pieces = runB, nil
		b.src.Base = &collect.Base{Folder: b.src.Job.Output.Destination, Manifest: m, Rows: rows}
		answer(b)
		if m, _, err := collect.Parts(t.Context(), storage.OpenLocal, b.src, collect.Options{}); m != nil || !errors.Is(err, collect.ErrPiece) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// named is the path of a published object.
func (b *bench) named(f record.File) string { return filepath.Join(b.out(), f.Name) }
