package record_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

func TestUnquote(t *testing.T) {
	for _, tt := range []struct {
		quoted, want string
		ok           bool
	}{
		{`""`, "", true},
		{`"aé😀"`, "aé😀", true},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", true},
		{`"\u00e9\u00E9\u20aC\u0000"`, "éé€\x00", true},
		{`"\ud83d\ude00x"`, "😀x", true},
		{`"\ud83d"`, "\ufffd", false},
		{`"\ude00\ud83d"`, "\ufffd\ufffd", false},
		{`"\ud83dx"`, "\ufffdx", false},
		{`"\ud83d\n"`, "\ufffd\n", false},
		{`"\ud83d\u0041"`, "\ufffdA", false}, // what follows the half is kept
		{`"\ud83d\ud83d\ude00"`, "\ufffd😀", false},
		{`"\ufffd"`, "\ufffd", true}, // written as such, no half is lost
	} {
		got, ok := record.Unquote([]byte(tt.quoted))
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %q, %v, want %q, %v", tt.quoted, got, ok, tt.want, tt.ok)
		}
	}
	if got, _ := record.AppendUnquoted([]byte("x"), []byte(`"\u0079"`)); string(got) != "xy" {
		t.Errorf("appended: %q", got)
	}
}

func TestAppendString(t *testing.T) {
	for text, want := range map[string]string{
		"":               `""`,
		`a"\b`:           `"a\"\\b"`,
		"\n\r\t":         `"\n\r\t"`,
		"\x00\b\x1f\x7f": "\"\\u0000\\u0008\\u001f\x7f\"",
		"<é>&\u2028😀":    "\"<é>&\u2028😀\"", // no HTML escapes
		"a\xffb\xc3":     "\"a\ufffdb\ufffd\"",
		"\ufffd":         "\"\ufffd\"",
	} {
		if got := string(record.AppendString([]byte("x"), text)); got != "x"+want {
			t.Errorf("%q: %s, want x%s", text, got, want)
		}
	}
}

// FuzzString writes text as JSON and reads it back, here and with encoding/json,
// which also puts U+FFFD for each byte that is no UTF-8.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a\"\\\n\x00", "é😀\ufffd", "\xff\xed\xa0\x80", "\\ud83d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, there string
		if err := json.Unmarshal(ref, &want); err != nil {
			t.Fatal(err)
		}
		quoted := record.AppendString(nil, text)
		if err := json.Unmarshal(quoted, &there); err != nil || there != want {
			t.Errorf("%s there: %q, %v, want %q", quoted, there, err, want)
		}
		for _, q := range [][]byte{quoted, ref} {
			if got, ok := record.Unquote(q); got != want || !ok {
				t.Errorf("%s: %q, %v, want %q", q, got, ok, want)
			}
		}
	})
}

func TestAppendFloat(t *testing.T) {
	for _, tt := range []struct {
		f    float64
		bits int
		want string
	}{
		{0, 64, "0"},
		{math.Copysign(0, -1), 64, "-0"},
		{1, 64, "1"},
		{-1.5, 32, "-1.5"},
		{0.1, 64, "0.1"},
		{float64(float32(0.1)), 32, "0.1"}, // shortest in its own width
		{float64(float32(0.1)), 64, "0.10000000149011612"},
		{1e-6, 64, "0.000001"},
		{1e-7, 64, "1e-7"},
		{1.5e-10, 64, "1.5e-10"},
		{1e20, 64, "100000000000000000000"},
		{1e21, 64, "1e+21"},
		{float64(float32(1e21)), 32, "1e+21"},
		{float64(float32(1e-6)), 32, "0.000001"}, // as a float64 it is below 1e-6
		{5e-324, 64, "5e-324"},
		{math.MaxFloat64, 64, "1.7976931348623157e+308"},
		{math.MaxFloat32, 32, "3.4028235e+38"},
		{math.SmallestNonzeroFloat32, 32, "1e-45"},
		{math.NaN(), 64, `"NaN"`},
		{math.Inf(1), 32, `"Infinity"`},
		{math.Inf(-1), 64, `"-Infinity"`},
	} {
		if got := string(record.AppendFloat([]byte("x"), tt.f, tt.bits)); got != "x"+tt.want {
			t.Errorf("%v (%d bits): %s, want x%s", tt.f, tt.bits, got, tt.want)
		}
	}
}

// FuzzFloat holds every finite number to the text of encoding/json and to its
// own bits.
func FuzzFloat(f *testing.F) {
	for _, v := range []float64{0, 1, -1e-6, 1e-7, 1e21, math.Pi, 5e-324} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, pattern uint64) {
		if v := math.Float64frombits(pattern); !math.IsNaN(v) && !math.IsInf(v, 0) {
			checkFloat(t, v, v, 64)
		}
		if v := math.Float32frombits(uint32(pattern)); v == v && !math.IsInf(float64(v), 0) {
			checkFloat(t, v, float64(v), 32)
		}
	})
}

func checkFloat(t *testing.T, own any, v float64, bits int) {
	t.Helper()
	want, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	got := string(record.AppendFloat(nil, v, bits))
	if got != string(want) {
		t.Errorf("%d bits: %s, want %s", bits, got, want)
	}
	back, err := strconv.ParseFloat(got, bits)
	if err != nil || math.Float64bits(back) != math.Float64bits(v) {
		t.Errorf("%d bits: %s reads back as %v, %v", bits, got, back, err)
	}
}

func TestAppendCompact(t *testing.T) {
	for text, want := range map[string]string{
		" [ 1 ,\t\"a b\" ,\r\n { \"x y\" : null } ] ": `[1,"a b",{"x y":null}]`,
		`["\" , \\" , "\\\"  "]`:                      `["\" , \\","\\\"  "]`,
		`"  "`:                                        `"  "`,
	} {
		if got := string(record.AppendCompact([]byte("x"), []byte(text))); got != "x"+want {
			t.Errorf("%s: %s, want x%s", text, got, want)
		}
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]record.Kind{}
	for k := record.Missing; k <= record.Cell; k++ {
		name := k.String()
		if before, twice := seen[name]; twice || name == "unknown" {
			t.Errorf("kind %d is called %q, as is %d", k, name, before)
		}
		seen[name] = k
	}
	for k := record.Int; k <= record.Packed+1; k++ { // what a type is called is no matter of how it is stored
		if name := k.String(); (name == "unknown") != (k > record.Packed) || k < record.Packed && name != record.Number.String() {
			t.Errorf("kind %d is called %q", k, name)
		}
	}
}

func TestTypedValues(t *testing.T) {
	for want, v := range map[string]record.Value{
		"-9223372036854775808": {Kind: record.Int, Bits: 1 << 63},
		"18446744073709551615": {Kind: record.Uint, Bits: math.MaxUint64},
		"0.1":                  {Kind: record.Float32, Bits: uint64(math.Float32bits(0.1))},
		"0.10000000149011612":  {Kind: record.Float64, Bits: math.Float64bits(float64(float32(0.1)))},
		`"NaN"`:                {Kind: record.Float64, Bits: math.Float64bits(math.NaN())},
		"[1,-2]":               {Kind: record.Packed, Elem: record.Int, Raw: binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 1), 1<<64-2)},
		"[0.5]":                {Kind: record.Packed, Elem: record.Float32, Raw: binary.NativeEndian.AppendUint32(nil, math.Float32bits(0.5))},
		"[]":                   {Kind: record.Packed, Elem: record.Float64},
	} {
		if got := string(record.AppendJSON(nil, v)); got != want {
			t.Errorf("%+v is %s, want %s", v, got, want)
		}
	}
}
