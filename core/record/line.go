package record

import (
	"fmt"
	"strconv"
)

// A scorer line is what the scorer answers for one record, in JSON on one line:
//
//	{"key":K,<kept fields>,"prediction":{<output>:V,...}}
//	{"key":K,"error":{"code":C,"message":M}}
//
// The first form is already the published line of JSONL results. The record's
// identity is the line's position; a service that may reorder carries it beside.

// Columns is what all lines of a run have in common.
type Columns struct {
	Keys      int      // fields in the key; 0: the key is "<shard>:<row>"
	KeyTypes  []string // of the key's fields, where the input says: int64, uint64, float, double, bool; else "" (text)
	Keep      []string // names of the kept fields
	KeepTypes []string // of the kept fields, as KeyTypes
	Outputs   []Output
}

// Output is one published output.
type Output struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"`  // of its elements, for the manifest
	Width int    `json:"width,omitempty"` // elements, for an output that is a vector of fixed width; else 0
	Depth int    `json:"depth,omitempty"` // how deep its lists are nested; 0: a scalar, -1: it is not known, or no plain list
	Map   bool   `json:"map,omitempty"`   // from labels, as text, to elements
}

// AppendKey appends the key of a record as JSON. values are its key fields; none
// gives "<shard>:<row>", or null where the shard is below zero: it is not known.
func AppendKey(dst []byte, values []Value, shard int, row int64) ([]byte, *Failure) {
	switch len(values) {
	case 0:
		if shard < 0 {
			return append(dst, "null"...), nil
		}
		dst = append(dst, '"')
		dst = strconv.AppendInt(dst, int64(shard), 10)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, row, 10)
		return append(dst, '"'), nil
	case 1:
		return appendKeyPart(dst, values[0])
	}
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		var fail *Failure
		if dst, fail = appendKeyPart(dst, v); fail != nil {
			return dst, fail
		}
	}
	return append(dst, ']'), nil
}

func appendKeyPart(dst []byte, v Value) ([]byte, *Failure) {
	switch v.Kind {
	case Missing, Null:
		return dst, Fail(MissingKey, "the key is missing or null")
	case Array, Object, Packed:
		return dst, Fail(WrongType, "the key is %s, not a scalar", v.Kind)
	}
	return AppendJSON(dst, v), nil
}

// AppendJSON appends a value as JSON: CSV text as a string, a missing value as
// null, anything else as it was written.
func AppendJSON(dst []byte, v Value) []byte {
	switch v.Kind {
	case Missing, Null:
		return append(dst, "null"...)
	case Cell:
		return AppendString(dst, string(v.Raw))
	case Array, Object:
		return AppendCompact(dst, v.Raw)
	case Int, Uint, Float32, Float64, Packed:
		return appendTyped(dst, v)
	}
	return append(dst, v.Raw...)
}

// AppendOpen begins an ok line, up to and with the brace that opens the
// prediction. key is JSON; keep stands in the order of Columns.Keep.
func (c *Columns) AppendOpen(dst, key []byte, keep []Value) []byte {
	dst = append(dst, `{"key":`...)
	dst = append(dst, key...)
	for i, name := range c.Keep {
		dst = append(dst, ',')
		dst = AppendString(dst, name)
		dst = append(dst, ':')
		dst = AppendJSON(dst, keep[i])
	}
	return append(dst, `,"prediction":{`...)
}

// AppendName begins the i-th output of an ok line; its value follows.
func (c *Columns) AppendName(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = AppendString(dst, c.Outputs[i].Name)
	return append(dst, ':')
}

// AppendClose ends an ok line.
func AppendClose(dst []byte) []byte { return append(dst, "}}\n"...) }

// AppendError appends an error line. key is JSON, or empty when it is unknown.
func AppendError(dst, key []byte, f *Failure) []byte {
	dst = append(dst, `{"key":`...)
	dst = appendOrNull(dst, key)
	dst = append(dst, `,"error":{"code":`...)
	dst = AppendString(dst, string(f.Code))
	dst = append(dst, `,"message":`...)
	dst = AppendString(dst, f.Message)
	return append(dst, "}}\n"...)
}

// ErrorLine is a scorer's error line, taken apart. Key, Code and Message are
// JSON text.
type ErrorLine struct{ Key, Code, Message []byte }

// ErrorReader takes error lines apart. It is not safe for concurrent use.
type ErrorReader struct {
	d *JSONDecoder
	v [4]Value
}

// NewErrorReader makes a reader.
func NewErrorReader() *ErrorReader {
	return &ErrorReader{d: newPathDecoder([][]string{{"key"}, {"error"}, {"error", "code"}, {"error", "message"}})}
}

// Read takes a scorer line. ok is false for a line that is no error.
func (r *ErrorReader) Read(line []byte) (e ErrorLine, ok bool, err error) {
	if fail := r.d.Decode(line, r.v[:]); fail != nil {
		return e, false, fmt.Errorf("reading a scorer line: %w", fail)
	}
	if r.v[1].Kind != Object {
		return e, false, nil
	}
	return ErrorLine{Key: r.v[0].Raw, Code: r.v[2].Raw, Message: r.v[3].Raw}, true, nil
}

// AppendFailed appends a line of failed-*, for the record at (shard, row).
func AppendFailed(dst []byte, e ErrorLine, shard int, row int64) []byte {
	dst = append(dst, `{"key":`...)
	dst = appendOrNull(dst, e.Key)
	dst = append(dst, `,"shard":`...)
	dst = strconv.AppendInt(dst, int64(shard), 10)
	dst = append(dst, `,"row":`...)
	dst = strconv.AppendInt(dst, row, 10)
	dst = append(dst, `,"code":`...)
	dst = append(dst, e.Code...)
	dst = append(dst, `,"message":`...)
	dst = append(dst, e.Message...)
	return append(dst, "}\n"...)
}

func appendOrNull(dst, text []byte) []byte {
	if len(text) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, text...)
}

// NewPathDecoder makes a decoder of fields that are named by exact paths. Unlike
// with NewJSONDecoder, a dot in a name is only a dot.
func NewPathDecoder(paths [][]string) *JSONDecoder { return newPathDecoder(paths) }

// newPathDecoder is a decoder of exact paths; a dot in a name is only a dot.
func newPathDecoder(paths [][]string) *JSONDecoder {
	d := &JSONDecoder{root: &jsonNode{slot: -1}}
	for _, p := range paths {
		d.exact = append(d.exact, d.place(p...))
		d.nested = append(d.nested, -1)
	}
	return d
}
