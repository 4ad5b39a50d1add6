package scorer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// score runs the records [from, to) of a group. When that fails they are halved
// until those that the model refuses stand alone.
func (w *Worker) score(g *group, from, to int) {
	values, err := w.run(g, from, to)
	if err == nil {
		for i := range to - from {
			w.format(&w.marks[g.rows[from+i]], values, i)
		}
		return
	}
	if to-from > 1 {
		middle := (from + to) / 2
		w.score(g, from, middle)
		w.score(g, middle, to)
		return
	}
	w.marks[g.rows[from]].fail = record.Fail(record.ModelError, "%s", oneLine(err.Error()))
}

func (w *Worker) format(m *mark, values []onnx.Value, i int) {
	m.body = len(w.bodies)
	for k := range w.s.outs {
		o := &w.s.outs[k]
		w.bodies = append(w.bodies, w.names[k]...)
		w.bodies, m.fail = o.appendValue(w.bodies, values[o.at], i)
		if m.fail != nil {
			w.bodies = w.bodies[:m.body]
			return
		}
	}
	m.bodyEnd = len(w.bodies)
}

// run calls the model with the records [from, to) of a group, padded with
// copies of the last one where the model fixes their number.
func (w *Worker) run(g *group, from, to int) ([]onnx.Value, error) {
	n := to - from
	for k := range w.s.feeds {
		w.dims[k] = append(append(w.dims[k][:0], int64(max(n, w.s.fixed))), g.shapes[k]...)
		w.inputs[k] = w.s.feeds[k].tensor(&g.cols[k], w.dims[k], from, to)
	}
	values, err := w.s.session.Run(w.inputs)
	if err != nil {
		return nil, err
	}
	for k := range w.s.outs {
		o := &w.s.outs[k]
		if o.batched {
			if got := rows(values[o.at]); got != max(n, w.s.fixed) {
				if w.s.batch == 1 {
					return nil, fmt.Errorf("model output %q has %d rows for one record", o.value.Name, got)
				}
				return nil, fmt.Errorf("model output %q has %d rows for %d records, so it does not count records; set batching { records = 1 }, or --batch 1", o.value.Name, got, n)
			}
		}
	}
	return values, nil
}

func rows(v onnx.Value) int {
	switch {
	case v.Tensor != nil && len(v.Tensor.Shape) > 0:
		return int(v.Tensor.Shape[0])
	case v.Tensor == nil && v.Map == nil:
		return len(v.Sequence)
	}
	return -1
}

// tensor is the feed's input for the records [from, to). dims is the shape of as
// many records as the call must have.
func (f *feed) tensor(c *column, dims []int64, from, to int) onnx.Tensor {
	n, each := int(dims[0]), int(product(dims[1:]))
	t := onnx.Tensor{Type: f.input.Elem, Shape: dims}
	if f.whole {
		t.Shape, n = dims[1:], to-from
	}
	if t.Type == model.String {
		t.Strings = c.strs[from*each : to*each]
		for i := to - from; i < n; i++ {
			t.Strings = append(slices.Clip(t.Strings), c.strs[(to-1)*each:to*each]...)
		}
		return t
	}
	size := onnx.ElemSize(t.Type) * each
	t.Data = c.data[from*size : to*size]
	if n > to-from {
		padded := onnx.Aligned(n * size)
		at := copy(padded, t.Data)
		for at < len(padded) {
			at += copy(padded[at:], c.data[(to-1)*size:to*size])
		}
		t.Data = padded
	}
	return t
}

// oneLine shortens a message of ONNX Runtime to what fits a record's line.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}
