package mapping

import (
	"bytes"
	"strconv"
)

// Where a service may reorder what the scorer answers, its lines carry the identity
// of their records in front of all other members:
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
