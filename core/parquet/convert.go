package parquet

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/core/record"
)

const (
	maxScale   = 10_000 // digits after the point of a decimal
	maxDecimal = 4096   // bytes of a decimal: longer ones would take long to write
	julian1970 = 2440588
	daySeconds = 24 * 60 * 60
)

// appendLeaf appends the i-th value of a column as JSON.
func appendLeaf(dst []byte, n *node, c *column, i int) ([]byte, *record.Failure) {
	switch n.conv {
	case convBool:
		return strconv.AppendBool(dst, c.data[i] != 0), nil
	case convInt:
		return strconv.AppendInt(dst, int64(c.eight(i)), 10), nil
	case convUint:
		return strconv.AppendUint(dst, c.eight(i), 10), nil
	case convFloat:
		return record.AppendFloat(dst, float64(math.Float32frombits(c.four(i))), 32), nil
	case convDouble:
		return record.AppendFloat(dst, math.Float64frombits(c.eight(i)), 64), nil
	case convHalf:
		return record.AppendFloat(dst, float64(halfFloat(c.refs[i])), 32), nil
	case convDecimal:
		if n.keeps() == keepEight {
			return appendDecimal(dst, strconv.AppendInt(nil, int64(c.eight(i)), 10), n.scale), nil
		}
		if len(c.refs[i]) > maxDecimal {
			return dst, record.Fail(record.OutOfRange, "%q holds a decimal of %d bytes", n.name, len(c.refs[i]))
		}
		return appendDecimal(dst, bigDigits(c.refs[i]), n.scale), nil
	case convUUID:
		return appendUUID(dst, c.refs[i]), nil
	case convDate:
		return append(appendDate(append(dst, '"'), time.Unix(int64(c.eight(i))*daySeconds, 0)), '"'), nil
	case convTime:
		v := int64(c.eight(i))
		if v < 0 || v >= daySeconds*n.perSecond {
			return dst, record.Fail(record.OutOfRange, "%q holds a time that is not within a day", n.name)
		}
		return append(appendClock(append(dst, '"'), v/n.perSecond, v%n.perSecond, n.perSecond), '"'), nil
	case convStamp:
		v := int64(c.eight(i))
		sec, part := v/n.perSecond, v%n.perSecond
		if part < 0 {
			sec, part = sec-1, part+n.perSecond
		}
		return appendStamp(dst, sec, part, n.perSecond, n.utc), nil
	case convInt96:
		b := c.refs[i]
		nanos, day := binary.LittleEndian.Uint64(b), int64(int32(binary.LittleEndian.Uint32(b[8:])))
		return appendStamp(dst, (day-julian1970)*daySeconds+int64(nanos/1e9), int64(nanos%1e9), 1e9, false), nil
	}
	return appendText(dst, n, c.refs[i])
}

func appendText(dst []byte, n *node, text []byte) ([]byte, *record.Failure) {
	if !utf8.Valid(text) {
		return dst, record.Fail(record.InvalidUTF8, "%q is not UTF-8", n.name)
	}
	for _, c := range text {
		if c < 0x20 || c == '"' || c == '\\' {
			return record.AppendString(dst, string(text)), nil
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"'), nil
}

func halfFloat(b []byte) float32 {
	h := uint32(binary.LittleEndian.Uint16(b))
	sign, exp, frac := h>>15<<31, h>>10&0x1F, h&0x3FF
	switch exp {
	case 0: // zero, or less than the least normal number
		f := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(f))
	case 0x1F:
		return math.Float32frombits(sign | 0xFF<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// bigDigits is the text of a number in two's complement, the highest byte first.
func bigDigits(b []byte) []byte {
	if len(b) == 0 {
		return []byte{'0'}
	}
	if len(b) <= 8 {
		v := int64(int8(b[0]))
		for _, c := range b[1:] {
			v = v<<8 | int64(c)
		}
		return strconv.AppendInt(nil, v, 10)
	}
	x := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return x.Append(nil, 10)
}

// appendDecimal puts the point into a whole number.
func appendDecimal(dst, digits []byte, scale int) []byte {
	if digits[0] == '-' {
		dst = append(dst, '-')
		digits = digits[1:]
	}
	if scale == 0 {
		return append(dst, digits...)
	}
	if len(digits) <= scale {
		dst = append(dst, '0', '.')
		for range scale - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	}
	point := len(digits) - scale
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

func appendUUID(dst, b []byte) []byte {
	dst = append(dst, '"')
	for i, end := range []int{4, 6, 8, 10, 16} {
		start := 0
		if i > 0 {
			dst = append(dst, '-')
			start = 2 + 2*i
		}
		dst = hex.AppendEncode(dst, b[start:end])
	}
	return append(dst, '"')
}

func appendStamp(dst []byte, sec, part, perSecond int64, utc bool) []byte {
	t := time.Unix(sec, 0)
	dst = appendDate(append(dst, '"'), t)
	clock := sec % daySeconds
	if clock < 0 {
		clock += daySeconds
	}
	dst = appendClock(append(dst, 'T'), clock, part, perSecond)
	if utc {
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}

func appendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.UTC().Date()
	if year < 0 {
		dst = append(dst, '-')
		year = -year
	}
	dst = appendPadded(dst, int64(year), 4)
	dst = appendPadded(append(dst, '-'), int64(month), 2)
	return appendPadded(append(dst, '-'), int64(day), 2)
}

// appendClock appends a time of day. Of the fraction as many groups of three
// digits are written as it needs.
func appendClock(dst []byte, sec, part, perSecond int64) []byte {
	dst = appendPadded(dst, sec/3600, 2)
	dst = appendPadded(append(dst, ':'), sec/60%60, 2)
	dst = appendPadded(append(dst, ':'), sec%60, 2)
	if part == 0 {
		return dst
	}
	dst = append(dst, '.')
	for part > 0 {
		perSecond /= 1000
		dst = appendPadded(dst, part/perSecond, 3)
		part %= perSecond
	}
	return dst
}

func appendPadded(dst []byte, v int64, width int) []byte {
	for limit := int64(10); width > 1; width-- {
		if v < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, v, 10)
}
