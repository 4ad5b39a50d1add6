package record

import (
	"encoding/binary"
	"math"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// sameFloatList holds a list that is read at once against its numbers read one by one,
// by JSON's grammar and strconv's rounding.
func sameFloatList(t *testing.T, list string) {
	t.Helper()
	text := []byte(`{"features":[` + list + `],"after":[0.5,1,123456]}`)
	begin := len(`{"features":[`)
	var want []byte
	valid := true
	s := jsonScanner{b: text, i: begin}
	for valid {
		s.space()
		start := s.i
		if c := s.peek(); c != '-' && (c < '0' || c > '9') || s.number() != "" {
			valid = false
			break
		}
		f, err := strconv.ParseFloat(string(text[start:s.i]), 32)
		valid = err == nil
		want = binary.NativeEndian.AppendUint32(want, math.Float32bits(float32(f)))
		s.space()
		if s.peek() != ',' {
			break
		}
		s.i++
	}
	valid = valid && s.peek() == ']'
	got, end, ok := readFloats([]byte("kept"), text, begin)
	if ok != valid {
		t.Fatalf("[%s]: %v, want %v", list, ok, valid)
	}
	if ok && (end != s.i+1 || string(got) != "kept"+string(want)) {
		t.Fatalf("[%s]: %x to byte %d, want %x to byte %d", list, got[4:], end, want, s.i+1)
	}
}

func TestReadFloats(t *testing.T) {
	for _, list := range []string{
		"", " ", "1", "-1", "1,2", "1, 2", " 1 , 2 ", "1 ,2", "1,,2", ",1", "1,", "01,2", "-01,2", "00.5,1", "0.5,-0.5,-0,0,-0.0", "1.,2", ".5,1", "-.5,1", "-,1",
		"12345678,1", "-12345678,1", "-123456789,1", "1234567.8,1", "-1234567.8,1", "-1234567.89,1", "0.12345678,1", "-0.12345678,1", "0.123456789,1", "12.3456789,1",
		"16777216,16777217,1.6777217,0.16777217", "1e5,1", "1.5e5,1", "1E5,1", "1e39,1", "null,1", "1,null", "\"1\",2", "[1],2", "1 2,3", "1-2,3", "1.2.3,4", "1,\n2\t,3",
		"5,0.5,7.25", "0,0,0,0,0,0,0,0,0", "123,4567.125,8",
	} {
		sameFloatList(t, list)
	}
	r := rand.New(rand.NewSource(1))
	for range 60_000 {
		var list strings.Builder
		for k := range 1 + r.Intn(6) {
			if k > 0 {
				list.WriteString([]string{",", ", ", " ,\n"}[r.Intn(12)/5])
			}
			x := r.NormFloat64() * math.Pow10(r.Intn(12)-6)
			format := byte("gf"[r.Intn(2)])
			digits := []int{r.Intn(10), 6, 8, -1, 17}[r.Intn(5)]
			list.WriteString(strconv.FormatFloat(x, format, digits, 64))
		}
		sameFloatList(t, list.String())
	}
}

func FuzzReadFloats(f *testing.F) {
	for _, s := range []string{"1.5,2", "-0.12345678,-1234567.8, 12", "1e5,0.5", "-123456789,1", "1.,2", "1,.5", "12345678,0.1"} {
		f.Add(s)
	}
	f.Fuzz(sameFloatList)
}

func BenchmarkReadFloats(b *testing.B) {
	for _, digits := range []int{6, 17} {
		r := rand.New(rand.NewSource(1))
		n := 1000
		text := []byte("         ")
		for i := range n {
			if i > 0 {
				text = append(text, ',')
			}
			text = strconv.AppendFloat(text, r.NormFloat64()*math.Pow10(r.Intn(6)-3), 'g', digits, 64)
		}
		text = append(text, "]}"...)
		b.Run(strconv.Itoa(digits), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var dst []byte
			for b.Loop() {
				var ok bool
				if dst, _, ok = readFloats(dst[:0], text, 9); !ok {
					b.Fatal("not read")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/number")
		})
	}
}
