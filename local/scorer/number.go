package scorer

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
)

// Why a number does not fit its tensor.
var (
	errNotNumber  = errors.New("not a number")
	errRange      = errors.New("out of range")
	errFraction   = errors.New("not a whole number")
	errNotBoolean = errors.New("not 0 or 1")
)

// appendNumber appends decimal text as one element of type t in this machine's
// byte order. Floats are rounded once, to nearest even; what overflows is
// errRange. Integers must be whole and in range.
func appendNumber(dst []byte, t model.ElemType, text string) ([]byte, error) {
	switch t {
	case model.Float32:
		f, err := parseFloat(text, 32)
		return native.AppendUint32(dst, math.Float32bits(float32(f))), err
	case model.Float64:
		f, err := parseFloat(text, 64)
		return native.AppendUint64(dst, math.Float64bits(f)), err
	case model.Float16:
		f, err := parseSmall(text, half)
		return native.AppendUint16(dst, halfBits(f)), err
	case model.BFloat16:
		f, err := parseSmall(text, brain)
		return native.AppendUint16(dst, brainBits(f)), err
	case model.Int8, model.Int16, model.Int32, model.Int64:
		n, err := parseInt(text, bitsOf(t))
		return appendInteger(dst, t, uint64(n)), err
	case model.Uint8, model.Uint16, model.Uint32, model.Uint64:
		n, err := parseUint(text, bitsOf(t))
		return appendInteger(dst, t, n), err
	case model.Bool:
		n, err := parseUint(text, 64)
		if err != nil || n > 1 {
			return dst, errNotBoolean
		}
		return append(dst, byte(n)), nil
	}
	return dst, errNotNumber
}

// appendTyped appends a number that has a type already. Whole numbers are exact
// as text is; floats are rounded once.
func appendTyped(dst []byte, t model.ElemType, v record.Value) ([]byte, error) {
	var f float64
	switch v.Kind {
	case record.Float32:
		if t == model.Float32 {
			return native.AppendUint32(dst, uint32(v.Bits)), nil
		}
		f = float64(math.Float32frombits(uint32(v.Bits)))
	case record.Float64:
		f = math.Float64frombits(v.Bits)
	default: // through text, which is exact
		return appendNumber(dst, t, view(record.AppendJSON(nil, v)))
	}
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		if out, ok := appendSpecial(dst, t, strings.Trim(view(record.AppendFloat(nil, f, 64)), `"`)); ok {
			return out, nil
		}
		return dst, errNotNumber
	case t == model.Float64:
		return native.AppendUint64(dst, math.Float64bits(f)), nil
	case t == model.Float32:
		if f32 := float32(f); !math.IsInf(float64(f32), 0) {
			return native.AppendUint32(dst, math.Float32bits(f32)), nil
		}
		return dst, errRange
	}
	return appendNumber(dst, t, strconv.FormatFloat(f, 'e', -1, 64))
}

// native is the byte order of tensors in memory.
var native = binary.NativeEndian

func appendInteger(dst []byte, t model.ElemType, n uint64) []byte {
	switch bitsOf(t) {
	case 8:
		return append(dst, byte(n))
	case 16:
		return native.AppendUint16(dst, uint16(n))
	case 32:
		return native.AppendUint32(dst, uint32(n))
	}
	return native.AppendUint64(dst, n)
}

func bitsOf(t model.ElemType) int {
	switch t {
	case model.Int8, model.Uint8, model.Bool:
		return 8
	case model.Int16, model.Uint16, model.Float16, model.BFloat16:
		return 16
	case model.Int32, model.Uint32, model.Float32:
		return 32
	}
	return 64
}

func parseFloat(text string, bits int) (float64, error) {
	f, err := strconv.ParseFloat(text, bits)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return 0, errRange
	}
	return 0, errNotNumber
}

// appendSpecial appends NaN or an infinity, which are the only words that feed
// a floating tensor. ok is false for any other word or type.
func appendSpecial(dst []byte, t model.ElemType, word string) (out []byte, ok bool) {
	var f float64
	switch word {
	case "NaN":
		f = math.NaN()
	case "Infinity":
		f = math.Inf(1)
	case "-Infinity":
		f = math.Inf(-1)
	default:
		return dst, false
	}
	switch t {
	case model.Float32:
		return native.AppendUint32(dst, math.Float32bits(float32(f))), true
	case model.Float64:
		return native.AppendUint64(dst, math.Float64bits(f)), true
	case model.Float16:
		return native.AppendUint16(dst, halfBits(f)), true
	case model.BFloat16:
		return native.AppendUint16(dst, brainBits(f)), true
	}
	return dst, false
}

func parseInt(text string, bits int) (int64, error) {
	n, err := strconv.ParseInt(text, 10, bits)
	if err == nil {
		return n, nil
	}
	digits, err := wholeDigits(text)
	if err != nil {
		return 0, err
	}
	if n, err = strconv.ParseInt(digits, 10, bits); err != nil {
		return 0, errRange
	}
	return n, nil
}

func parseUint(text string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, bits)
	if err == nil {
		return n, nil
	}
	digits, err := wholeDigits(text)
	if err != nil {
		return 0, err
	}
	digits = strings.TrimPrefix(digits, "+")
	if strings.Trim(digits, "-0") == "" {
		digits = "0" // -0
	}
	if n, err = strconv.ParseUint(digits, 10, bits); err != nil {
		return 0, errRange
	}
	return n, nil
}

// wholeDigits writes a decimal like 3.0, 1.5e3 or 1e2 as plain digits, exactly.
func wholeDigits(text string) (string, error) {
	sign, rest := "", text
	if strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		sign, rest = rest[:1], rest[1:]
	}
	mantissa, exponent := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		const most = 1 << 40 // beyond any record's digits, and far from overflow
		e, err := strconv.Atoi(rest[i+1:])
		if err != nil && (!errors.Is(err, strconv.ErrRange) || strings.Trim(rest[i+2:], "0123456789") != "") {
			return "", errNotNumber // Atoi does not look behind what is out of range
		}
		mantissa, exponent = rest[:i], min(max(e, -most), most)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return "", errNotNumber
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	point := len(digits) - len(fraction) + exponent // digits before the point
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return sign + "0", nil
	case point < len(digits):
		return "", errFraction
	case point > 20: // more than any 64-bit integer has
		return "", errRange
	}
	return sign + digits + strings.Repeat("0", point-len(digits)), nil
}
