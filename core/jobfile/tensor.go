package jobfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
)

// tensors reads the tensor blocks, sorted by the model's input.
func tensors(in *body) []job.Tensor {
	var out []job.Tensor
	first := map[string]*body{}
	for _, b := range in.all("tensor") {
		name := b.labels[0]
		b.path = fmt.Sprintf("input.tensor[%q].", name)
		if name == "" {
			in.l.add(problem(b.ranges[0], "Invalid name", "A tensor block names an input of the model.", ""))
		}
		if f := first[name]; f != nil {
			in.l.twice(b.at, fmt.Sprintf("tensor %q", name), f.at)
			continue
		}
		first[name] = b
		out = append(out, tensor(b, name))
	}
	slices.SortFunc(out, func(a, b job.Tensor) int { return cmp.Compare(a.Input, b.Input) })
	return out
}

func tensor(b *body, name string) job.Tensor {
	t := job.Tensor{Input: name}
	field, s, one := b.text("field")
	fields, m, several := b.texts("fields")
	switch {
	case one != absent && several != absent:
		m.fail("A tensor takes field or fields, not both.", "")
	case one == absent && several == absent:
		b.l.add(problem(b.at, "Missing field", fmt.Sprintf("The tensor %q takes nothing from the record.", name), "Write field = NAME, or fields = [NAME, ...]."))
	case one == given && field == "":
		s.fail(s.path+" is empty.", "")
	case several == given && len(fields) == 0:
		m.fail(m.path+" is empty.", "")
	}
	m.names(fields, false)
	t.Field, t.Fields = field, fields
	if one == given {
		fields = []string{field}
	}
	t.Null = nulls(b, fields)
	pad(b, &t)
	return t
}

func pad(b *body, t *job.Tensor) {
	v, s, padded := b.raw("pad")
	length, _, limited := b.integer("max", 1)
	t.Max = length
	if padded == given {
		if lit, ok := literal(v); ok {
			t.Pad = &lit
		} else {
			s.fail(s.path+" takes a string, a number or a bool.", "")
		}
	}
	if (padded == absent) != (limited == absent) {
		at := s
		if padded == absent {
			at = b.spot("max")
		}
		at.fail("pad and max stand together: what fills the axis, and up to where.", "")
	}
}

// nulls reads the null policy of the fields that feed a tensor.
func nulls(b *body, fields []string) job.Null {
	v, s, p := b.raw("null")
	if p != given {
		return job.Null{Policy: job.NullFail}
	}
	if n, ok := nullPolicy(v); ok {
		return n
	}
	out := job.Null{Policy: job.NullFail}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		s.fail(s.path+` takes "fail", "nan", a literal, or a map of these by field.`, "")
		return out
	}
	out.Fields = map[string]job.Null{}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		name := k.AsString()
		n, ok := nullPolicy(e)
		if !ok {
			s.fail(fmt.Sprintf(`The null policy of %s is not "fail", "nan" or a literal.`, s.quote(name)), "")
		}
		if fields != nil && !slices.Contains(fields, name) {
			s.fail(fmt.Sprintf("%s does not feed this tensor.", s.quote(name)), didYouMean(name, fields, strconv.Quote))
		}
		out.Fields[name] = n
	}
	return out
}

func nullPolicy(v cty.Value) (job.Null, bool) {
	lit, ok := literal(v)
	if !ok {
		return job.Null{}, false
	}
	if p := job.NullPolicy(lit.Text); lit.Kind == job.StringLiteral && (p == job.NullFail || p == job.NullNaN) {
		return job.Null{Policy: p}, true
	}
	return job.Null{Policy: job.NullValue, Value: &lit}, true
}

func literal(v cty.Value) (job.Literal, bool) {
	switch {
	case v.IsNull():
		return job.Literal{}, false
	case v.Type() == cty.String:
		return job.Literal{Kind: job.StringLiteral, Text: v.AsString()}, true
	case v.Type() == cty.Bool:
		return job.Literal{Kind: job.BoolLiteral, Text: strconv.FormatBool(v.True())}, true
	case v.Type() == cty.Number:
		return job.Literal{Kind: job.NumberLiteral, Text: numberText(v.AsBigFloat())}, true
	}
	return job.Literal{}, false
}
