package record_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/record"
)

// chunks hands out its text in pieces of the given sizes, over and over.
type chunks struct {
	rest  string
	sizes []int
	turn  int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.rest == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.sizes[c.turn%len(c.sizes)])], c.rest)
	c.rest = c.rest[n:]
	c.turn++
	return n, nil
}

var formats = rapid.SampledFrom([]record.Format{record.JSONL, record.CSV})

func drawLimits(t *rapid.T) record.Limits {
	return record.Limits{
		Records: rapid.IntRange(1, 5).Draw(t, "records"),
		Bytes:   rapid.IntRange(1, 40).Draw(t, "bytes"),
		Record:  rapid.IntRange(1, 20).Draw(t, "record"),
	}
}

// Blocks, rows and failures depend on the bytes and the limits alone. The text
// is made of what the splitter looks at, so that broken quotes, over-long lines
// and blank ones all occur.
func TestSplitChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom([]byte("ab ,\"\"\r\n\n")), 0, 120).Draw(t, "text"))
		if rapid.Bool().Draw(t, "mark") {
			text = "\ufeff" + text
		}
		format, lim := formats.Draw(t, "format"), drawLimits(t)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 30), 1, 5).Draw(t, "sizes")
		whole, err := blocks(record.NewSplitter(strings.NewReader(text), format, ',', lim), lim)
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{
			"chunks":       &chunks{rest: text, sizes: sizes},
			"data and EOF": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := blocks(record.NewSplitter(r, format, ',', lim), lim)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d := cmp.Diff(whole, got); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
		// How many records a block may hold changes the blocks, never the records.
		wide := record.Limits{Records: 1 << 10, Bytes: 1 << 20, Record: lim.Record}
		one, err := blocks(record.NewSplitter(strings.NewReader(text), format, ',', wide), wide)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(flat(one), flat(whole)); d != "" {
			t.Errorf("one block: %s", d)
		}
	})
}

// JSONL records are the lines that are not blank, whatever stands in them.
func TestSplitLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom([]byte("ab ,\"\t\r\n\n")), 0, 120).Draw(t, "text"))
		lim := drawLimits(t)
		var want []piece
		for line := range strings.Lines(text) {
			p := piece{Row: int64(len(want)), Text: line}
			if len(line) > lim.Record {
				p.Text, p.Code = line[:lim.Record], record.TooLong
			}
			if p.Code != "" || len(bytes.TrimSpace([]byte(line))) > 0 {
				want = append(want, p)
			}
		}
		got, err := blocks(record.NewSplitter(strings.NewReader(text), record.JSONL, ',', lim), lim)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, flat(got)); d != "" {
			t.Error(d)
		}
	})
}

// Rows that were written as CSV come back whole, lines in quotes included.
func TestSplitRows(t *testing.T) {
	cell := rapid.StringOfN(rapid.SampledFrom([]rune("ab ,\"\r\né")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		var want []piece
		var text []byte
		for i, cells := range rapid.SliceOfN(rapid.SliceOfN(cell, 1, 4), 0, 8).Draw(t, "rows") {
			from := len(text)
			for k, c := range cells {
				if k > 0 {
					text = append(text, ',')
				}
				text = record.AppendCell(text, []byte(c))
			}
			text = append(text, rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")...)
			want = append(want, piece{Row: int64(i), Text: string(text[from:])})
			text = append(text, rapid.SampledFrom([]string{"", "\n", "\r\n"}).Draw(t, "blank")...)
		}
		lim := record.Limits{Records: 3, Bytes: 50, Record: 1 << 10}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 30), 1, 5).Draw(t, "sizes")
		got, err := blocks(record.NewSplitter(&chunks{rest: string(text), sizes: sizes}, record.CSV, ',', lim), lim)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, flat(got)); d != "" {
			t.Error(d)
		}
	})
}

// Objects far larger than one read: records that span reads, over-long ones of
// many reads, and more blank lines than a block has bytes.
func TestSplitLarge(t *testing.T) {
	const kib = 1 << 10
	lim := record.Limits{Records: 4, Bytes: 300 * kib, Record: 200 * kib}
	a, b, c := strings.Repeat("a", 150*kib)+"\n", strings.Repeat("b", 900*kib), strings.Repeat("c", 199*kib)+"\n"
	text := a + b + "\n" + strings.Repeat("\n", 700*kib) + c + a + "last\n" + b
	long := b[:kib] // of a record over the limit only the start is kept
	want := []piece{{0, a, ""}, {1, long, record.TooLong}, {2, c, ""}, {3, a, ""}, {4, "last\n", ""}, {5, long, record.TooLong}}
	for _, format := range []record.Format{record.JSONL, record.CSV} {
		for _, size := range []int{1 * kib, 100_003, 1 << 20} {
			got, err := blocks(record.NewSplitter(&chunks{rest: text, sizes: []int{size}}, format, ',', lim), lim)
			if err != nil {
				t.Fatal(err)
			}
			if all := flat(got); !cmp.Equal(want, all) { // a diff of these would fill the screen
				t.Errorf("format %d, reads of %d: %d records, want %d, or they differ", format, size, len(all), len(want))
			}
		}
	}
}
