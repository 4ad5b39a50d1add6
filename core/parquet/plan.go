package parquet

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/crossbatch/crossbatch/core/record"
)

// plan lays the columns out and returns the paths of their values in a line.
func (e *Encoder) plan(cols record.Columns) ([][]string, error) {
	paths := [][]string{{"key"}}
	var top []string
	add := func(name, typ string, optional bool, slot, part int) {
		top = append(top, name)
		e.scalar(outColumn{name: name, slot: slot, part: part, parts: cols.Keys}, []string{name}, inputType(typ), optional)
	}
	e.group("schema", format.Required, false)
	if cols.Keys < 2 {
		add("key", typeAt(cols.KeyTypes, 0, cols.Keys), false, 0, -1)
	}
	for i := 0; cols.Keys > 1 && i < cols.Keys; i++ {
		add("key_"+strconv.Itoa(i), typeAt(cols.KeyTypes, i, cols.Keys), false, 0, i)
	}
	for i, name := range cols.Keep {
		add(name, typeAt(cols.KeepTypes, i, len(cols.Keep)), true, len(paths), -1)
		paths = append(paths, []string{name})
	}
	if len(cols.Outputs) > 0 { // a group without members cannot be
		top = append(top, "prediction")
		group := e.group("prediction", format.Required, true)
		e.schema[group].NumChildren.Set(int32(len(cols.Outputs)))
	}
	e.schema[0].NumChildren.Set(int32(len(top)))
	var outputs []string
	for _, o := range cols.Outputs {
		outputs = append(outputs, o.Name)
		e.output(o, len(paths))
		paths = append(paths, []string{"prediction", o.Name})
	}
	for _, names := range [][]string{top, outputs} {
		for i, name := range names {
			if slices.Contains(names[:i], name) {
				return nil, fmt.Errorf("two columns of the result are named %q", name)
			}
		}
	}
	return paths, nil
}

func typeAt(types []string, i, n int) string {
	if i < n && i < len(types) {
		return types[i]
	}
	return ""
}

// group adds an element with children, and returns where it stands.
func (e *Encoder) group(name string, rep format.FieldRepetitionType, repeats bool) int {
	el := format.SchemaElement{Name: name, NumChildren: thrift.New(int32(1))}
	if repeats {
		el.RepetitionType.Set(rep)
	}
	e.schema = append(e.schema, el)
	return len(e.schema) - 1
}

// leaf adds a leaf.
func (e *Encoder) leaf(path []string, t outType, rep format.FieldRepetitionType, def, repLevel int) *outLeaf {
	el := format.SchemaElement{Name: path[len(path)-1], Type: thrift.New(t.physical), RepetitionType: thrift.New(rep)}
	switch t.kind {
	case outText, outString:
		el.LogicalType.Value = &format.StringType{}
		el.ConvertedType.Set(deprecated.UTF8)
	case outInt, outUint:
		el.LogicalType.Value = &format.IntType{BitWidth: int8(t.bits), IsSigned: t.kind == outInt}
		first := deprecated.Uint8
		if t.kind == outInt {
			first = deprecated.Int8
		}
		for bits := 8; bits < t.bits; bits *= 2 {
			first++
		}
		el.ConvertedType.Set(first)
	}
	e.schema = append(e.schema, el)
	l := &outLeaf{path: path, outType: t, maxDef: def, maxRep: repLevel}
	e.leaves = append(e.leaves, l)
	return l
}

func (e *Encoder) scalar(c outColumn, path []string, t outType, optional bool) {
	rep, def := format.Required, 0
	if optional {
		rep, def = format.Optional, 1
	}
	c.leaf = e.leaf(path, t, rep, def, 0)
	c.optional = optional
	e.cols = append(e.cols, c)
}

// output adds an output: a scalar, a list or a map.
func (e *Encoder) output(o record.Output, slot int) {
	c := outColumn{name: "prediction." + o.Name, slot: slot, part: -1}
	t := outputType(o.Type)
	path := []string{"prediction", o.Name}
	switch {
	case o.Map:
		i := e.group(o.Name, format.Required, true)
		e.schema[i].LogicalType.Value = &format.MapType{}
		e.schema[i].ConvertedType.Set(deprecated.Map)
		path = append(path, "key_value")
		i = e.group("key_value", format.Repeated, true)
		e.schema[i].NumChildren.Set(2)
		c.keys = e.leaf(append(slices.Clone(path), "key"), outType{kind: outString, physical: format.ByteArray}, format.Required, 1, 1)
		c.leaf = e.leaf(append(path, "value"), t, format.Required, 1, 1)
	case o.Depth > 0:
		c.depth = o.Depth
		name := o.Name
		for range o.Depth {
			i := e.group(name, format.Required, true)
			e.schema[i].LogicalType.Value = &format.ListType{}
			e.schema[i].ConvertedType.Set(deprecated.List)
			e.group("list", format.Repeated, true)
			name = "element"
			path = append(path, "list", "element")
		}
		c.leaf = e.leaf(path, t, format.Required, o.Depth, o.Depth)
	case o.Depth < 0 || t.kind == outText:
		e.scalar(c, path, outType{kind: outText, physical: format.ByteArray}, true)
		return
	default:
		e.scalar(c, path, t, false)
		return
	}
	e.cols = append(e.cols, c)
}
