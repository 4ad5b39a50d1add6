package scorer

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// appendValue appends the i-th record's part of an output as JSON. A Failure is
// the record's own fault.
func (o *output) appendValue(dst []byte, v onnx.Value, i int) ([]byte, *record.Failure) {
	var t textual
	switch o.value.Elem {
	case model.Float16:
		t.small = &half
	case model.BFloat16:
		t.small = &brain
	}
	switch {
	case o.labels != nil && v.Tensor != nil:
		return o.appendZipped(dst, t, *v.Tensor, i)
	case v.Tensor != nil:
		return o.appendTensor(dst, t, *v.Tensor, i)
	case o.batched && v.Sequence != nil:
		return o.appendPicked(dst, t, v.Sequence[i])
	}
	return o.appendPicked(dst, t, v)
}

func (o *output) appendTensor(dst []byte, t textual, v onnx.Tensor, i int) ([]byte, *record.Failure) {
	dims, base := v.Shape, int64(0)
	if o.batched {
		dims = dims[1:]
		base = int64(i) * product(dims)
	}
	for _, p := range o.picks {
		if len(dims) == 0 || p.index >= dims[0] {
			return dst, record.Fail(record.ModelError, "model output %q of shape %s has no element [%d]", o.value.Name, shapeText(v.Shape), p.index)
		}
		dims = dims[1:]
		base += p.index * product(dims)
	}
	return t.nested(dst, v, dims, base)
}

// appendZipped writes what a ZipMap node would have answered, from its input:
// one map of class to score for each record, or the list of maps where the
// record is the whole tensor.
func (o *output) appendZipped(dst []byte, t textual, v onnx.Tensor, i int) ([]byte, *record.Failure) {
	width := int(v.Shape[len(v.Shape)-1])
	if width != len(o.labels) {
		return dst, record.Fail(record.ModelError, "model output %q has %d scores for %d classes", o.value.Name, width, len(o.labels))
	}
	if len(o.picks) == 1 {
		for _, l := range o.labels {
			if l.text == o.picks[0].key {
				return t.scalar(dst, v, int64(i*width+l.column))
			}
		}
		return dst, o.noKey()
	}
	if o.batched {
		return t.zipped(dst, o.labels, v, i), nil
	}
	dst = append(dst, '[')
	for i := range int(v.Shape[0]) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = t.zipped(dst, o.labels, v, i)
	}
	return append(dst, ']'), nil
}

func (o *output) noKey() *record.Failure {
	return record.Fail(record.ModelError, "model output %q has no key %q", o.value.Name, o.picks[0].key)
}

// zipped writes row i of a matrix of float32 as a map.
func (t textual) zipped(dst []byte, labels []label, v onnx.Tensor, i int) []byte {
	dst = append(dst, '{')
	for k, l := range labels {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(record.AppendString(dst, l.text), ':')
		dst, _ = t.scalar(dst, v, int64(i*len(labels)+l.column)) // numbers do not fail
	}
	return append(dst, '}')
}

// label is a class of a ZipMap and the column of its score.
type label struct {
	text   string
	column int
}

// zipLabels stand in the order of the maps that ONNX Runtime answers: sorted by
// number, or by bytes.
func zipLabels(z *model.ZipMap) []label {
	var labels []label
	for i, n := range z.Ints {
		labels = append(labels, label{strconv.FormatInt(n, 10), i})
	}
	for i, s := range z.Strings {
		labels = append(labels, label{s, i})
	}
	slices.SortStableFunc(labels, func(a, b label) int {
		if len(z.Ints) > 0 {
			return cmp.Compare(z.Ints[a.column], z.Ints[b.column])
		}
		return cmp.Compare(a.text, b.text)
	})
	return labels
}

func (o *output) appendPicked(dst []byte, t textual, v onnx.Value) ([]byte, *record.Failure) {
	if len(o.picks) == 1 && v.Map != nil {
		keys, values := v.Map[0], v.Map[1]
		for k := range product(keys.Shape) {
			if keyText(keys, k) == o.picks[0].key {
				return t.scalar(dst, values, k)
			}
		}
		return dst, o.noKey()
	}
	return t.any(dst, v)
}

// textual writes values as JSON. small is set for types of 16 bits, which are
// read as float32 and print as short as their own width allows.
type textual struct{ small *small }

func (t textual) any(dst []byte, v onnx.Value) ([]byte, *record.Failure) {
	var fail *record.Failure
	switch {
	case v.Tensor != nil:
		return t.nested(dst, *v.Tensor, v.Tensor.Shape, 0)
	case v.Map != nil:
		keys, values := v.Map[0], v.Map[1]
		dst = append(dst, '{')
		for k := range product(keys.Shape) {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(record.AppendString(dst, keyText(keys, k)), ':')
			if dst, fail = t.scalar(dst, values, k); fail != nil {
				return dst, fail
			}
		}
		return append(dst, '}'), nil
	}
	dst = append(dst, '[')
	for i, item := range v.Sequence {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, fail = t.any(dst, item); fail != nil {
			return dst, fail
		}
	}
	return append(dst, ']'), nil
}

func keyText(keys onnx.Tensor, i int64) string {
	if keys.Type == model.String {
		return keys.Strings[i]
	}
	return strconv.FormatInt(int64(native.Uint64(keys.Data[i*8:])), 10)
}

func (t textual) nested(dst []byte, v onnx.Tensor, dims []int64, base int64) ([]byte, *record.Failure) {
	if len(dims) == 0 {
		return t.scalar(dst, v, base)
	}
	step := product(dims[1:])
	dst = append(dst, '[')
	for i := range dims[0] {
		if i > 0 {
			dst = append(dst, ',')
		}
		var fail *record.Failure
		if dst, fail = t.nested(dst, v, dims[1:], base+i*step); fail != nil {
			return dst, fail
		}
	}
	return append(dst, ']'), nil
}

func (t textual) scalar(dst []byte, v onnx.Tensor, i int64) ([]byte, *record.Failure) {
	d := v.Data
	switch v.Type {
	case model.Float32:
		f := math.Float32frombits(native.Uint32(d[i*4:]))
		if t.small != nil {
			return record.AppendFloat(dst, t.small.shortest(float64(f)), 64), nil
		}
		return record.AppendFloat(dst, float64(f), 32), nil
	case model.Float64:
		return record.AppendFloat(dst, math.Float64frombits(native.Uint64(d[i*8:])), 64), nil
	case model.Int64:
		return strconv.AppendInt(dst, int64(native.Uint64(d[i*8:])), 10), nil
	case model.Int32:
		return strconv.AppendInt(dst, int64(int32(native.Uint32(d[i*4:]))), 10), nil
	case model.Int16:
		return strconv.AppendInt(dst, int64(int16(native.Uint16(d[i*2:]))), 10), nil
	case model.Int8:
		return strconv.AppendInt(dst, int64(int8(d[i])), 10), nil
	case model.Uint64:
		return strconv.AppendUint(dst, native.Uint64(d[i*8:]), 10), nil
	case model.Uint32:
		return strconv.AppendUint(dst, uint64(native.Uint32(d[i*4:])), 10), nil
	case model.Uint16:
		return strconv.AppendUint(dst, uint64(native.Uint16(d[i*2:])), 10), nil
	case model.Uint8:
		return strconv.AppendUint(dst, uint64(d[i]), 10), nil
	case model.Bool:
		return strconv.AppendBool(dst, d[i] != 0), nil
	case model.String:
		if !utf8.ValidString(v.Strings[i]) {
			return dst, record.Fail(record.ModelError, "the model answered a string that is no UTF-8")
		}
		return record.AppendString(dst, v.Strings[i]), nil
	}
	return dst, record.Fail(record.ModelError, "%s", fmt.Sprintf("the model answered elements of type %s, which cannot be written", v.Type))
}
