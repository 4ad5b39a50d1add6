package record_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

// sameFloats holds a decoder that was asked for floats against one that was not:
// they refuse the same records for the same reason, and what one answers as
// float32 the other answers as text that is rounded to it.
func sameFloats(t *testing.T, text []byte, plain, floats record.Decoder, fields int) {
	t.Helper()
	floats.Floats([]bool{true, true, false}[:fields])
	want, got := make([]record.Value, fields), make([]record.Value, fields)
	wantFail, gotFail := plain.Decode(text, want), floats.Decode(text, got)
	if (wantFail == nil) != (gotFail == nil) || wantFail != nil && *wantFail != *gotFail {
		t.Fatalf("%q: %v, without floats %v", text, gotFail, wantFail)
	}
	if wantFail != nil {
		return
	}
	for i := range want {
		switch w, g := want[i], got[i]; {
		case g.Kind == record.Float32 && w.Kind != record.Float32:
			sameFloat(t, text, w, g)
		case g.Kind == record.Packed:
			n := 0
			record.Elements(w.Raw, func(el record.Value) bool {
				sameFloat(t, text, el, g.At(n))
				n++
				return true
			})
			if n != g.Len() || n == 0 {
				t.Fatalf("%q: %d elements of %d", text, g.Len(), n)
			}
		case g.Kind != w.Kind || string(g.Raw) != string(w.Raw):
			t.Fatalf("%q: field %d is %v %q, without floats %v %q", text, i, g.Kind, g.Raw, w.Kind, w.Raw)
		}
	}
}

func sameFloat(t *testing.T, text []byte, plain, float record.Value) {
	t.Helper()
	want, err := strconv.ParseFloat(string(plain.Raw), 32)
	if err != nil || uint64(math.Float32bits(float32(want))) != float.Bits {
		t.Fatalf("%q: %q is read as %x, want %v, %v", text, plain.Raw, float.Bits, want, err)
	}
}

var floatRecords = []string{
	`{"a":1.5,"b":[1,2.5e3,-0],"c":1}`, `{"a":[],"b":[ 1 ,2 ],"c":[1]}`, `{"a":[1,null],"b":[[1]],"c":null}`, `{"a":1e39,"b":[1e39]}`,
	`{"a":1,"a":"x","b":[1],"b":[2,3]}`, `{"a":[1,2`, `{"a":1.,"b":2}`, `{"a":01}`, `{"a":1}x`, `{"a":{"b":[1]}}`, "{\"a\":[1,\t2\r,3 ] , \"b\":-1}",
}

func FuzzJSONFloats(f *testing.F) {
	for _, s := range floatRecords {
		f.Add([]byte(s))
	}
	fields := []string{"a", "b", "c"}
	f.Fuzz(func(t *testing.T, text []byte) {
		sameFloats(t, text, record.NewJSONDecoder(fields), record.NewJSONDecoder(fields), 3)
		nested := []string{"a", "a.b", "c"} // a list that lies in what is a field itself
		sameFloats(t, text, record.NewJSONDecoder(nested), record.NewJSONDecoder(nested), 3)
	})
}

func FuzzCSVFloats(f *testing.F) {
	for _, s := range []string{"1,2,3", "1.5,-2e3,x\r\n", `"1",2,3`, "1,,3", "1,2", "1,2,3,4", " 1,2,3", "1e39,nan,+1", "1.,.5,01", "\xff,1,2", `1,"2`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		plain, err := record.NewCSVDecoder(record.Header{"a", "b", "c"}, ',', []string{"a", "b", "c"})
		if err != nil {
			t.Fatal(err)
		}
		floats, _ := record.NewCSVDecoder(record.Header{"a", "b", "c"}, ',', []string{"a", "b", "c"})
		sameFloats(t, row, plain, floats, 3)
	})
}
