package scorer

import (
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
)

// feed fills one model input from the fields of a record.
type feed struct {
	input   model.Value
	fields  []string
	slots   []int  // of the fields, in a record's values
	flatten bool   // lists are flattened in order; else one field, as it is
	nulls   []fill // by field
	pad     *fill  // fills the first axis of a record up to max
	max     int64
	whole   bool // the record is the whole tensor: there is no batch axis
}

// fill is what stands in for a value that is not there.
type fill struct {
	fails bool
	data  []byte // one element
	text  string // of a string tensor
}

// column collects the elements of one input, record after record.
type column struct {
	data []byte
	strs []string
}

func (c *column) truncate(data, strs int) {
	c.data, c.strs = c.data[:data], c.strs[:strs]
}

func (c *column) add(f fill, t model.ElemType) {
	if t == model.String {
		c.strs = append(c.strs, f.text)
		return
	}
	c.data = append(c.data, f.data...)
}

// dims is the shape that a record must have; nil when the model does not say.
func (f *feed) dims() []model.Dim {
	if f.whole || len(f.input.Shape) == 0 {
		return f.input.Shape
	}
	return f.input.Shape[1:]
}

// add appends a record's elements to c and its shape to shape. On failure the
// caller truncates c. filled is told the slot of each null that was filled.
func (f *feed) add(c *column, values []record.Value, shape []int64, filled func(slot int)) ([]int64, *record.Failure) {
	r := reading{feed: f, c: c, filled: filled, leaf: -1, shape: shape[len(shape):]}
	if f.flatten {
		for i, slot := range f.slots {
			if v := &values[slot]; v.Kind == record.Float32 && f.input.Elem == model.Float32 {
				c.data = native.AppendUint32(c.data, uint32(v.Bits))
				r.count++
				continue
			}
			if fail := r.flat(i, values[slot]); fail != nil {
				return shape, fail
			}
		}
		fail := r.settleFlat()
		return append(shape, r.shape...), fail
	}
	if fail := r.nested(values[f.slots[0]], 0); fail != nil {
		return shape, fail
	}
	fail := r.settleNested()
	return append(shape, r.shape...), fail
}
