package parquet

import (
	"math"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/parquet-go/parquet-go/format"
)

// Rows is a batch of rows. The zero value is ready to be filled.
type Rows struct {
	First int64 // the number of its first row in the file

	n      int
	fields []field
	cols   []column
	text   []byte // of values that were made from it
	walk   walker
}

// Len is the number of rows.
func (b *Rows) Len() int { return b.n }

// begin empties the batch for a reader.
func (b *Rows) begin(r *Reader) {
	b.First, b.n, b.fields = r.row, 0, r.fields
	b.text = b.text[:0]
	if len(b.cols) != len(r.leaves) {
		b.cols = make([]column, len(r.leaves))
	}
	for i := range b.cols {
		b.cols[i].reset()
	}
}

func newField(n *node, first int) field {
	fl := field{n: n, first: first}
	leaf := n
	if n.shape == shapeList && !n.repeated() {
		leaf = n.elem
	}
	if leaf.shape == shapeLeaf && leaf.rep == 1 {
		switch leaf.conv {
		case convInt, convUint, convFloat, convDouble:
			fl.packed = leaf
		}
	}
	return fl
}

// Values sets values[i] to the i-th field of a row. They are valid until b is
// filled again. A row that cannot be read gives a *record.Failure. It is safe
// for concurrent use on different Rows.
func (b *Rows) Values(row int, values []record.Value) (fail *record.Failure) {
	defer func() { // as fence: levels that do not go together may have been missed
		if p := recover(); p != nil {
			fail = record.Fail(record.Malformed, "the record cannot be read: %v", p)
		}
	}()
	for i := range b.fields {
		fl := &b.fields[i]
		switch {
		case fl.n == nil:
			values[i] = record.Value{}
		case fl.n.rep == 0 && fl.n.shape == shapeLeaf:
			fail = b.scalar(&values[i], fl.n, &b.cols[fl.first], row)
		default:
			values[i], fail = b.nested(fl, row)
		}
		if fail != nil {
			return fail
		}
	}
	return nil
}

// scalar sets v to one value. It goes through a pointer since this is what wide
// tables spend their time with.
func (b *Rows) scalar(v *record.Value, n *node, c *column, row int) (fail *record.Failure) {
	i := row
	if n.def > 0 {
		if int(c.defs[row]) != n.def {
			*v = record.Value{Kind: record.Null}
			return nil
		}
		i = int(c.vals[row])
	}
	kind := record.String
	switch n.conv {
	case convInt:
		v.Number(record.Int, c.eight(i))
		return nil
	case convUint:
		v.Number(record.Uint, c.eight(i))
		return nil
	case convFloat:
		v.Number(record.Float32, uint64(c.four(i)))
		return nil
	case convDouble:
		v.Number(record.Float64, c.eight(i))
		return nil
	case convHalf:
		v.Number(record.Float32, uint64(math.Float32bits(halfFloat(c.refs[i]))))
		return nil
	case convBool:
		kind = record.Bool
	case convDecimal:
		kind = record.Number
	}
	start := len(b.text)
	b.text, fail = appendLeaf(b.text, n, c, i)
	*v = record.Value{Kind: kind, Raw: b.text[start:len(b.text):len(b.text)]}
	return fail
}

// nested reads a list, a map or a group.
func (b *Rows) nested(fl *field, row int) (record.Value, *record.Failure) {
	n := fl.n
	lead := &b.cols[fl.first] // tells for all columns of the field what is null
	def := 0
	if len(lead.defs) > 0 {
		def = int(lead.defs[lead.level(row)])
	}
	there := n.def
	if n.repeated() {
		there-- // none at all is an empty list
	}
	if def < there {
		return record.Value{Kind: record.Null}, nil
	}
	if fl.packed != nil {
		if v, ok := packed(fl.packed, lead, row, def); ok {
			return v, nil
		}
	}
	kind := record.Object
	if n.repeated() || n.shape == shapeList {
		kind = record.Array
	}
	start := len(b.text)
	var fail *record.Failure
	b.text, fail = b.walk.run(b, fl, row, b.text)
	return record.Value{Kind: kind, Raw: b.text[start:len(b.text):len(b.text)]}, fail
}

// level is where the levels of a row begin.
func (c *column) level(row int) int {
	if len(c.rows) > 1 {
		return int(c.rows[row])
	}
	return row
}

// packed hands out a list of numbers as it stands in the column; ok is false
// when it has nulls, or numbers that no packed list takes.
func packed(leaf *node, c *column, row, def int) (v record.Value, ok bool) {
	v = record.Value{Kind: record.Packed, Elem: record.Int}
	width := 8
	switch leaf.conv {
	case convFloat:
		v.Elem, width = record.Float32, 4
	case convDouble:
		v.Elem = record.Float64
	}
	count := int(c.rows[row+1] - c.rows[row])
	from, to := int(c.vals[row]), int(c.vals[row+1])
	if count == 1 && def < leaf.listDef() {
		v.Raw = c.data[:0:0]
		return v, true
	}
	if to-from != count {
		return v, false
	}
	if leaf.conv == convUint && leaf.physical == format.Int64 {
		for i := from; i < to; i++ {
			if c.eight(i) > math.MaxInt64 {
				return v, false
			}
		}
	}
	v.Raw = c.data[from*width : to*width : to*width]
	return v, true
}
