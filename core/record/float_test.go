package record

import (
	"fmt"
	"math"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// sameFloat32 compares readFloat32 with JSON's grammar and strconv's rounding,
// where the text ends with the number and where it does not.
func sameFloat32(t *testing.T, text string) {
	t.Helper()
	sameFloat32Of(t, text)
	sameFloat32Of(t, text+",0.12345678,123456789012345678")
	sameFloat32Of(t, text+"]}"+strings.Repeat(" ", 30))
}

func sameFloat32Of(t *testing.T, text string) {
	t.Helper()
	s := jsonScanner{b: []byte(text)}
	valid := s.number() == ""                                // and ends where s.i is
	valid = valid && (s.i == len(text) || text[s.i]-'0' > 9) // 01 is a 0 with a 1 behind it
	want, err := strconv.ParseFloat(text[:s.i], 32)
	got, end, ok := readFloat32([]byte(text), 0)
	if ok != (valid && err == nil) || ok && (end != s.i || math.Float32bits(got) != math.Float32bits(float32(want))) {
		t.Fatalf("%q: %v (%08x) to byte %d, %v; want %v (%08x) to byte %d, %v", text, got, math.Float32bits(got), end, ok, want, math.Float32bits(float32(want)), s.i, err)
	}
}

func TestReadFloat32(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", ".5", "1.", "1.e1", "1e", "1e+", "01", "-01", "00", "0x1", "1_0", "Infinity", "NaN", "é1",
		"0", "-0", "0.0", "-0e5", "1", "12345678", "123456789", "1234567812345678", "0.1", "1e10", "1e-10", "1E+2", "1e00000000005",
		"16777217", "16777216", "33554434", "33554435", "9007199254740993", "1e22", "1e23", "3.4028235e38", "3.4028236e38", "3.5e38", "1e39", "1e400", "1e999999999999",
		"1.17549435e-38", "1.1754942e-38", "1e-45", "7e-46", "0.7e-45", "1e-400", "0e999999",
		"8.589973e9", "8.5899725e9", "1.00000017881393421514957253748434595763683319091796875", "1.00000017881393432617187499", "1.00000017881393432617187500",
		"123456789012345678901234567890", "0.000000000000000000000000000000000000000000000012345", "1,2", "1]", "1 ", "1.5}", "2.5e-3,7",
	} {
		sameFloat32(t, text)
	}
	r := rand.New(rand.NewSource(1))
	for range 50_000 {
		f := math.Float32frombits(r.Uint32())
		if f != f || math.IsInf(float64(f), 0) {
			continue
		}
		for _, digits := range []int{-1, 5, 16, 18} {
			sameFloat32(t, strconv.FormatFloat(float64(f), 'e', digits, 32))
		}
		// The middle between two neighbours, and a bit to its sides.
		middle := (float64(f) + float64(math.Nextafter32(f, math.MaxFloat32))) / 2
		sameFloat32(t, strconv.FormatFloat(middle, 'e', -1, 64))
		sameFloat32(t, strconv.FormatFloat(middle, 'e', 17, 64))
		sameFloat32(t, strconv.FormatFloat(math.Nextafter(middle, 0), 'e', 18, 64))
		sameFloat32(t, fmt.Sprint(r.Uint64(), "e", r.Intn(100)-60))
		sameFloat32(t, fmt.Sprintf("%d.%0*d", r.Intn(1000), 1+r.Intn(12), r.Intn(1000)))
		x := r.NormFloat64() * math.Pow10(r.Intn(10)-5)
		sameFloat32(t, strconv.FormatFloat(x, 'g', 1+r.Intn(18), 64))
		sameFloat32(t, strconv.FormatFloat(x, 'f', r.Intn(12), 64))
	}
}

func FuzzReadFloat32(f *testing.F) {
	for _, s := range []string{"1.5", "-0.000123e-4", "16777217", "1e39", "12345678901234567890.5", "1.", "7e-46,", strings.Repeat("9", 40)} {
		f.Add(s)
	}
	f.Fuzz(sameFloat32)
}

func BenchmarkReadFloat32(b *testing.B) {
	for _, digits := range []int{6, 17} {
		r := rand.New(rand.NewSource(1))
		var text []byte
		n := 1000
		for range n {
			text = append(strconv.AppendFloat(text, r.NormFloat64()*20, 'g', digits, 64), ',')
		}
		b.Run(fmt.Sprint(digits), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				for i := 0; i < len(text); i++ {
					_, end, ok := readFloat32(text, i)
					if !ok {
						b.Fatal(string(text[i:]))
					}
					i = end
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/number")
		})
	}
}
