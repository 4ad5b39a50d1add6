package job

import (
	"slices"
	"strconv"
)

// Spread is an input of CSV with these columns, whose tensors name the columns of a
// vector one by one: CSV has no lists, so a result spreads the vector y over y_0, y_1
// and so on, and whoever reads it means all of them by y. A column of the very name
// wins.
func (in Input) Spread(columns []string) Input {
	in.Tensors = slices.Clone(in.Tensors)
	for i, t := range in.Tensors {
		if t.Field == "" || slices.Contains(columns, t.Field) {
			continue
		}
		var fields []string
		for slices.Contains(columns, t.Field+"_"+strconv.Itoa(len(fields))) {
			fields = append(fields, t.Field+"_"+strconv.Itoa(len(fields)))
		}
		if len(fields) == 0 {
			continue
		}
		if rule, ok := t.Null.Fields[t.Field]; ok {
			rules := map[string]Null{}
			for _, f := range fields {
				rules[f] = rule
			}
			t.Null.Fields = rules // t reads one field alone
		}
		t.Field, t.Fields = "", fields
		in.Tensors[i] = t
	}
	return in
}
