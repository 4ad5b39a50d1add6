package parquet

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/record"
)

// outKind says how a JSON value becomes a stored one.
type outKind uint8

const (
	outText   outKind = iota // a string's text, else the JSON text
	outString                // a string's text
	outBool
	outInt
	outUint
	outFloat
)

// outType is the type of a written leaf.
type outType struct {
	kind     outKind
	physical format.Type
	bits     int // of numbers
}

// inputType is the type of a column that is copied from the input.
func inputType(name string) outType {
	switch name {
	case "int64":
		return outType{outInt, format.Int64, 64}
	case "uint64":
		return outType{outUint, format.Int64, 64}
	case "float":
		return outType{outFloat, format.Float, 32}
	case "double":
		return outType{outFloat, format.Double, 64}
	case "bool":
		return outType{outBool, format.Boolean, 0}
	}
	return outType{kind: outText, physical: format.ByteArray}
}

// outputType is the type of a model's elements, by ONNX's name. A name that says
// nothing here gives text.
func outputType(name string) outType {
	whole := func(kind outKind, digits string) outType {
		switch digits {
		case "2", "4", "8": // the least width that the format has
			return outType{kind, format.Int32, 8}
		case "16":
			return outType{kind, format.Int32, 16}
		case "32":
			return outType{kind, format.Int32, 32}
		case "64":
			return outType{kind, format.Int64, 64}
		}
		return outType{kind: outText, physical: format.ByteArray}
	}
	switch {
	case name == "string":
		return outType{kind: outString, physical: format.ByteArray}
	case name == "bool":
		return outType{outBool, format.Boolean, 0}
	case name == "double" || name == "float64":
		return outType{outFloat, format.Double, 64}
	case name == "bfloat16" || strings.HasPrefix(name, "float"):
		return outType{outFloat, format.Float, 32}
	case strings.HasPrefix(name, "uint"):
		return whole(outUint, name[len("uint"):])
	case strings.HasPrefix(name, "int"):
		return whole(outInt, name[len("int"):])
	}
	return outType{kind: outText, physical: format.ByteArray}
}

// appendPlain appends a value as it is stored. A boolean takes a byte until its
// page is written.
func (t *outType) appendPlain(dst []byte, v record.Value) ([]byte, error) {
	switch t.kind {
	case outText, outString:
		return t.appendBytes(dst, v)
	case outBool:
		if v.Kind == record.Bool {
			bit := byte(0)
			if v.Raw[0] == 't' {
				bit = 1
			}
			return append(dst, bit), nil
		}
	case outInt:
		if v.Kind == record.Number {
			i, err := strconv.ParseInt(string(v.Raw), 10, t.bits)
			return t.appendBits(dst, uint64(i)), err
		}
	case outUint:
		if v.Kind == record.Number {
			u, err := strconv.ParseUint(string(v.Raw), 10, t.bits)
			return t.appendBits(dst, u), err
		}
	case outFloat:
		f, err := t.float(v)
		if t.physical == format.Float {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), err
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), err
	}
	return dst, t.unfit(v)
}

func (t *outType) unfit(v record.Value) error {
	return fmt.Errorf("%s is no value of type %s", v.Kind, t.physical)
}

func (t *outType) appendBits(dst []byte, u uint64) []byte {
	if t.physical == format.Int32 {
		return binary.LittleEndian.AppendUint32(dst, uint32(u))
	}
	return binary.LittleEndian.AppendUint64(dst, u)
}

func (t *outType) float(v record.Value) (float64, error) {
	switch v.Kind {
	case record.Number:
		return strconv.ParseFloat(string(v.Raw), t.bits)
	case record.String:
		switch string(v.Raw) {
		case `"NaN"`:
			return math.NaN(), nil
		case `"Infinity"`:
			return math.Inf(1), nil
		case `"-Infinity"`:
			return math.Inf(-1), nil
		}
	}
	return 0, t.unfit(v)
}

func (t *outType) appendBytes(dst []byte, v record.Value) ([]byte, error) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	switch {
	case v.Kind == record.String:
		dst, _ = record.AppendUnquoted(dst, v.Raw)
	case v.Kind == record.Missing || v.Kind == record.Null || t.kind == outString:
		return dst[:start], t.unfit(v)
	default:
		dst = append(dst, v.Raw...)
	}
	n := len(dst) - start - 4
	if n > math.MaxInt32 {
		return dst[:start], fmt.Errorf("a text of %d bytes is too long", n)
	}
	binary.LittleEndian.PutUint32(dst[start:], uint32(n))
	return dst, nil
}
