package record_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/record"
)

func TestCSVRow(t *testing.T) {
	for _, tt := range []struct {
		name, row string
		delimiter byte
		want      []string // under the header c0, c1, ...
	}{
		{"plain", "a,b\n", ',', []string{"text a", "text b"}},
		{"no line end", "a,b", ',', []string{"text a", "text b"}},
		{"CRLF", "a,b\r\n", ',', []string{"text a", "text b"}},
		{"CRLF behind a quote", "a,\"b\"\r\n", ',', []string{"text a", "text b"}},
		{"empty cells are null", ",a,\n", ',', []string{"null", "text a", "null"}},
		{"CRLF behind a null", "a,\r\n", ',', []string{"text a", "null"}},
		{"quoted empty is text", "\"\",a,\"\"\n", ',', []string{"text ", "text a", "text "}},
		{"one quoted empty cell", "\"\"\n", ',', []string{"text "}},
		{"white space is text", " , a\t\n", ',', []string{"text  ", "text  a\t"}},
		{"quotes", "\"a\"\"b\",\"\"\"\",\"\"\"\"\"\"\n", ',', []string{"text a\"b", "text \"", "text \"\""}},
		{"delimiter in quotes", "\"a,b\",c\n", ',', []string{"text a,b", "text c"}},
		{"lines in quotes", "\"a\nb\r\n\",\"\n\n\"\n", ',', []string{"text a\nb\r\n", "text \n\n"}},
		{"lone CR", "a\rb,c\n", ',', []string{"text a\rb", "text c"}},
		{"digits stay", "007,1e5,NaN,null\n", ',', []string{"text 007", "text 1e5", "text NaN", "text null"}},
		{"semicolon", "a,b;\"c;d\";\n", ';', []string{"text a,b", "text c;d", "null"}},
		{"tab", "a b\t\tc\n", '\t', []string{"text a b", "null", "text c"}},
		{"UTF-8", "é,\"😀\"\n", ',', []string{"text é", "text 😀"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := record.Numbered(len(tt.want))
			d, err := record.NewCSVDecoder(h, tt.delimiter, h)
			if err != nil {
				t.Fatal(err)
			}
			values := make([]record.Value, len(tt.want))
			wantCode(t, d.Decode([]byte(tt.row), values), "")
			if diff := cmp.Diff(tt.want, shown(values)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Cells before the fault are handed out, so that the failure can name the key.
func TestCSVBadRow(t *testing.T) {
	d, err := record.NewCSVDecoder(record.Header{"id", "x", "y"}, ',', []string{"id", "y"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		row  string
		code record.Code
		want []string
	}{
		{"k,1,2\n", "", []string{"text k", "text 2"}},
		{"k,1\n", record.FieldCount, []string{"text k", "nothing"}},
		{"k\n", record.FieldCount, []string{"text k", "nothing"}},
		{"k,1,2,3\n", record.FieldCount, []string{"text k", "text 2"}},
		{"k,1,2,\n", record.FieldCount, []string{"text k", "text 2"}},
		{"k,a\"b,2\n", record.Malformed, []string{"text k", "nothing"}},
		{"\"k\", \"b\",2\n", record.Malformed, []string{"text k", "nothing"}},
		{"k,\"b\"c,2\n", record.Malformed, []string{"text k", "nothing"}},
		{"k,\"b\" ,2\n", record.Malformed, []string{"text k", "nothing"}},
		{"k,1,\"2\n", record.Malformed, []string{"text k", "nothing"}},
		{"\"k,1,2\n", record.Malformed, []string{"nothing", "nothing"}},
		{"k,1,\xff\n", record.InvalidUTF8, []string{"nothing", "nothing"}},
	} {
		values := []record.Value{{Kind: record.Cell, Raw: []byte("stale")}, {Kind: record.Cell, Raw: []byte("stale")}}
		t.Run(tt.row, func(t *testing.T) {
			wantCode(t, d.Decode([]byte(tt.row), values), tt.code)
			if diff := cmp.Diff(tt.want, shown(values)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every quoted cell of a row must stand in memory of its own.
func TestCSVManyQuotedCells(t *testing.T) {
	d, err := record.NewCSVDecoder(record.Numbered(3), ',', record.Numbered(3))
	if err != nil {
		t.Fatal(err)
	}
	values := make([]record.Value, 3)
	for _, n := range []int{1, 1000, 10} { // grows, then shrinks
		a, b, c := strings.Repeat("a", n), strings.Repeat("b\"", n), strings.Repeat("c,", n)
		var row []byte
		for i, cell := range []string{a, b, c} {
			if i > 0 {
				row = append(row, ',')
			}
			row = append(row, '"')
			row = append(row, strings.ReplaceAll(cell, `"`, `""`)...)
			row = append(row, '"')
		}
		wantCode(t, d.Decode(row, values), "")
		if diff := cmp.Diff([]string{"text " + a, "text " + b, "text " + c}, shown(values)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCSVHeader(t *testing.T) {
	h, err := record.ReadHeader([]byte("id,\"a \"\"b\"\"\",x.y,\r\n"), ',')
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(record.Header{"id", `a "b"`, "x.y", ""}, h); d != "" {
		t.Error(d)
	}
	for row, code := range map[string]record.Code{"a,\"b\n": record.Malformed, "a,\xff\n": record.InvalidUTF8} {
		if _, err := record.ReadHeader([]byte(row), ','); codeOf(err) != code {
			t.Errorf("%q: %v, want %s", row, err, code)
		}
	}
	if d := cmp.Diff(record.Header{"c0", "c1", "c2"}, record.Numbered(3)); d != "" {
		t.Error(d)
	}
}

func TestCSVHeaderEqual(t *testing.T) {
	h := record.Header{"a", "b"}
	for _, tt := range []struct {
		other record.Header
		want  bool
	}{
		{record.Header{"a", "b"}, true},
		{record.Header{"b", "a"}, false},
		{record.Header{"a", "B"}, false},
		{record.Header{"a"}, false},
		{record.Header{"a", "b", "c"}, false},
		{nil, false},
	} {
		if got := h.Equal(tt.other); got != tt.want {
			t.Errorf("%q: %v", tt.other, got)
		}
	}
}

func TestCSVFields(t *testing.T) {
	header := record.Header{"id", "twice", "a.b", "twice"}
	if _, err := record.NewCSVDecoder(header, ',', []string{"id", "twice"}); err == nil {
		t.Error("a field that names two columns is taken")
	}
	d, err := record.NewCSVDecoder(header, ',', []string{"absent", "a.b", "id", "id"})
	if err != nil {
		t.Fatal(err) // a doubled column that nobody reads hurts nobody
	}
	values := make([]record.Value, 4)
	wantCode(t, d.Decode([]byte("1,2,3,4\n"), values), "")
	if diff := cmp.Diff([]string{"nothing", "text 3", "text 1", "text 1"}, shown(values)); diff != "" {
		t.Error(diff)
	}
}

func TestAppendCell(t *testing.T) {
	for text, want := range map[string]string{
		"":      `""`, // nothing at all would be null
		"a":     "a",
		"a b":   "a b",
		" a":    `" a"`,
		"a ":    `"a "`,
		"a,b":   `"a,b"`,
		`a"b`:   `"a""b"`,
		"a\nb":  "\"a\nb\"",
		"a\r":   "\"a\r\"",
		"a;b":   "a;b", // results are always comma-separated
		"[1,2]": `"[1,2]"`,
	} {
		if got := string(record.AppendCell([]byte("x,"), []byte(text))); got != "x,"+want {
			t.Errorf("%q: %s, want x,%s", text, got, want)
		}
	}
}
