package scorer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// output is one published output: a model's, or an element of it.
type output struct {
	name    string
	value   model.Value
	picks   []pick
	at      int     // among the values that the session answers
	labels  []label // of a ZipMap whose input is read in its place
	batched bool    // the first axis counts records
}

// pick is one [index] or ["key"] of a select.
type pick struct {
	index int64 // -1 for a key that is no number
	key   string
}

func planOutputs(outputs []model.Value, selected []job.Selection) ([]output, error) {
	if len(selected) == 0 {
		for _, v := range outputs {
			selected = append(selected, job.Selection{Name: v.Name, Path: v.Name})
		}
	}
	var outs []output
	for _, sel := range selected {
		o, err := planOutput(outputs, sel)
		if err != nil {
			return nil, err
		}
		outs = append(outs, o)
	}
	return outs, nil
}

func planOutput(outputs []model.Value, sel job.Selection) (output, error) {
	o := output{name: sel.Name, value: model.Value{}}
	for _, v := range outputs { // the longest name that the path begins with
		rest, ok := strings.CutPrefix(sel.Path, v.Name)
		if ok && (rest == "" || rest[0] == '[') && len(v.Name) >= len(o.value.Name) {
			o.value = v
		}
	}
	if o.value.Name == "" {
		return o, fmt.Errorf("%w: select %q: the model has no such output; its outputs are %s", ErrMapping, sel.Path, describe(outputs))
	}
	if err := readable(o.value); err != nil {
		return o, err
	}
	var err error
	if o.picks, err = parsePicks(sel.Path[len(o.value.Name):]); err != nil {
		return o, fmt.Errorf("%w: select %q: %w", ErrMapping, sel.Path, err)
	}
	return o, nil
}

// readable refuses outputs that the binding cannot hand out.
func readable(v model.Value) error {
	elem := v.Elem
	switch {
	case v.Kind == model.SparseTensor, v.Kind == model.Optional:
	case v.Kind != model.Tensor && (elem == model.Float16 || elem == model.BFloat16):
	case elem == model.String || onnx.ElemSize(elem) > 0:
		return nil
	}
	return fmt.Errorf("%w: model output %q is %s, which ONNX Runtime's Go binding cannot read; select the other outputs", ErrMapping, v.Name, v.Type())
}

func parsePicks(text string) ([]pick, error) {
	var picks []pick
	for text != "" {
		if text[0] != '[' {
			return nil, fmt.Errorf("expected [index] or [\"key\"] at %q", text)
		}
		if strings.HasPrefix(text, `["`) {
			quoted, err := strconv.QuotedPrefix(text[1:])
			if err != nil {
				return nil, fmt.Errorf("the key at %q is no string", text)
			}
			key, err := strconv.Unquote(quoted)
			if err != nil || !strings.HasPrefix(text[1+len(quoted):], "]") {
				return nil, fmt.Errorf("expected ] behind the key at %q", text)
			}
			picks = append(picks, pick{index: -1, key: key})
			text = text[len(quoted)+2:]
			continue
		}
		inside, rest, ok := strings.Cut(text[1:], "]")
		n, err := strconv.ParseInt(inside, 10, 64)
		if !ok || err != nil || n < 0 {
			return nil, fmt.Errorf("[%s] is neither an index nor a \"key\"", inside)
		}
		picks = append(picks, pick{index: n, key: inside})
		text = rest
	}
	return picks, nil
}

// isMap says whether a record's part of the output is a map.
func (o *output) isMap() bool {
	v := &o.value
	if v.Kind == model.Sequence && o.batched {
		v = v.Of
	}
	return v.Kind == model.Map
}

// dims is the shape of a record's part of the output behind its picks, as far
// as the model says; ok is false when it does not.
func (o *output) dims() (dims []model.Dim, ok bool) {
	if o.value.Kind != model.Tensor || !o.value.Ranked {
		return nil, false
	}
	dims = o.value.Shape
	if o.batched {
		dims = dims[1:]
	}
	return dims[min(len(o.picks), len(dims)):], true
}

// depth says how deep a record's part of the output is nested, as
// record.Output has it.
func (o *output) depth() (depth int, isMap bool) {
	switch dims, ok := o.dims(); {
	case ok:
		return len(dims), false
	case !o.isMap():
		return -1, false
	}
	return 0, len(o.picks) == 0
}

// check refuses picks that no record can satisfy.
func (o *output) check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: select %q: %s; model output %q is %s", ErrMapping, o.name, fmt.Sprintf(format, args...), o.value.Name, o.value.Type())
	}
	if o.isMap() {
		if len(o.picks) > 1 {
			return wrong("a map takes one [key]")
		}
		return nil
	}
	if o.value.Kind != model.Tensor {
		if len(o.picks) > 0 {
			return wrong("elements of a sequence cannot be picked yet")
		}
		return nil
	}
	dims := o.value.Shape
	if o.batched && o.value.Ranked {
		dims = dims[1:]
	}
	for i, p := range o.picks {
		switch {
		case p.index < 0:
			return wrong("a tensor takes [index], not [%q]", p.key)
		case o.value.Ranked && i >= len(dims):
			return wrong("a record's part has %d axes", len(dims))
		case o.value.Ranked && dims[i].Size >= 0 && p.index >= dims[i].Size:
			return wrong("[%d] is past the end", p.index)
		}
	}
	return nil
}
