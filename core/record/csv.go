package record

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// CSVDecoder reads fields of CSV rows (RFC 4180): a quote opens a cell only at
// the cell's start, and is doubled inside. It is our own reader because a cell
// that is empty without quotes is null, which encoding/csv does not tell from
// one that is empty in quotes, and because one bad row must not stop the rest.
// It is not safe for concurrent use.
type CSVDecoder struct {
	delimiter byte
	width     int
	columns   []int // by field: its column, or -1
	cells     []Value
	buf       []byte
	floats    []bool // by column
}

// Floats makes the decoder answer numbers of some fields as Float32, rounded once.
// Cells that hold something else stay as they are, and so do numbers that
// overflow. wanted stands in the order of the fields.
func (d *CSVDecoder) Floats(wanted []bool) {
	d.floats = make([]bool, d.width)
	for i, w := range wanted {
		if col := d.columns[i]; w && col >= 0 {
			d.floats[col] = true
		}
	}
	for i, w := range wanted { // a column of two fields answers both alike
		if col := d.columns[i]; !w && col >= 0 {
			d.floats[col] = false
		}
	}
}

// Header is the first row of a CSV object: the names of its columns.
type Header []string

// ReadHeader reads a header row.
func ReadHeader(row []byte, delimiter byte) (Header, error) {
	d := CSVDecoder{delimiter: delimiter}
	if fail := d.split(row); fail != nil {
		return nil, fmt.Errorf("header row: %w", fail)
	}
	h := make(Header, len(d.cells))
	for i, c := range d.cells {
		h[i] = string(c.Raw)
	}
	return h, nil
}

// Numbered is the header of rows that have none: c0, c1, ...
func Numbered(width int) Header {
	h := make(Header, width)
	for i := range h {
		h[i] = "c" + strconv.Itoa(i)
	}
	return h
}

// Equal says whether two headers name the same columns in the same order.
func (h Header) Equal(o Header) bool {
	if len(h) != len(o) {
		return false
	}
	for i := range h {
		if h[i] != o[i] {
			return false
		}
	}
	return true
}

// NewCSVDecoder makes a decoder of fields, in this order, of rows under header.
// A field that names two columns is an error; one that names none is Missing in
// every record.
func NewCSVDecoder(header Header, delimiter byte, fields []string) (*CSVDecoder, error) {
	at := map[string]int{}
	twice := map[string]bool{}
	for i, name := range header {
		if _, ok := at[name]; ok {
			twice[name] = true
		}
		at[name] = i
	}
	d := &CSVDecoder{delimiter: delimiter, width: len(header)}
	for _, f := range fields {
		if twice[f] {
			return nil, fmt.Errorf("the CSV header has two columns named %q", f)
		}
		col, ok := at[f]
		if !ok {
			col = -1
		}
		d.columns = append(d.columns, col)
	}
	return d, nil
}

// Decode implements Decoder.
func (d *CSVDecoder) Decode(row []byte, values []Value) *Failure {
	clear(values)
	fail := d.split(row)
	if fail == nil && len(d.cells) != d.width {
		fail = Fail(FieldCount, "the row has %d cells, the header %d", len(d.cells), d.width)
	}
	if fail != nil && fail.Code == InvalidUTF8 {
		return fail
	}
	for i, col := range d.columns {
		if col < 0 || col >= len(d.cells) {
			continue
		}
		if c := &d.cells[col]; c.Kind == Float32 {
			values[i].Number(Float32, c.Bits)
		} else {
			values[i] = *c
		}
	}
	return fail
}

// split cuts a row into cells.
func (d *CSVDecoder) split(row []byte) *Failure {
	d.cells = d.cells[:0]
	row = bytes.TrimRight(row, "\r\n")
	if !utf8.Valid(row) {
		return Fail(InvalidUTF8, "the row is not UTF-8")
	}
	if cap(d.buf) < len(row) {
		d.buf = make([]byte, 0, len(row)+len(row)/2)
	}
	d.buf = d.buf[:0]
	for i := 0; ; {
		if n := len(d.cells); n < len(d.floats) && d.floats[n] {
			if d.delimiter == ',' && i >= 8 && len(row)-i >= 16 {
				if f, next, ok := shortFloat32(row, i); ok {
					d.cell().Number(Float32, uint64(f))
					i = next
					continue
				}
			}
			if f, end, ok := readFloat32(row, i); ok && (end == len(row) || row[end] == d.delimiter) {
				d.cell().Number(Float32, uint64(math.Float32bits(f)))
				if i = end + 1; end == len(row) {
					return nil
				}
				continue
			}
		}
		if i < len(row) && row[i] == '"' {
			cell, next, msg := d.quoted(row, i)
			if msg != "" {
				return Fail(Malformed, "cell %d: %s", len(d.cells)+1, msg)
			}
			d.cells = append(d.cells, Value{Kind: Cell, Raw: cell})
			i = next
		} else {
			end := bytes.IndexByte(row[i:], d.delimiter)
			if end < 0 {
				end = len(row) - i
			}
			cell := row[i : i+end]
			if bytes.IndexByte(cell, '"') >= 0 {
				return Fail(Malformed, "cell %d: a quote inside a cell that does not start with one", len(d.cells)+1)
			}
			kind := Cell
			if len(cell) == 0 {
				kind = Null
			}
			d.cells = append(d.cells, Value{Kind: kind, Raw: cell})
			i += end
		}
		if i >= len(row) {
			return nil
		}
		i++ // the delimiter
	}
}

// cell makes room for one more cell, which still holds an earlier row's.
func (d *CSVDecoder) cell() *Value {
	n := len(d.cells)
	if n == cap(d.cells) {
		d.cells = append(d.cells, Value{})
	}
	d.cells = d.cells[:n+1]
	return &d.cells[n]
}

// quoted reads the cell that opens at row[i]; next is where it ends, at a
// delimiter or the end of the row.
func (d *CSVDecoder) quoted(row []byte, i int) (cell []byte, next int, msg string) {
	start := len(d.buf)
	i++
	for {
		q := bytes.IndexByte(row[i:], '"')
		if q < 0 {
			return nil, 0, "the quote is not closed"
		}
		d.buf = append(d.buf, row[i:i+q]...)
		i += q + 1
		if i < len(row) && row[i] == '"' {
			d.buf = append(d.buf, '"')
			i++
			continue
		}
		if i < len(row) && row[i] != d.delimiter {
			return nil, 0, "text after the closing quote"
		}
		return d.buf[start:], i, ""
	}
}

// AppendCell appends text as one CSV cell, quoted where it must be. Empty text
// is quoted, as the empty cell stands for null.
func AppendCell(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, ",\"\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
