package scorer

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/crossbatch/crossbatch/core/model"
)

// valueOf decodes a 16-bit float by its definition.
func (s small) valueOf(bits uint16) float64 {
	exponent, mantissa := int(bits&0x7fff)>>s.mantissa, float64(int(bits)&(1<<s.mantissa-1))
	v := math.Ldexp(mantissa, s.lowest-s.mantissa)
	switch {
	case exponent == 1<<(15-s.mantissa)-1 && mantissa == 0:
		v = math.Inf(1)
	case exponent == 1<<(15-s.mantissa)-1:
		return math.NaN()
	case exponent > 0:
		v = math.Ldexp(math.Ldexp(1, s.mantissa)+mantissa, exponent-1+s.lowest-s.mantissa)
	}
	if bits&0x8000 != 0 {
		return -v
	}
	return v
}

func (s small) bits(v float64) uint16 {
	if s == half {
		return halfBits(v)
	}
	return brainBits(v)
}

var smalls = map[string]small{"float16": half, "bfloat16": brain}

// Every value of the 16-bit types keeps its bits, prints text that reads back
// equal, and no shorter text does.
func TestSmallShortest(t *testing.T) {
	for name, s := range smalls {
		for i := range 1 << 16 {
			bits := uint16(i)
			v := s.valueOf(bits)
			if math.IsNaN(v) {
				continue
			}
			if s.bits(v) != bits {
				t.Fatalf("%s %#x: encoded as %#x", name, bits, s.bits(v))
			}
			if math.IsInf(v, 0) {
				continue
			}
			text := strconv.FormatFloat(s.shortest(v), 'e', -1, 64)
			if back, err := parseSmall(text, s); err != nil || s.bits(back) != bits {
				t.Fatalf("%s %#x: %s reads back as %v, %v", name, bits, text, back, err)
			}
			mantissa, exponent, _ := strings.Cut(text, "e")
			digits := strings.ReplaceAll(strings.TrimPrefix(mantissa, "-"), ".", "")
			if v <= 0 || len(digits) == 1 {
				continue
			}
			n, _ := strconv.Atoi(digits[:len(digits)-1])
			e, _ := strconv.Atoi(exponent)
			for _, k := range []int{n, n + 1} { // the decimals with one digit less beside it
				short := fmt.Sprintf("%de%d", k, e-len(digits)+2)
				if back, err := parseSmall(short, s); err == nil && back == v {
					t.Errorf("%s %#x: %s is shorter than %s", name, bits, short, text)
				}
			}
		}
	}
}

// nearestOf rounds an exact value by looking at the neighbours' distances.
func (s small) nearestOf(exact *big.Rat) (uint16, bool) {
	abs := new(big.Rat).Abs(exact)
	inf := uint16(1<<(15-s.mantissa)-1) << s.mantissa
	at := func(bits uint16) *big.Rat {
		if bits == inf {
			return new(big.Rat).SetFloat64(s.limit())
		}
		return new(big.Rat).SetFloat64(s.valueOf(bits))
	}
	lo, hi := uint16(0), inf
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; at(mid).Cmp(abs) <= 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	down, up := new(big.Rat).Sub(abs, at(lo)), new(big.Rat).Sub(at(hi), abs)
	c := down.Cmp(up)
	if c > 0 || c == 0 && lo&1 == 1 {
		lo = hi
	}
	return lo, lo < inf
}

// checkSmall compares parseSmall with exact arithmetic.
func checkSmall(t interface {
	Fatalf(string, ...any)
	Helper()
}, s small, text string) {
	t.Helper()
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is no number", text)
	}
	want, fits := s.nearestOf(exact)
	got, err := parseSmall(text, s)
	if fits != (err == nil) || err != nil && !errors.Is(err, errRange) {
		t.Fatalf("%+v: %s: %v, expected to fit: %v", s, text, err, fits)
	}
	if fits && s.bits(got)&0x7fff != want {
		t.Fatalf("%+v: %s became %#x, expected %#x", s, text, s.bits(got), want)
	}
}

func TestSmallRoundsOnce(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "1", "0.1", "65504", "65519", "65519.99999999999999999999999", "65520", "-65520", "1e5", "3.4e38", "3.39e38", "3.3961775292304601e38", "3.4e39",
		"5.9604644775390625e-8", "2.98023223876953125e-8", "2.980232238769531250000000000000001e-8", "2.98023223876953124999999999999999e-8", "1e-30", "9.2e-41", "4.6e-41",
		"1.00048828125", "1.000488281250000000000000000000000001", "1.00048828124999999999999999999999999", "1.00146484375",
		"-1.000488281250000000000000000000000001", "-1.00048828124999999999999999999999999", "1.00390625", "1.00390625000000000000000000000001", "100048828125e-11", "0.000100048828125e+4",
	} {
		for _, s := range smalls {
			checkSmall(t, s, text)
		}
	}
	for _, s := range smalls {
		rapid.Check(t, func(t *rapid.T) {
			inf := 1<<(15-s.mantissa)<<s.mantissa - 1<<s.mantissa
			bits := uint16(rapid.IntRange(0, inf-1).Draw(t, "bits"))
			next := s.limit()
			if int(bits)+1 < inf {
				next = s.valueOf(bits + 1)
			}
			middle := s.valueOf(bits) + (next-s.valueOf(bits))/2
			text := strconv.FormatFloat(middle, 'e', 200, 64)
			mantissa, exponent, _ := strings.Cut(text, "e")
			sign := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign")
			checkSmall(t, s, sign+text)
			checkSmall(t, s, sign+mantissa+"1e"+exponent)
			if below, ok := lower(mantissa); ok {
				checkSmall(t, s, sign+below+"9e"+exponent)
			}
		})
	}
}

// lower takes one unit off the last digit of a decimal.
func lower(mantissa string) (string, bool) {
	b := []byte(mantissa)
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case '.':
		case '0':
			b[i] = '9'
		default:
			b[i]--
			return string(b), true
		}
	}
	return "", false
}

func TestIntegers(t *testing.T) {
	for _, test := range []struct {
		elem model.ElemType
		text string
		want int64
		err  error
	}{
		{model.Int64, "3.0", 3, nil},
		{model.Int64, "3.5", 0, errFraction},
		{model.Int64, "9007199254740993.0", 9007199254740993, nil},
		{model.Int64, "9223372036854775807", math.MaxInt64, nil},
		{model.Int64, "9223372036854775807.000", math.MaxInt64, nil},
		{model.Int64, "9223372036854775808", 0, errRange},
		{model.Int64, "9223372036854775808.0", 0, errRange},
		{model.Int64, "-9223372036854775808.0", math.MinInt64, nil},
		{model.Int64, "-9223372036854775809", 0, errRange},
		{model.Int64, "1e3", 1000, nil},
		{model.Int64, "1E+3", 1000, nil},
		{model.Int64, "1500e-2", 15, nil},
		{model.Int64, "1501e-2", 0, errFraction},
		{model.Int64, "1e400", 0, errRange},
		{model.Int64, "1e-400", 0, errFraction},
		{model.Int64, "-0", 0, nil},
		{model.Int64, "-0.0e5", 0, nil},
		{model.Int64, "0e999999999", 0, nil},
		{model.Int64, "0e-99999999999999999999999", 0, nil},
		{model.Int64, "1e9223372036854775807", 0, errRange},
		{model.Int64, "1e99999999999999999999", 0, errRange},
		{model.Int64, "0.001e-9223372036854775808", 0, errFraction},
		{model.Int64, "0.001e-99999999999999999999", 0, errFraction},
		{model.Int8, "127", 127, nil},
		{model.Int8, "128", 0, errRange},
		{model.Int8, "1.28e2", 0, errRange},
		{model.Int8, "-128.0", -128, nil},
		{model.Int16, "-32769", 0, errRange},
		{model.Int32, "2147483647.0", math.MaxInt32, nil},
		{model.Int32, "2147483648", 0, errRange},
		{model.Uint8, "255.0", 255, nil},
		{model.Uint8, "256", 0, errRange},
		{model.Uint8, "-1", 0, errRange},
		{model.Uint8, "-0.0", 0, nil},
		{model.Uint8, "-0", 0, nil},
		{model.Uint16, "65535", 65535, nil},
		{model.Uint32, "4294967296", 0, errRange},
		{model.Uint64, "18446744073709551615.0", -1, nil},
		{model.Uint64, "18446744073709551616", 0, errRange},
		{model.Uint64, "0.5", 0, errFraction},
		{model.Bool, "1", 1, nil},
		{model.Bool, "0.0", 0, nil},
		{model.Bool, "2", 0, errNotBoolean},
		{model.Bool, "0.5", 0, errNotBoolean},
	} {
		got, err := appendNumber(nil, test.elem, test.text)
		want := appendInteger(nil, test.elem, uint64(test.want))
		if !errors.Is(err, test.err) || err == nil && string(got) != string(want) {
			t.Errorf("%s as %s: %x, %v; expected %x, %v", test.text, test.elem, got, err, want, test.err)
		}
	}
}

func TestFloats(t *testing.T) {
	for _, test := range []struct {
		elem model.ElemType
		text string
		want uint64
		err  error
	}{
		{model.Float32, "16777217", uint64(math.Float32bits(16777216)), nil},
		{model.Float32, "16777217.0000000000000001", uint64(math.Float32bits(16777218)), nil}, // once, not by way of float64
		{model.Float32, "3.4028235677973367e38", 0, errRange},
		{model.Float32, "1e-50", 0, nil},
		{model.Float32, "-0", 0x80000000, nil},
		{model.Float64, "0.1", math.Float64bits(0.1), nil},
		{model.Float64, "1e400", 0, errRange},
		{model.Float64, "0e999999999", 0, nil},
		{model.Float16, "-0.0", 0x8000, nil},
		{model.BFloat16, "1e400", 0, errRange},
	} {
		got, err := appendNumber(nil, test.elem, test.text)
		var want []byte
		switch bitsOf(test.elem) {
		case 16:
			want = native.AppendUint16(nil, uint16(test.want))
		case 32:
			want = native.AppendUint32(nil, uint32(test.want))
		default:
			want = native.AppendUint64(nil, test.want)
		}
		if !errors.Is(err, test.err) || err == nil && string(got) != string(want) {
			t.Errorf("%s as %s: %x, %v; expected %x, %v", test.text, test.elem, got, err, want, test.err)
		}
	}
}

func TestCells(t *testing.T) {
	for text, want := range map[string]string{".5": "0.5", "1.": "1", "+1": "1", "-.5e1": "-5", "nan": "NaN", "NaN": "NaN", "INF": "+Inf", "-infinity": "-Inf", "+inf": "+Inf"} {
		b, err := appendCell(nil, model.Float64, text)
		if err != nil || fmt.Sprint(math.Float64frombits(native.Uint64(b))) != want {
			t.Errorf("%q: %x, %v", text, b, err)
		}
	}
	for _, text := range []string{"", "-", "+", ".", "e5", "1e", "1e+", "--1", "1.2.3", "0x10", "1_000", "infin", "1,5", "1 2", "true", "١"} {
		for _, elem := range []model.ElemType{model.Float64, model.Float32, model.Float16, model.Int64, model.Uint8} {
			if _, err := appendCell(nil, elem, text); !errors.Is(err, errNotNumber) {
				t.Errorf("%q as %s: %v", text, elem, err)
			}
		}
	}
	for text, want := range map[string]byte{"true": 1, "FALSE": 0, "1": 1, "0.0": 0} {
		if b, err := appendCell(nil, model.Bool, text); err != nil || b[0] != want {
			t.Errorf("%q: %x, %v", text, b, err)
		}
	}
	if _, err := appendCell(nil, model.Int8, "nan"); !errors.Is(err, errNotNumber) {
		t.Error("nan as int8")
	}
}

// A long number costs no more than its length.
func TestLongNumbers(t *testing.T) {
	long := "1.00048828125" + strings.Repeat("0", 1<<20) + "1"
	for _, text := range []string{long, strings.Repeat("0", 1<<20) + "1e-9", "1" + strings.Repeat("0", 1<<20), "1e1000000000"} {
		for _, elem := range []model.ElemType{model.Float16, model.BFloat16, model.Float32, model.Int64, model.Uint8} {
			_, _ = appendNumber(nil, elem, text)
		}
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = appendNumber(nil, model.Int64, "1e1000000000") }); n > 5 {
		t.Errorf("%v allocations", n)
	}
	if v, err := parseSmall(long, half); err != nil || v != 1.0009765625 {
		t.Errorf("%v, %v", v, err)
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"3.0", "3.5", "-0", "1e3", "1e400", "0e999999999", "9007199254740993.0", "65520", "1.00048828125", "+.5", "0e20000000000000000000+", "1e9223372036854775807", "5.9604644775390625e-8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 400 || strings.Trim(text, "0123456789.eE+-") != "" {
			return
		}
		v, floatErr := strconv.ParseFloat(text, 64)
		n, intErr := appendNumber(nil, model.Int64, text)
		if syntax := errors.Is(floatErr, strconv.ErrSyntax); syntax != errors.Is(intErr, errNotNumber) {
			t.Fatalf("%q: %v, %v", text, floatErr, intErr)
		} else if syntax {
			return
		}
		if _, e, ok := strings.Cut(strings.ToLower(text), "e"); ok {
			if x, err := strconv.Atoi(e); err != nil || x > 400 || x < -400 {
				return // exact arithmetic would take too long
			}
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q: %v is no number to math/big", text, v)
		}
		fits := exact.IsInt() && exact.Num().IsInt64()
		if fits != (intErr == nil) || fits && int64(native.Uint64(n)) != exact.Num().Int64() {
			t.Fatalf("%q as int64: %x, %v", text, n, intErr)
		}
		u, uintErr := appendNumber(nil, model.Uint64, text)
		fits = exact.IsInt() && exact.Num().IsUint64()
		if fits != (uintErr == nil) || fits && native.Uint64(u) != exact.Num().Uint64() {
			t.Fatalf("%q as uint64: %x, %v", text, u, uintErr)
		}
		checkSmall(t, half, text)
		checkSmall(t, brain, text)
	})
}
