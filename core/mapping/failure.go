package mapping

import (
	"slices"

	"github.com/crossbatch/crossbatch/core/record"
)

// A CSV row has no place for a member of its own. But every row of staged CSV that
// could be read has as many cells as there are columns, so one with another number
// stands for a record that could not: ErrorField, code, message, then the fields
// of the key, and an empty cell more where that happens to be the number of columns.

// rowCells is how many cells stand for a failure.
func rowCells(columns, keys int) int {
	n := 3 + keys
	if n == columns {
		n++
	}
	return n
}

// AppendFailedRow appends the row of staged CSV that stands for a record that could
// not be read, and its newline. keys are the fields of the key as far as they
// could be read; columns is how many cells the other rows have.
func AppendFailedRow(dst []byte, f *record.Failure, keys []record.Value, columns int) []byte {
	dst = append(dst, ErrorField...)
	for _, text := range []string{string(f.Code), f.Message} {
		dst = record.AppendCell(append(dst, ','), []byte(text))
	}
	for _, k := range keys {
		dst = AppendCell(append(dst, ','), k)
	}
	for i := 3 + len(keys); i < rowCells(columns, len(keys)); i++ {
		dst = append(dst, ',')
	}
	return append(dst, '\n')
}

// AppendCell appends a value as a cell of staged CSV: strings as their text,
// nothing for null, all else as JSON.
func AppendCell(dst []byte, v record.Value) []byte {
	switch v.Kind {
	case record.Missing, record.Null:
		return dst
	case record.Cell:
		return record.AppendCell(dst, v.Raw)
	case record.String:
		text, _ := record.AppendUnquoted(nil, v.Raw)
		return record.AppendCell(dst, text)
	}
	return record.AppendCell(dst, record.AppendJSON(nil, v))
}

// readFailures prepares for rows that stand for failures.
func (d *Decoder) readFailures(fields []string) error {
	header := record.Numbered(rowCells(len(d.m.Columns), len(d.m.Key)))
	for _, k := range d.m.Key {
		d.keys = append(d.keys, slices.Index(fields, k))
	}
	d.cells = make([]record.Value, len(header))
	var err error
	d.failed, err = record.NewCSVDecoder(header, ',', header)
	return err
}

// rowFailure is the failure that a row stands for; fail where it stands for none.
func (d *Decoder) rowFailure(row []byte, fail *record.Failure) *record.Failure {
	if d.failed.Decode(row, d.cells) != nil || string(d.cells[0].Raw) != ErrorField {
		return fail
	}
	clear(d.values)
	for i, field := range d.keys {
		if field >= 0 {
			d.values[field] = d.cells[3+i]
		}
	}
	return &record.Failure{Code: record.Code(d.cells[1].Raw), Message: string(d.cells[2].Raw)}
}
