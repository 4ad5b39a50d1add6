package record_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

// piece is a record as it was cut out: its text, or the code of its failure.
type piece struct {
	Row  int64
	Text string
	Code record.Code
}

// blocks reads an object to its end and checks what holds for every block.
func blocks(s *record.Splitter, lim record.Limits) ([][]piece, error) {
	var all [][]piece
	var b record.Block
	row := int64(0)
	for {
		err := s.Next(&b)
		if errors.Is(err, io.EOF) {
			if err = s.Next(&b); !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("after the end: %w", err)
			}
			return all, nil
		}
		if err != nil {
			return all, err
		}
		var block []piece
		if len(b.Records) == 0 || len(b.Records) > lim.Records || b.First != row {
			return nil, fmt.Errorf("block of %d records from row %d, want row %d", len(b.Records), b.First, row)
		}
		if len(b.Data) > lim.Bytes+lim.Record { // memory stays flat, over blank lines too
			return nil, fmt.Errorf("block of %d bytes", len(b.Data))
		}
		end := 0
		for i, r := range b.Records {
			if r.Start < end || r.End < r.Start || r.End > len(b.Data) {
				return nil, fmt.Errorf("record %d stands at %d..%d, the one before ends at %d", i, r.Start, r.End, end)
			}
			if i > 0 && r.Start >= lim.Bytes {
				return nil, fmt.Errorf("record %d begins at %d, over the block's %d bytes", i, r.Start, lim.Bytes)
			}
			end = r.End
			p := piece{Row: b.First + int64(i), Text: string(b.Data[r.Start:r.End])}
			if r.Failure != nil {
				p.Code = r.Failure.Code
			}
			block = append(block, p)
		}
		row += int64(len(block))
		all = append(all, block)
	}
}

func flat(blocks [][]piece) []piece {
	var all []piece
	for _, b := range blocks {
		all = append(all, b...)
	}
	return all
}

func TestSplit(t *testing.T) {
	const long = record.TooLong
	const bad = record.Malformed
	for _, tt := range []struct {
		name   string
		format record.Format
		record int // limit
		text   string
		want   []piece
	}{
		{"empty", record.JSONL, 99, "", nil},
		{"blank lines", record.JSONL, 99, "\n \t\r\n1\n\n2\n\r\n", []piece{{0, "1\n", ""}, {1, "2\n", ""}}},
		{"nothing but blank", record.JSONL, 99, "\n\n  \n ", nil},
		{"no last newline", record.JSONL, 99, "1\n2", []piece{{0, "1\n", ""}, {1, "2", ""}}},
		{"byte order mark", record.JSONL, 99, "\ufeff1\n", []piece{{0, "1\n", ""}}},
		{"byte order mark alone", record.JSONL, 99, "\ufeff", nil},
		{"half a byte order mark", record.JSONL, 99, "\xef\xbb", []piece{{0, "\xef\xbb", ""}}},
		{"a second mark is data", record.JSONL, 99, "\ufeff\ufeff\n", []piece{{0, "\ufeff\n", ""}}},
		{"a mark further on is data", record.JSONL, 99, "1\n\ufeff2\n", []piece{{0, "1\n", ""}, {1, "\ufeff2\n", ""}}},
		{"quotes mean nothing in JSONL", record.JSONL, 99, "\"\n\"\n", []piece{{0, "\"\n", ""}, {1, "\"\n", ""}}},
		{"at the limit", record.JSONL, 4, "abc\nabcd\nx\n", []piece{{0, "abc\n", ""}, {1, "abcd", long}, {2, "x\n", ""}}},
		{"long without newline", record.JSONL, 4, "1\nabcdefgh", []piece{{0, "1\n", ""}, {1, "abcd", long}}},
		{"at the limit without newline", record.JSONL, 4, "abcd", []piece{{0, "abcd", ""}}},

		{"white space is data in CSV", record.CSV, 99, " \n\r\n\t\n", []piece{{0, " \n", ""}, {1, "\t\n", ""}}},
		{"CSV lines in quotes", record.CSV, 99, "\"a\n\nb\",c\nd\n", []piece{{0, "\"a\n\nb\",c\n", ""}, {1, "d\n", ""}}},
		{"CSV doubled quotes", record.CSV, 99, "\"a\"\"\n\",\"\"\"\"\nb\n", []piece{{0, "\"a\"\"\n\",\"\"\"\"\n", ""}, {1, "b\n", ""}}},
		{"CSV quote inside a cell", record.CSV, 99, "5\" disk,x\ny\n", []piece{{0, "5\" disk,x\n", ""}, {1, "y\n", ""}}},
		{"CSV doubled quote behind text", record.CSV, 99, "\"a\"b\"\"\nc\n", []piece{{0, "\"a\"b\"\"\n", ""}, {1, "c\n", ""}}},
		{"CSV second cell opens", record.CSV, 99, "a,\"b\n\"\nc", []piece{{0, "a,\"b\n\"\n", ""}, {1, "c", ""}}},
		{"CSV quote left open", record.CSV, 99, "\"a\nb,c\nd\n", []piece{{0, "\"a\n", bad}, {1, "b,c\n", ""}, {2, "d\n", ""}}},
		{"CSV quote left open on the last line", record.CSV, 99, "a\n\"b\n", []piece{{0, "a\n", ""}, {1, "\"b\n", ""}}},
		{"CSV quote open past the limit", record.CSV, 6, "\"a\nb\nc\nd\n\"\ne\n",
			[]piece{{0, "\"a\n", bad}, {1, "b\n", ""}, {2, "c\n", ""}, {3, "d\n", ""}, {4, "\"\n", bad}, {5, "e\n", ""}}},
		{"CSV long", record.CSV, 4, "abcdefg\nx\n", []piece{{0, "abcd", long}, {1, "x\n", ""}}},
		{"CSV long in quotes", record.CSV, 4, "\"abcdefg\nx\n", []piece{{0, "\"abc", long}, {1, "x\n", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lim := record.Limits{Records: 3, Bytes: 1 << 10, Record: tt.record}
			got, err := blocks(record.NewSplitter(strings.NewReader(tt.text), tt.format, ',', lim), lim)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, flat(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSplitDelimiter(t *testing.T) {
	lim := record.DefaultLimits()
	got, err := blocks(record.NewSplitter(strings.NewReader("a;\"b\n\";c\nd,\"e\n"), record.CSV, ';', lim), lim)
	if err != nil {
		t.Fatal(err)
	}
	want := []piece{{0, "a;\"b\n\";c\n", ""}, {1, "d,\"e\n", ""}}
	if d := cmp.Diff(want, flat(got)); d != "" {
		t.Error(d)
	}
}

func TestSplitHeader(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		header     record.Header
		rows       []piece
	}{
		{"plain", "a,b\n1,2\n", record.Header{"a", "b"}, []piece{{0, "1,2\n", ""}}},
		{"mark and blank lines", "\ufeff\r\n\"a\nb\",c\r\n\n1,2", record.Header{"a\nb", "c"}, []piece{{0, "1,2", ""}}},
		{"full blocks behind it", "a\n1\n2\n", record.Header{"a"}, []piece{{0, "1\n", ""}, {1, "2\n", ""}}},
		{"header alone", "a", record.Header{"a"}, nil},
		{"empty object", "", nil, nil},
		{"blank object", "\n\n", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lim := record.Limits{Records: 2, Bytes: 1 << 10, Record: 1 << 10}
			s := record.NewSplitter(iotest.OneByteReader(strings.NewReader(tt.text)), record.CSV, ',', lim)
			h, err := s.ReadHeader()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.header, h); d != "" {
				t.Error(d)
			}
			got, err := blocks(s, lim)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.rows, flat(got)); d != "" {
				t.Error(d)
			}
			if len(got) > 1 {
				t.Errorf("%d blocks: the header's limit is still on", len(got))
			}
		})
	}
}

func TestSplitBadHeader(t *testing.T) {
	lim := record.Limits{Records: 2, Bytes: 64, Record: 8}
	for text, code := range map[string]record.Code{
		"a,\"b\nc,d\n":     record.Malformed,
		"a,\"b\"c\n":       record.Malformed,
		"a,b,c,d,e,f,g\n1": record.TooLong,
		"a,\xff\n":         record.InvalidUTF8,
	} {
		_, err := record.NewSplitter(strings.NewReader(text), record.CSV, ',', lim).ReadHeader()
		if codeOf(err) != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

// A reader that breaks must never look like the end of the object.
func TestSplitReadError(t *testing.T) {
	broken := errors.New("connection lost")
	lim := record.Limits{Records: 1, Bytes: 64, Record: 8}
	for _, text := range []string{"", "1\n", "1\n2", "0123456789abcdef", "\xef\xbb"} {
		r := func() io.Reader { return io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)) }
		if _, err := blocks(record.NewSplitter(r(), record.JSONL, ',', lim), lim); !errors.Is(err, broken) {
			t.Errorf("%q: %v", text, err)
		}
	}
	s := record.NewSplitter(iotest.ErrReader(broken), record.CSV, ',', lim)
	if _, err := s.ReadHeader(); !errors.Is(err, broken) {
		t.Errorf("header: %v", err)
	}
}
