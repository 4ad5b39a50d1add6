package scorer

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"unsafe"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
)

// reading is one record on its way into one input.
type reading struct {
	*feed
	c      *column
	filled func(int)
	shape  []int64
	leaf   int   // depth of the scalars; -1: none seen
	count  int64 // elements
}

// flat reads a scalar, or a list of any nesting, one element after another.
func (r *reading) flat(field int, v record.Value) *record.Failure {
	v, fail := r.unfold(field, v)
	if fail != nil {
		return fail
	}
	switch v.Kind {
	case record.Array:
		record.Elements(v.Raw, func(el record.Value) bool {
			fail = r.flat(field, el)
			return fail == nil
		})
		return fail
	case record.Packed:
		return r.packed(field, v)
	}
	return r.element(field, v)
}

// packed reads the elements of a typed list.
func (r *reading) packed(field int, v record.Value) *record.Failure {
	if v.Elem == kindOf(r.input.Elem) {
		r.c.data = append(r.c.data, v.Raw...)
		r.count += int64(v.Len())
		return nil
	}
	for i := range v.Len() {
		if fail := r.element(field, v.At(i)); fail != nil {
			return fail
		}
	}
	return nil
}

// kindOf is the kind of typed numbers that are a tensor's elements as they stand;
// Missing where there is none.
func kindOf(t model.ElemType) record.Kind {
	switch t {
	case model.Float32:
		return record.Float32
	case model.Float64:
		return record.Float64
	case model.Int64:
		return record.Int
	}
	return record.Missing
}

// absent fills a whole record where its one field is missing or null.
func (r *reading) absent() bool {
	if r.nulls[0].fails || !r.input.Ranked {
		return false
	}
	for i, d := range r.dims() {
		if padded := i == 0 && r.max > 0; d.Size < 0 && !padded {
			r.shape = r.shape[:0]
			return false
		}
		r.shape = append(r.shape, max(d.Size, 0))
	}
	if len(r.shape) > 0 && r.max > 0 {
		r.shape[0] = r.max
	}
	for range product(r.shape) {
		r.c.add(r.nulls[0], r.input.Elem)
	}
	r.filled(r.slots[0])
	return true
}

// nested reads a list whose nesting is the shape.
func (r *reading) nested(v record.Value, depth int) *record.Failure {
	if depth == 0 && (v.Kind == record.Missing || v.Kind == record.Null) && r.absent() {
		return nil
	}
	v, fail := r.unfold(0, v)
	if fail != nil {
		return fail
	}
	if v.Kind != record.Array && v.Kind != record.Packed {
		if r.leaf >= 0 && r.leaf != depth || len(r.shape) > depth {
			return r.ragged()
		}
		r.leaf = depth
		return r.element(0, v)
	}
	if r.leaf >= 0 && depth >= r.leaf {
		return r.ragged()
	}
	first := len(r.shape) == depth
	if first {
		r.shape = append(r.shape, 0)
	}
	n := int64(0)
	if v.Kind == record.Packed {
		if n = int64(v.Len()); n > 0 && (r.leaf >= 0 && r.leaf != depth+1 || len(r.shape) > depth+1) {
			return r.ragged()
		} else if n > 0 {
			r.leaf = depth + 1
		}
		fail = r.packed(0, v)
	} else {
		record.Elements(v.Raw, func(el record.Value) bool {
			n++
			fail = r.nested(el, depth+1)
			return fail == nil
		})
	}
	if fail != nil {
		return fail
	}
	if !first && r.shape[depth] != n {
		return r.ragged()
	}
	r.shape[depth] = n
	return nil
}

func (r *reading) ragged() *record.Failure {
	return record.Fail(record.WrongShape, "field %q: the lists inside differ in length or depth", r.fields[0])
}

// unfold reads a list that stands as text in a CSV cell.
func (r *reading) unfold(field int, v record.Value) (record.Value, *record.Failure) {
	if v.Kind != record.Cell || r.input.Elem == model.String && r.flatten || !bytes.HasPrefix(bytes.TrimLeft(v.Raw, " "), []byte("[")) {
		return v, nil
	}
	if !r.flatten && r.input.Ranked && r.single() {
		return v, nil
	}
	list, fail := record.ParseValue(v.Raw)
	if fail != nil {
		return v, record.Fail(record.WrongType, "field %q: not a JSON list: %s", r.fields[field], fail.Message)
	}
	return list, nil
}

// single says that the record's part is one element, so that a cell is taken as
// it stands.
func (r *reading) single() bool {
	d := r.dims()
	return len(d) == 0 || r.input.Elem == model.String && !slices.ContainsFunc(d, func(d model.Dim) bool { return d.Size != 1 })
}

// settleFlat finds the record's shape from the number of its elements.
func (r *reading) settleFlat() *record.Failure {
	if fail := r.padFlat(); fail != nil {
		return fail
	}
	dims := r.dims()
	if !r.input.Ranked {
		r.shape = append(r.shape, r.count)
		return nil
	}
	fixed, open := int64(1), -1
	for i, d := range dims {
		r.shape = append(r.shape, d.Size)
		if d.Size < 0 {
			open = i
		} else {
			fixed *= d.Size
		}
	}
	if open >= 0 && fixed > 0 && r.count%fixed == 0 {
		r.shape[open] = r.count / fixed
		return nil
	}
	if open < 0 && r.count == fixed {
		return nil
	}
	return record.Fail(record.WrongShape, "model input %q takes %s; the fields hold %d elements", r.input.Name, r.expected(), r.count)
}

// settleNested compares the record's shape with the model's.
func (r *reading) settleNested() *record.Failure {
	dims := r.dims()
	if len(r.shape) == 0 && len(dims) == 1 && dims[0].Size == 1 { // a scalar feeds [N,1]
		r.shape = append(r.shape, 1)
	}
	if n := len(r.shape); n > 0 && r.shape[n-1] == 0 { // an empty list does not say what it is empty of
		for k := n; k < len(dims); k++ {
			r.shape = append(r.shape, max(dims[k].Size, 0))
		}
	}
	if r.max > 0 && len(r.shape) > 0 {
		if fail := r.padTo(r.shape[0], product(r.shape[1:])); fail != nil {
			return fail
		}
		r.shape[0] = r.max
	}
	if !r.input.Ranked {
		return nil
	}
	ok := len(r.shape) == len(dims)
	for i := 0; ok && i < len(dims); i++ {
		ok = dims[i].Size < 0 || dims[i].Size == r.shape[i]
	}
	if !ok {
		return record.Fail(record.WrongShape, "model input %q takes %s; field %q has %s", r.input.Name, r.expected(), r.fields[0], shapeText(r.shape))
	}
	return nil
}

func (r *reading) padFlat() *record.Failure {
	if r.max == 0 {
		return nil
	}
	inner := int64(1)
	for _, d := range r.dims()[1:] {
		inner *= d.Size
	}
	if inner <= 0 || r.count%inner != 0 {
		return nil // settleFlat says what is wrong
	}
	return r.padTo(r.count/inner, inner)
}

// padTo fills the first axis, n long, up to max; inner is the elements of one
// step on it.
func (r *reading) padTo(n, inner int64) *record.Failure {
	if n > r.max {
		return record.Fail(record.WrongShape, "model input %q: %d elements, max is %d", r.input.Name, n, r.max)
	}
	for range (r.max - n) * inner {
		r.c.add(*r.pad, r.input.Elem)
		r.count++
	}
	return nil
}

func (r *reading) expected() string {
	dims := r.dims()
	if len(dims) == 0 {
		return "one " + r.input.Elem.String()
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = d.String()
	}
	return r.input.Elem.String() + " [" + strings.Join(parts, ",") + "]"
}

// element converts one scalar.
func (r *reading) element(field int, v record.Value) *record.Failure {
	t := r.input.Elem
	r.count++
	if v.Kind == record.Missing || v.Kind == record.Null {
		f := r.nulls[field]
		if f.fails {
			if v.Kind == record.Missing {
				return record.Fail(record.MissingField, "field %q is missing", r.fields[field])
			}
			return record.Fail(record.MissingField, "field %q is null", r.fields[field])
		}
		r.c.add(f, t)
		r.filled(r.slots[field])
		return nil
	}
	if t == model.String {
		return r.text(field, v)
	}
	var err error
	switch v.Kind {
	case record.Number:
		r.c.data, err = appendNumber(r.c.data, t, view(v.Raw))
	case record.Int, record.Uint, record.Float32, record.Float64:
		r.c.data, err = appendTyped(r.c.data, t, v)
	case record.Bool:
		digit := "0"
		if v.Raw[0] == 't' {
			digit = "1"
		}
		r.c.data, err = appendNumber(r.c.data, t, digit)
	case record.Cell:
		r.c.data, err = appendCell(r.c.data, t, view(bytes.Trim(v.Raw, " \t")))
	case record.String:
		var ok bool
		if r.c.data, ok = appendSpecial(r.c.data, t, view(v.Raw[1:len(v.Raw)-1])); !ok {
			err = errNotNumber
		}
	default:
		err = errNotNumber
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errRange):
		return record.Fail(record.OutOfRange, "field %q: %s does not fit %s", r.fields[field], excerpt(v), t)
	case errors.Is(err, errFraction):
		return record.Fail(record.OutOfRange, "field %q: %s is not a whole number, model input %q takes %s", r.fields[field], excerpt(v), r.input.Name, t)
	}
	return record.Fail(record.WrongType, "field %q: %s is %s, model input %q takes %s", r.fields[field], excerpt(v), v.Kind, r.input.Name, t)
}

func (r *reading) text(field int, v record.Value) *record.Failure {
	var s string
	switch v.Kind {
	case record.Cell:
		s = string(v.Raw)
	case record.String:
		var ok bool
		if s, ok = record.Unquote(v.Raw); !ok {
			return record.Fail(record.InvalidUTF8, "field %q holds half of a surrogate pair", r.fields[field])
		}
	default:
		return record.Fail(record.WrongType, "field %q: %s is %s, model input %q takes string", r.fields[field], excerpt(v), v.Kind, r.input.Name)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return record.Fail(record.WrongType, "field %q holds a NUL character, which ONNX Runtime's strings cannot", r.fields[field])
	}
	r.c.strs = append(r.c.strs, s)
	return nil
}

// appendCell reads a CSV cell as a number or a boolean. Besides JSON's numbers
// it takes what CSV writers produce: .5, 1., +1, nan, inf, TRUE.
func appendCell(dst []byte, t model.ElemType, text string) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return appendWord(dst, t, strings.ToLower(text))
		}
	}
	return appendNumber(dst, t, text)
}

func appendWord(dst []byte, t model.ElemType, word string) ([]byte, error) {
	switch {
	case t == model.Bool && word == "true":
		return append(dst, 1), nil
	case t == model.Bool && word == "false":
		return append(dst, 0), nil
	}
	for _, w := range []struct{ in, out string }{
		{"nan", "NaN"}, {"inf", "Infinity"}, {"+inf", "Infinity"}, {"infinity", "Infinity"}, {"+infinity", "Infinity"},
		{"-inf", "-Infinity"}, {"-infinity", "-Infinity"},
	} {
		if word == w.in {
			if out, ok := appendSpecial(dst, t, w.out); ok {
				return out, nil
			}
		}
	}
	return dst, errNotNumber
}

// view is b as a string, without a copy; b must not change while it is used.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// excerpt is a value for a message: short, whatever the record holds.
func excerpt(v record.Value) string {
	const most = 40
	raw := v.Raw
	if raw == nil {
		raw = record.AppendJSON(nil, v)
	}
	if len(raw) > most {
		return strings.ToValidUTF8(string(raw[:most]), "") + "…"
	}
	return string(raw)
}

func product(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}
