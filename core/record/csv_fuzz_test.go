package record_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/core/record"
)

// FuzzCSV holds splitter and cells together against encoding/csv. The rows up to
// the first bad one must be the same, and the bad one must be bad in both: there
// encoding/csv stops, while this package goes on. They differ on purpose in
// three things: a CRLF in quotes stays here and becomes LF there, several CRs
// before an LF all belong to the line's end here, and UTF-8 is checked here.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "a,\"b\nc\"\r\n\r\n\"\",\n", "\ufeffa;b\n", "\"a\"\"b\",\"\"\"\"", "a\"b,c\nd\n", "\"a\"b\"\n\"\n",
		"\"a\"b\"\"\nc\n", "\"open\nx,y\n", "\r\n\r", "\"a\"\r\n\"b\"\r", ",\n,,\n",
	} {
		f.Add(s, byte(0))
	}
	f.Fuzz(func(t *testing.T, text string, choice byte) {
		if !utf8.ValidString(text) || strings.Contains(text, "\r\r") {
			return
		}
		delimiter := ",;\t|"[choice%4]
		ref := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		ref.Comma, ref.FieldsPerRecord = rune(delimiter), -1
		split := record.NewSplitter(strings.NewReader(text), record.CSV, delimiter, record.DefaultLimits())
		var b record.Block
		var rows []record.Span
		if err := split.Next(&b); err == nil {
			rows = b.Records
		} else if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		for i := 0; ; i++ {
			want, err := ref.Read()
			if errors.Is(err, io.EOF) || i == record.DefaultLimits().Records {
				if i < len(rows) {
					t.Errorf("%d rows, want %d", len(rows), i)
				}
				return
			}
			if i >= len(rows) {
				t.Fatalf("%d rows, then %q, %v there", len(rows), want, err)
			}
			got, bad := cells(b.Data, rows[i], delimiter)
			if err != nil {
				if bad == nil {
					t.Errorf("row %d: %q, but there: %v", i, got, err)
				}
				return
			}
			if bad != nil {
				t.Fatalf("row %d: %v, but there: %q", i, bad, want)
			}
			if !slices.Equal(got, want) {
				t.Errorf("row %d: %q, want %q", i, got, want)
			}
		}
	})
}

func cells(data []byte, row record.Span, delimiter byte) ([]string, error) {
	if row.Failure != nil {
		return nil, row.Failure
	}
	// A header is any row, of any width.
	h, err := record.ReadHeader(data[row.Start:row.End], delimiter)
	for i := range h {
		h[i] = strings.ReplaceAll(h[i], "\r\n", "\n")
	}
	return h, err
}

// FuzzCell writes cells and reads them back, here and with encoding/csv.
func FuzzCell(f *testing.F) {
	f.Add("", "")
	f.Add(" a", "b\r")
	f.Add("x\"\r\ny", ",")
	f.Add(`\.`, "\"\"")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return
		}
		row := append(record.AppendCell(append(record.AppendCell(nil, []byte(a)), ','), []byte(b)), '\n')
		d, err := record.NewCSVDecoder(record.Numbered(2), ',', record.Numbered(2))
		if err != nil {
			t.Fatal(err)
		}
		values := make([]record.Value, 2)
		wantCode(t, d.Decode(row, values), "")
		for i, want := range []string{a, b} {
			if values[i].Kind != record.Cell || string(values[i].Raw) != want {
				t.Errorf("%q: cell %d is %s", row, i, show(values[i]))
			}
		}
		got, err := csv.NewReader(bytes.NewReader(row)).Read()
		want := []string{strings.ReplaceAll(a, "\r\n", "\n"), strings.ReplaceAll(b, "\r\n", "\n")}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q there: %q, %v", row, got, err)
		}
		split := record.NewSplitter(bytes.NewReader(append([]byte("first,row\n"), row...)), record.CSV, ',', record.DefaultLimits())
		var block record.Block
		if err := split.Next(&block); err != nil || len(block.Records) != 2 {
			t.Errorf("%q: %d rows, %v", row, len(block.Records), err)
		}
	})
}
