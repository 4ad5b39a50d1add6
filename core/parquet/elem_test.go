package parquet_test

import "testing"

// A list of numbers that is handed out packed says what its elements are.
func TestElem(t *testing.T) {
	type row struct {
		F  []float32  `parquet:"f,list"`
		D  []float64  `parquet:"d"`
		I  []int32    `parquet:"i,list"`
		U  []uint64   `parquet:"u"`
		S  []string   `parquet:"s,list"`
		X  float32    `parquet:"x"`
		LL [][]int64  `parquet:"ll,list" parquet-element:",list"`
		N  []*float64 `parquet:"n,list"`
		G  struct {
			V []float32 `parquet:"v,list"`
		} `parquet:"g"`
	}
	f := open(t, written(t, []row{{}}))
	for field, want := range map[string]string{"f": "float", "d": "double", "i": "int64", "u": "uint64", "s": "", "x": "", "ll": "", "n": "double", "g.v": "float", "none": "", "g": ""} {
		if got := f.Elem(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
