package staging

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/record"
)

// ErrNotCSV says that a record cannot be a line of CSV. Staged as JSONL it can.
var ErrNotCSV = errors.New("the record cannot be one line of CSV")

// item is one record of a shard. It lives until the next one is read.
type item struct {
	row  int64
	text []byte         // of JSONL, as it stands there
	out  []record.Value // of the fields that are written
	key  []record.Value // of the key's fields, as far as they could be read
	fail *record.Failure
}

// encoder writes records as staged lines. It is not safe for concurrent use.
type encoder struct {
	r     Recipe
	shard int
	path  []byte   // the member that tells fields of the shard's path; nil: none does
	names [][]byte // of the fields, as members begin
	keys  [][]byte
	own   []byte
	line  []byte
	seal  []byte // line, sealed
}

func newEncoder(r Recipe, shard int, uri string, fields []string) *encoder {
	e := &encoder{r: r, shard: shard}
	if r.Partitions {
		e.path = pathMember(Partitions(uri))
	}
	for _, f := range fields {
		e.names = append(e.names, append(record.AppendString(nil, f), ':'))
	}
	for _, f := range r.Key {
		e.keys = append(e.keys, append(record.AppendString(nil, f), ':'))
	}
	return e
}

// encode writes one record and its newline. The line lives until the next call.
func (e *encoder) encode(it *item) ([]byte, error) {
	e.line = e.line[:0]
	if e.r.Write == job.CSV {
		return e.row(it)
	}
	switch {
	case it.fail != nil:
		e.open(it.row)
		e.line = append(e.line, `"`+mapping.ErrorField+`":{"code":`...)
		e.line = record.AppendString(e.line, string(it.fail.Code))
		e.line = append(e.line, `,"message":`...)
		e.line = record.AppendString(e.line, it.fail.Message)
		e.line = append(e.line, `},`...)
		e.members(e.keys, it.key)
		e.close()
	case e.r.Format == job.JSONL:
		e.own = e.appendOwn(e.own[:0], it.row)
		e.line = appendObject(e.line, bytes.TrimSpace(it.text), bytes.TrimSuffix(e.own, comma))
	default:
		e.open(it.row)
		e.members(e.names, it.out)
		e.close()
	}
	if e.r.Sealed {
		return e.sealed(it.row), nil
	}
	e.line = append(e.line, '\n')
	return e.line, nil
}

// sealed is the line as text, beside what tells whose it is.
func (e *encoder) sealed(row int64) []byte {
	e.seal = e.appendIdentity(append(e.seal[:0], '{'), row)
	e.seal = append(e.seal, `"`+mapping.RecordField+`":`...)
	e.seal = record.AppendString(e.seal, string(e.line))
	e.seal = append(e.seal, "}\n"...)
	return e.seal
}

var comma = []byte{','}

// open begins an object; what follows ends in a comma each.
func (e *encoder) open(row int64) {
	e.line = e.appendOwn(append(e.line, '{'), row)
}

// appendOwn appends what a record says of itself: members that end in a comma each.
func (e *encoder) appendOwn(dst []byte, row int64) []byte {
	if !e.r.Sealed {
		dst = e.appendIdentity(dst, row)
	}
	if e.path != nil {
		dst = append(append(dst, e.path...), ',')
	}
	return dst
}

// appendIdentity appends where a record comes from, and a comma.
func (e *encoder) appendIdentity(dst []byte, row int64) []byte {
	if !e.r.Identity {
		return dst
	}
	dst = append(dst, `"`+mapping.IdentityField+`":"`...)
	dst = strconv.AppendInt(dst, int64(e.shard), 10)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, row, 10)
	return append(dst, `",`...)
}

// members appends the fields that a record has.
func (e *encoder) members(names [][]byte, values []record.Value) {
	for i, v := range values {
		if v.Kind == record.Missing {
			continue
		}
		e.line = append(e.line, names[i]...)
		e.line = record.AppendJSON(e.line, v)
		e.line = append(e.line, ',')
	}
}

func (e *encoder) close() {
	e.line = append(bytes.TrimSuffix(e.line, comma), '}')
}

// row writes a record as a line of CSV.
func (e *encoder) row(it *item) ([]byte, error) {
	if it.fail != nil {
		e.line = mapping.AppendFailedRow(e.line, it.fail, it.key, len(e.names))
	} else {
		for i, v := range it.out {
			if i > 0 {
				e.line = append(e.line, ',')
			}
			e.line = mapping.AppendCell(e.line, v)
		}
		e.line = append(e.line, '\n')
	}
	switch body := e.line[:len(e.line)-1]; {
	case bytes.ContainsAny(body, "\r\n"):
		return nil, fmt.Errorf("%w: a cell of shard %d, row %d, holds a line break", ErrNotCSV, e.shard, it.row)
	case len(body) == 0:
		return nil, fmt.Errorf("%w: the only cell of shard %d, row %d, is null, which would be a blank line", ErrNotCSV, e.shard, it.row)
	}
	return e.line, nil
}

// appendObject appends the text of a JSON object, which a decoder has checked,
// byte for byte but for our own members: own, without a comma at its end, stand
// before the others, and none that it brings along stays, as the scorer would take
// it for ours. No job can read those.
func appendObject(dst, object, own []byte) []byte {
	if bytes.Contains(object, []byte(mapping.IdentityField)) || bytes.Contains(object, []byte(`\u`)) {
		object = withoutReserved(object)
	}
	if len(own) == 0 {
		return append(dst, object...)
	}
	dst = append(append(dst, '{'), own...)
	rest := bytes.TrimLeft(object[1:], " \t\r\n")
	if rest[0] == '}' {
		return append(dst, rest...)
	}
	return append(append(dst, ','), object[1:]...)
}

// withoutReserved is an object without the members that staging keeps for itself;
// the same bytes when it has none.
func withoutReserved(object []byte) []byte {
	var kept [][]byte
	dropped := false
	depth, inString, start, nameEnd := 0, false, 1, 0
	for i := 0; i < len(object); i++ {
		switch c := object[i]; {
		case inString && c == '\\':
			i++
		case inString && c == '"':
			inString = false
			if depth == 1 && nameEnd == 0 {
				nameEnd = i + 1
			}
		case inString:
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			depth++
		case depth == 1 && (c == ',' || c == '}'):
			if nameEnd > 0 {
				if reserved(object[start:nameEnd]) {
					dropped = true
				} else {
					kept = append(kept, object[start:i])
				}
			}
			start, nameEnd = i+1, 0
			if c == '}' {
				depth--
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !dropped {
		return object
	}
	out := append([]byte{'{'}, bytes.Join(kept, []byte(","))...)
	return append(out, '}')
}

func reserved(quoted []byte) bool {
	name, _ := record.Unquote(bytes.TrimSpace(quoted))
	return mapping.Reserved(name)
}
