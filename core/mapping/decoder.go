package mapping

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// types are what Types may say of a field: a number or boolean in each record, or
// a list of numbers.
var types = []string{"int64", "uint64", "float", "double", "bool", "[]int64", "[]uint64", "[]float", "[]double"}

// Decoder reads the fields of records as they arrive at the scorer: those that
// staging wrote have the values that they have where they come from, and those
// that could not be read there fail as they would have there. It is not safe for
// concurrent use.
type Decoder struct {
	inner  record.Decoder
	fields int
	m      Mapping
	types  []string // by field
	values []record.Value
	buf    []byte // of values that were converted

	seal   *record.JSONDecoder // of sealed records: finds RecordField
	sealed [1]record.Value
	text   []byte // of the record that was sealed

	fault  *record.JSONDecoder // of what ErrorField holds
	said   [2]record.Value
	path   *record.JSONDecoder // of what PathField holds
	told   []record.Value      // by field
	keys   []int               // by field of the key: its field; -1: it is not wanted
	failed *record.CSVDecoder  // of CSV rows that stand for failures
	cells  []record.Value
}

// NewDecoder makes a decoder of fields, in this order. Records that arrive as
// Parquet are read by core/parquet alone. header is that of the object, for CSV
// without Columns; else nil.
func (m Mapping) NewDecoder(fields []string, header record.Header) (*Decoder, error) {
	d := &Decoder{fields: len(fields), m: m}
	for _, f := range fields {
		d.types = append(d.types, m.Types[f])
	}
	switch m.Format {
	case job.JSONL:
		if m.Staged {
			exact := make([][]string, len(fields))
			for i, f := range fields {
				exact[i] = []string{f}
			}
			d.path, d.told = record.NewPathDecoder(exact), make([]record.Value, len(fields))
			d.fault = record.NewPathDecoder([][]string{{"code"}, {"message"}})
			fields = append(slices.Clone(fields), ErrorField, PathField)
		}
		if m.Sealed {
			d.seal = record.NewPathDecoder([][]string{{RecordField}})
		}
		d.inner = record.NewJSONDecoder(fields)
	case job.CSV:
		if header == nil {
			header = m.Columns
		}
		var err error
		if d.inner, err = record.NewCSVDecoder(header, m.CSV.Delimiter[0], fields); err != nil {
			return nil, err
		}
		if m.Staged {
			err = d.readFailures(fields)
		}
		if err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("records of a typed format have no text to decode")
	}
	d.values = make([]record.Value, len(fields))
	return d, nil
}

// Floats implements record.Decoder.
func (d *Decoder) Floats(wanted []bool) {
	if d.m.Origin == job.CSV && d.m.Format == job.JSONL {
		return // cells arrive as strings
	}
	all := make([]bool, len(d.values))
	for i, w := range wanted {
		all[i] = w && d.types[i] == ""
	}
	d.inner.Floats(all)
}

// Decode implements record.Decoder.
func (d *Decoder) Decode(text []byte, values []record.Value) *record.Failure {
	d.buf = d.buf[:0]
	if d.seal != nil {
		var fail *record.Failure
		if text, fail = d.unseal(text); fail != nil {
			clear(values)
			return fail
		}
	}
	fail := d.inner.Decode(text, d.values)
	if d.failed != nil && fail != nil && fail.Code == record.FieldCount {
		fail = d.rowFailure(text, fail)
	}
	for i := range values[:d.fields] {
		values[i] = d.convert(i, d.values[i])
	}
	if fail == nil && d.fault != nil {
		d.tell(d.values[d.fields+1], values)
		fail = d.carried(d.values[d.fields])
	}
	return fail
}

// unseal is the text of a sealed record, which lives until the next one is decoded.
func (d *Decoder) unseal(text []byte) ([]byte, *record.Failure) {
	if fail := d.seal.Decode(text, d.sealed[:]); fail != nil {
		return nil, fail
	}
	if d.sealed[0].Kind != record.String {
		return nil, record.Fail(record.Malformed, "the record is not what staging wrote: it has no text in %s", RecordField)
	}
	d.text, _ = record.AppendUnquoted(d.text[:0], d.sealed[0].Raw)
	return d.text, nil
}

// tell puts what PathField says before what the record says.
func (d *Decoder) tell(v record.Value, values []record.Value) {
	if v.Kind != record.Object || d.path.Decode(v.Raw, d.told) != nil {
		return
	}
	for i, v := range d.told {
		if v.Kind != record.Missing {
			values[i] = v
		}
	}
}

// ParseIdentity takes "<shard>:<row>" apart.
func ParseIdentity(text string) (shard int, row int64, ok bool) {
	before, after, _ := strings.Cut(text, ":")
	s, serr := strconv.ParseUint(before, 10, 31)
	r, rerr := strconv.ParseUint(after, 10, 63)
	if serr != nil || rerr != nil || text != strconv.FormatUint(s, 10)+":"+strconv.FormatUint(r, 10) {
		return 0, 0, false
	}
	return int(s), int64(r), true
}

// carried is the failure that ErrorField holds; nil where there is none.
func (d *Decoder) carried(v record.Value) *record.Failure {
	if v.Kind != record.Object {
		return nil
	}
	if fail := d.fault.Decode(v.Raw, d.said[:]); fail != nil {
		return fail
	}
	out := record.Failure{Code: record.Malformed}
	if v := d.said[0]; v.Kind == record.String {
		text, _ := record.Unquote(v.Raw)
		out.Code = record.Code(text)
	}
	if v := d.said[1]; v.Kind == record.String {
		out.Message, _ = record.Unquote(v.Raw)
	}
	return &out
}

// convert gives a value the kind that it has at its source.
func (d *Decoder) convert(i int, v record.Value) record.Value {
	switch {
	case !d.m.Staged || d.m.Format != job.JSONL:
		return v
	case d.m.Origin == job.CSV:
		if v.Kind == record.String {
			start := len(d.buf)
			d.buf, _ = record.AppendUnquoted(d.buf, v.Raw)
			return record.Value{Kind: record.Cell, Raw: d.buf[start:len(d.buf):len(d.buf)]}
		}
		return v
	case d.m.Origin == job.Parquet && d.types[i] != "":
		if elem, list := strings.CutPrefix(d.types[i], "[]"); list {
			return d.list(elem, v)
		}
		return number(d.types[i], v)
	}
	return v
}

// number is a typed number; what is none stays as it is.
func number(typ string, v record.Value) record.Value {
	if v.Kind != record.Number && v.Kind != record.String {
		return v
	}
	text := string(v.Raw)
	switch typ {
	case "int64":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return record.Value{Kind: record.Int, Bits: uint64(n)}
		}
	case "uint64":
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return record.Value{Kind: record.Uint, Bits: n}
		}
	case "float":
		if f, ok := float(text, 32); ok {
			return record.Value{Kind: record.Float32, Bits: uint64(math.Float32bits(float32(f)))}
		}
	case "double":
		if f, ok := float(text, 64); ok {
			return record.Value{Kind: record.Float64, Bits: math.Float64bits(f)}
		}
	}
	return v
}

// float reads a number, or one of the strings that stand for what JSON has no
// number for.
func float(text string, bits int) (float64, bool) {
	switch text {
	case `"NaN"`:
		return math.NaN(), true
	case `"Infinity"`:
		return math.Inf(1), true
	case `"-Infinity"`:
		return math.Inf(-1), true
	}
	if strings.HasPrefix(text, `"`) {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, bits)
	return f, err == nil
}

// list is a list of typed numbers without nulls, as a typed column holds it. Any
// other list stays as it is.
func (d *Decoder) list(elem string, v record.Value) record.Value {
	if v.Kind != record.Array {
		return v
	}
	kind := map[string]record.Kind{"int64": record.Int, "uint64": record.Int, "float": record.Float32, "double": record.Float64}[elem]
	if elem == "uint64" {
		elem = "int64"
	}
	start, ok := len(d.buf), true
	record.Elements(v.Raw, func(el record.Value) bool {
		n := number(elem, el)
		if ok = n.Kind == kind; !ok {
			return false
		}
		if kind == record.Float32 {
			d.buf = binary.NativeEndian.AppendUint32(d.buf, uint32(n.Bits))
		} else {
			d.buf = binary.NativeEndian.AppendUint64(d.buf, n.Bits)
		}
		return true
	})
	if !ok {
		d.buf = d.buf[:start]
		return v
	}
	return record.Value{Kind: record.Packed, Elem: kind, Raw: d.buf[start:len(d.buf):len(d.buf)]}
}
