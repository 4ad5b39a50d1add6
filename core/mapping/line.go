package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// Lines of which some may be missing (provider.Sparse) carry the identity of their
// records in front of all other members:
//
//	{"_cb":"<shard>:<row>","key":K,...}
//
// What is left without it is the line as it is published.

// AppendIdentity appends a scorer line with the identity of its record.
func AppendIdentity(dst, line []byte, shard int, row int64) []byte {
	dst = append(dst, identityOpen...)
	dst = strconv.AppendInt(dst, int64(shard), 10)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, row, 10)
	dst = append(dst, `",`...)
	return append(dst, line[1:]...)
}

const identityOpen = `{"` + IdentityField + `":"`

// CutIdentity undoes AppendIdentity. The line that is left lies in the memory of the
// one that is given, which it changes. ok is false, and nothing is changed, for a
// line that AppendIdentity did not make.
func CutIdentity(line []byte) (left []byte, shard int, row int64, ok bool) {
	text, found := bytes.CutPrefix(line, []byte(identityOpen))
	end := bytes.IndexByte(text, '"')
	if !found || end < 0 || !bytes.HasPrefix(text[end:], []byte(`",`)) {
		return line, 0, 0, false
	}
	if shard, row, ok = ParseIdentity(string(text[:end])); !ok {
		return line, 0, 0, false
	}
	left = text[end+1:]
	left[0] = '{'
	return left, shard, row, true
}

// A scorer line may say which nulls of its record were filled, in front of all other
// members but the identity:
//
//	{"_cb_fills":{"<field>":<how many>,...},"key":K,...}
//
// What is left without it is the line as it is published.

// AppendFills appends what a line says of filled nulls, given as a JSON object; the
// line follows, without its first brace.
func AppendFills(dst, fills []byte) []byte {
	dst = append(dst, fillsOpen...)
	dst = append(dst, fills...)
	return append(dst, ',')
}

const fillsOpen = `{"_cb_fills":`

// ErrFills says that a line does not say well what was filled.
var ErrFills = errors.New("no counts of filled nulls")

// CutFills takes off what AppendFills put in front of a line; nil fills where nothing
// is there. The line that is left lies in the memory of the one that is given, which it
// changes.
func CutFills(line []byte) (left []byte, fills map[string]int64, err error) {
	text, found := bytes.CutPrefix(line, []byte(fillsOpen))
	if !found {
		return line, nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&fills); err != nil {
		return line, nil, errors.Join(ErrFills, err)
	}
	left = text[d.InputOffset():]
	if len(left) == 0 || left[0] != ',' {
		return line, nil, ErrFills
	}
	for _, n := range fills {
		if n < 0 {
			return line, nil, ErrFills
		}
	}
	left[0] = '{'
	return left, fills, nil
}
