package scorer

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// small is a floating type of 16 bits.
type small struct {
	mantissa int // explicit bits
	lowest   int // exponent of the smallest normal number
	highest  int // exponent of the largest number
}

var (
	half  = small{mantissa: 10, lowest: -14, highest: 15}
	brain = small{mantissa: 7, lowest: -126, highest: 127}
)

// round gives the value of the type nearest to v, ties to even. tie says that v
// lies exactly between two values; down is then the one nearer to zero.
func (s small) round(v float64) (nearest, down float64, tie bool) {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v, v, false
	}
	_, e := math.Frexp(v) // |v| in [2^(e-1), 2^e)
	quantum := math.Ldexp(1, max(e-1, s.lowest)-s.mantissa)
	q := v / quantum // exact: a shift
	t := math.Trunc(q)
	return math.RoundToEven(q) * quantum, t * quantum, math.Abs(q-t) == 0.5
}

// limit is the smallest magnitude that overflows.
func (s small) limit() float64 { return math.Ldexp(1, s.highest+1) }

// parseSmall rounds decimal text once. Going through float64 would round twice
// for text next to the middle of two values; those are settled exactly.
func parseSmall(text string, s small) (float64, error) {
	v, err := parseFloat(text, 64)
	if err != nil {
		return 0, err
	}
	out, down, tie := s.round(v)
	if tie {
		// 200 digits write every middle of two values exactly.
		switch compareMagnitude(text, strconv.FormatFloat(v, 'e', 200, 64)) {
		case -1:
			out = down
		case 1:
			out = down + 2*(v-down)
		}
	}
	if !math.IsInf(v, 0) && math.Abs(out) >= s.limit() {
		return 0, errRange
	}
	return out, nil
}

// compareMagnitude compares the magnitudes of two decimals, digit by digit, so
// that long ones take no more than their length.
func compareMagnitude(a, b string) int {
	da, ea := significant(a)
	db, eb := significant(b)
	if ea != eb {
		return cmp.Compare(ea, eb)
	}
	return cmp.Compare(da, db)
}

// significant writes a decimal other than zero as 0.DIGITS times ten to the exponent,
// without a zero at either end of the digits.
func significant(text string) (digits string, exponent int) {
	mantissa := strings.TrimLeft(text, "+-")
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		exponent, _ = strconv.Atoi(mantissa[i+1:]) // its syntax has been checked, its range by the value
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	exponent += len(digits) - len(fraction)
	return strings.TrimRight(digits, "0"), exponent
}

// halfBits encodes a value of type float16.
func halfBits(v float64) uint16 {
	sign := uint16(0)
	if math.Signbit(v) {
		sign = 0x8000
	}
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return 0x7e00
	case math.IsInf(v, 0):
		return sign | 0x7c00
	case a < math.Ldexp(1, half.lowest): // subnormal
		return sign | uint16(math.Ldexp(a, 24))
	}
	f, e := math.Frexp(a) // a = f * 2^e, f in [0.5, 1)
	return sign | uint16(e-1+15)<<10 | uint16((f*2-1)*1024)
}

// brainBits encodes a value of type bfloat16.
func brainBits(v float64) uint16 {
	if math.IsNaN(v) {
		return 0x7fc0
	}
	return uint16(math.Float32bits(float32(v)) >> 16)
}

// shortest is the float64 whose shortest text is the shortest that reads back
// as v in the type. v must be a value of the type.
func (s small) shortest(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	for digits := 1; digits < 6; digits++ {
		text := strconv.FormatFloat(v, 'e', digits-1, 64)
		// Above a power of two values stand further apart than below it, so the
		// next decimal may read back where the nearest one does not.
		for _, text := range []string{text, oneUp(text)} {
			if back, err := parseSmall(text, s); err == nil && back == v {
				if f, err := strconv.ParseFloat(text, 64); err == nil {
					return f
				}
			}
		}
	}
	return v
}

// oneUp adds one unit of the last digit to the magnitude of a decimal d.dde±xx.
func oneUp(text string) string {
	mantissa, exponent, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	n, _ := strconv.Atoi(strings.TrimPrefix(whole, "-") + fraction)
	e, _ := strconv.Atoi(exponent)
	sign := whole[:strings.Count(whole, "-")]
	return sign + strconv.Itoa(n+1) + "e" + strconv.Itoa(e-len(fraction))
}
