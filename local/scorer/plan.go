package scorer

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// planFeeds finds the fields of each model input. add gives a field its slot.
func planFeeds(inputs []model.Value, tensors []job.Tensor, add func(string) int) ([]feed, error) {
	byInput := map[string]job.Tensor{}
	for _, t := range tensors {
		byInput[t.Input] = t
	}
	var feeds []feed
	for _, in := range inputs {
		if in.Kind != model.Tensor || in.Elem != model.String && onnx.ElemSize(in.Elem) == 0 {
			return nil, fmt.Errorf("%w: model input %q is %s, which records cannot feed yet", ErrMapping, in.Name, in.Type())
		}
		t, ok := byInput[in.Name]
		if !ok {
			t = job.Tensor{Input: in.Name, Field: in.Name, Null: job.Null{Policy: job.NullFail}}
		}
		delete(byInput, in.Name)
		f, err := planFeed(in, t, add)
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, f)
	}
	for _, t := range tensors {
		if _, left := byInput[t.Input]; left {
			return nil, fmt.Errorf("%w: the model has no input %q; its inputs are %s", ErrMapping, t.Input, describe(inputs))
		}
	}
	if len(feeds) == 0 {
		return nil, fmt.Errorf("%w: the model has no inputs, so no record can feed it", ErrMapping)
	}
	return feeds, nil
}

func planFeed(in model.Value, t job.Tensor, add func(string) int) (feed, error) {
	f := feed{input: in, fields: t.Fields, flatten: len(t.Fields) > 0}
	if !f.flatten {
		f.fields = []string{t.Field}
	}
	for _, name := range f.fields {
		f.slots = append(f.slots, add(name))
		rule, ok := t.Null.Fields[name]
		if !ok {
			rule = t.Null
		}
		n, err := planNull(in, rule)
		if err != nil {
			return feed{}, fmt.Errorf("%w: tensor %q, null of field %q: %w", ErrMapping, in.Name, name, err)
		}
		f.nulls = append(f.nulls, n)
	}
	for name := range t.Null.Fields {
		if !slices.Contains(f.fields, name) {
			return feed{}, fmt.Errorf("%w: tensor %q has a null for field %q, which it does not read", ErrMapping, in.Name, name)
		}
	}
	if t.Max > 0 {
		if err := f.planPad(t); err != nil {
			return feed{}, fmt.Errorf("%w: tensor %q: %w", ErrMapping, in.Name, err)
		}
	}
	if f.flatten && in.Ranked && t.Max == 0 {
		open := 0
		for _, d := range f.dims() {
			if d.Size < 0 {
				open++
			}
		}
		if open > 1 {
			return feed{}, fmt.Errorf("%w: model input %q is %s: flattened fields leave more than one axis open; use field with a nested list", ErrMapping, in.Name, in.Type())
		}
	}
	return f, nil
}

func (f *feed) planPad(t job.Tensor) error {
	dims := f.dims()
	if len(dims) == 0 || dims[0].Size >= 0 {
		return fmt.Errorf("pad needs an open axis behind the batch axis; the model input is %s", f.input.Type())
	}
	for _, d := range dims[1:] {
		if d.Size < 0 {
			return fmt.Errorf("pad fills one open axis; the model input is %s", f.input.Type())
		}
	}
	if t.Pad == nil {
		return fmt.Errorf("max needs pad")
	}
	v, err := literal(f.input.Elem, *t.Pad)
	if err != nil {
		return fmt.Errorf("pad: %w", err)
	}
	f.pad, f.max = &v, int64(t.Max)
	return nil
}

func planNull(in model.Value, n job.Null) (fill, error) {
	switch n.Policy {
	case job.NullNaN:
		data, ok := appendSpecial(nil, in.Elem, "NaN")
		if !ok {
			return fill{}, fmt.Errorf("nan does not fit %s", in.Elem)
		}
		return fill{data: data}, nil
	case job.NullValue:
		return literal(in.Elem, *n.Value)
	}
	return fill{fails: true}, nil
}

// literal is a job file's scalar as one element of type t.
func literal(t model.ElemType, l job.Literal) (fill, error) {
	text := l.Text
	if t == model.String {
		if l.Kind != job.StringLiteral {
			return fill{}, fmt.Errorf("%s is no string", l.Text)
		}
		return fill{text: text}, nil
	}
	switch l.Kind {
	case job.StringLiteral:
		if data, ok := appendSpecial(nil, t, text); ok {
			return fill{data: data}, nil
		}
		return fill{}, fmt.Errorf("%q does not fit %s", text, t)
	case job.BoolLiteral:
		text = map[string]string{"true": "1", "false": "0"}[text]
	}
	data, err := appendNumber(nil, t, text)
	if err != nil {
		return fill{}, fmt.Errorf("%s does not fit %s: %w", l.Text, t, err)
	}
	return fill{data: data}, nil
}

// describe lists a model's inputs or outputs for a message.
func describe(values []model.Value) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = fmt.Sprintf("%q (%s)", v.Name, v.Type())
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}
