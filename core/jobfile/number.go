package jobfile

import (
	"math"
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// wholeNumber is the value of an integral number.
func wholeNumber(v cty.Value) (int64, bool) {
	n, accuracy := v.AsBigFloat().Int64()
	return n, accuracy == big.Exact && n <= math.MaxInt32
}

// numberText is the shortest decimal text of a number. Very large and very
// small ones get an exponent: their plain digits could fill the memory.
func numberText(f *big.Float) string {
	if exp := f.MantExp(nil); exp < -128 || exp > 128 {
		return f.Text('g', -1)
	}
	return f.Text('f', -1)
}
