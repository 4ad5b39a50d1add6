package record

import (
	"fmt"
	"strconv"
)

// CSVEncoder turns ok lines into rows of published CSV. It is not safe for
// concurrent use.
type CSVEncoder struct {
	cols   Columns
	d      *JSONDecoder
	values []Value
	text   []byte
}

// NewCSVEncoder makes an encoder.
func NewCSVEncoder(cols Columns) *CSVEncoder {
	paths := [][]string{{"key"}}
	for _, k := range cols.Keep {
		paths = append(paths, []string{k})
	}
	for _, o := range cols.Outputs {
		paths = append(paths, []string{"prediction", o.Name})
	}
	return &CSVEncoder{cols: cols, d: newPathDecoder(paths), values: make([]Value, len(paths))}
}

// Table is the columns of the result: the key's, the kept fields, then
// prediction.<output>, numbered for vectors of fixed width.
func (c *Columns) Table() []Column {
	var cols []Column
	if c.Keys < 2 {
		cols = append(cols, Column{Name: "key", Type: typeAt(c.KeyTypes, 0)})
	}
	for i := 0; c.Keys > 1 && i < c.Keys; i++ {
		cols = append(cols, Column{Name: "key_" + strconv.Itoa(i), Type: typeAt(c.KeyTypes, i)})
	}
	for i, k := range c.Keep {
		cols = append(cols, Column{Name: k, Type: typeAt(c.KeepTypes, i)})
	}
	for _, o := range c.Outputs {
		if o.Width == 0 {
			cols = append(cols, Column{Name: "prediction." + o.Name, Type: o.Type})
		}
		for i := 0; i < o.Width; i++ {
			cols = append(cols, Column{Name: "prediction." + o.Name + "_" + strconv.Itoa(i), Type: o.Type})
		}
	}
	return cols
}

func typeAt(types []string, i int) string {
	if i < len(types) {
		return types[i]
	}
	return ""
}

// AppendHeader appends the header row.
func (e *CSVEncoder) AppendHeader(dst []byte) []byte {
	for i, c := range e.cols.Table() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendCell(dst, []byte(c.Name))
	}
	return append(dst, '\n')
}

// Append appends the row of an ok line.
func (e *CSVEncoder) Append(dst, line []byte) ([]byte, error) {
	if fail := e.d.Decode(line, e.values); fail != nil {
		return dst, fmt.Errorf("reading a scorer line: %w", fail)
	}
	var err error
	if e.cols.Keys > 1 {
		dst, err = e.appendList(dst, "key", e.values[0], e.cols.Keys)
	} else {
		dst = e.appendValue(dst, e.values[0])
	}
	for i, v := range e.values[1:] {
		dst = append(dst, ',')
		if out := i - len(e.cols.Keep); out >= 0 && e.cols.Outputs[out].Width > 0 && err == nil {
			dst, err = e.appendList(dst, e.cols.Outputs[out].Name, v, e.cols.Outputs[out].Width)
		} else {
			dst = e.appendValue(dst, v)
		}
	}
	return append(dst, '\n'), err
}

func (e *CSVEncoder) appendList(dst []byte, name string, v Value, width int) ([]byte, error) {
	n := 0
	if v.Kind == Array {
		Elements(v.Raw, func(el Value) bool {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = e.appendValue(dst, el)
			n++
			return n <= width
		})
	}
	if n != width {
		return dst, fmt.Errorf("%q has %d elements in a record, %d were announced", name, n, width)
	}
	return dst, nil
}

func (e *CSVEncoder) appendValue(dst []byte, v Value) []byte {
	switch v.Kind {
	case Missing, Null:
		return dst
	case String:
		e.text, _ = AppendUnquoted(e.text[:0], v.Raw)
		return AppendCell(dst, e.text)
	}
	return AppendCell(dst, v.Raw)
}
