package scorer

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// Settle decides how records meet the model's first axis. Models whose inputs
// all leave it open need no data for that; for others the shape of a record
// tells. values is the first record that could be read, or nil when there is
// none. A Failure says that this record does not tell; the caller tries the
// next. Call it until neither is returned, before the first Worker.
func (s *Scorer) Settle(values []record.Value) (*record.Failure, error) {
	if !s.settled {
		s.batch, s.fixed = s.asked, 0
		if fail := s.settleFeeds(values); fail != nil {
			return fail, nil
		}
		if err := s.settleFixed(); err != nil {
			return nil, err
		}
		if values != nil { // a record that does not fit what it tells is an odd one
			if fail := s.worker().take(0, values); fail != nil {
				return fail, nil
			}
		}
	}
	if fail, err := s.settleOutputs(values); fail != nil || err != nil {
		return fail, err
	}
	s.settled = true
	return nil, s.settleColumns()
}

// Try shows records to Settle, one after another, where they come in small
// numbers and no earlier one told. decided says that one of these did; nothing is
// answered then. Else each of them fails, however others will be scored, and lines
// are dst and their error lines: with the codes that Score gives them, though a
// message about shapes may speak of another one.
func (s *Scorer) Try(ctx context.Context, dst []byte, r Records, shard int, first int64) (lines []byte, decided bool, err error) {
	w, start := s.worker(), len(dst)
	for i := range r.Len() {
		if err := ctx.Err(); err != nil {
			return dst[:start], false, err
		}
		clear(w.values)
		w.heads = w.heads[:0]
		fail := r.Values(i, w.values)
		m := w.key(fail, shard, first+int64(i))
		if fail == nil {
			fail, err = s.Settle(w.values)
			if err != nil || fail == nil {
				return dst[:start], err == nil, err
			}
			if m.fail == nil {
				m.fail = fail
			}
		}
		dst = record.AppendError(dst, w.heads[m.key:m.head], m.fail)
	}
	return dst, false, nil
}

// settleFeeds finds, input by input, whether a record is the whole tensor.
func (s *Scorer) settleFeeds(values []record.Value) *record.Failure {
	for i := range s.feeds {
		f := &s.feeds[i]
		if !f.input.Ranked || len(f.input.Shape) == 0 {
			f.whole = true
			continue
		}
		if values == nil {
			continue
		}
		open := *f // the same fields, without expectations of their shape
		open.input.Ranked, open.max = false, 0
		var c column
		shape, fail := open.add(&c, values, nil, func(int) {})
		if fail != nil {
			return fail
		}
		if f.flatten {
			f.whole = wholeBy(f.input.Shape, shape[0])
		} else {
			f.whole = len(shape) == len(f.input.Shape)
		}
	}
	return nil
}

// wholeBy says whether n elements are a whole tensor rather than one row of it.
func wholeBy(shape []model.Dim, n int64) bool {
	all := int64(1)
	for _, d := range shape {
		if d.Size < 0 {
			return false
		}
		all *= d.Size
	}
	return n == all && shape[0].Size != 1
}

// settleFixed finds the number of records that a call must have.
func (s *Scorer) settleFixed() error {
	whole, text := 0, false
	sizes := map[int64]string{}
	for _, f := range s.feeds {
		if f.whole {
			whole++
			text = text || f.input.Elem == model.String
		} else if n := f.input.Shape[0].Size; n >= 0 {
			sizes[n] = f.input.Name
		}
	}
	if whole > 0 { // one record a call, repeated where an input asks for more
		s.batch, s.fixed = 1, 1
		for n, name := range sizes {
			if n < 1 || n > 1 && (text || len(sizes) > 1) {
				return fmt.Errorf("%w: model input %q takes %d records a call, beside inputs that take one", ErrMapping, name, n)
			}
			s.fixed = int(n)
		}
		return nil
	}
	if len(sizes) > 1 {
		return fmt.Errorf("%w: the model's inputs fix different numbers of records: %s", ErrMapping, describe(s.pkg.Graph.Inputs))
	}
	for n := range sizes {
		if n == 0 {
			return fmt.Errorf("%w: the model's inputs take no record at all: %s", ErrMapping, describe(s.pkg.Graph.Inputs))
		}
		s.fixed = int(n)
		if records := s.job.Batching.Records; !s.coupled && (records == 0 || records > s.fixed) {
			s.batch = s.fixed
		}
	}
	return nil
}

// settleOutputs finds which outputs have the batch axis. A Failure says that the
// record does not tell.
func (s *Scorer) settleOutputs(values []record.Value) (*record.Failure, error) {
	symbols := map[string]bool{}
	for _, f := range s.feeds {
		if !f.whole && f.input.Shape[0].Size < 0 {
			symbols[f.input.Shape[0].Symbol] = true
		}
	}
	counts := s.counts()
	var unsure []int
	for i := range s.outs {
		o := &s.outs[i]
		v := o.value
		switch {
		case v.Kind == model.Sequence:
			o.batched = v.Of != nil && v.Of.Kind == model.Map && counts != nil
		case v.Kind != model.Tensor, v.Ranked && len(v.Shape) == 0, counts == nil:
		case v.Ranked && v.Shape[0].Size >= 0:
			o.batched = s.fixed > 0 && v.Shape[0].Size == int64(s.fixed)
			if len(counts) > 1 { // what the model declares of the answer may come of the one record it was made with
				unsure = append(unsure, i)
			}
		case v.Ranked && symbols[v.Shape[0].Symbol] && v.Shape[0].Symbol != "":
			o.batched = true
		default:
			o.batched = true
			unsure = append(unsure, i)
		}
	}
	if len(unsure) > 0 && values != nil {
		if fail := s.probe(values, counts, unsure); fail != nil {
			return fail, nil
		}
	}
	for _, o := range s.outs {
		if !o.batched && s.batch > 1 {
			return nil, fmt.Errorf("%w: model output %q is %s, without the axis that counts records; set batching { records = 1 }, or --batch 1, to run one record at a time", ErrMapping, o.value.Name, o.value.Type())
		}
		if err := o.check(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// counts are the numbers of records that a call can be tried with: none where
// no input has a batch axis, one and two where it is open in all that have it.
func (s *Scorer) counts() []int {
	stacked := false
	for _, f := range s.feeds {
		if f.whole {
			continue
		}
		if f.input.Shape[0].Size >= 0 {
			return []int{s.fixed}
		}
		stacked = true
	}
	if !stacked {
		return nil
	}
	return []int{1, 2}
}

// probe runs one record by itself and copies of it in a batch: an output whose
// first axis does not grow with the records has no batch axis. Nor has one that
// is of another size when all elements are zero: it counts something in the
// data, such as what a detector found, and had one by accident. A Failure says
// that the record does not tell, as it does not fit the model or the model
// refuses it.
func (s *Scorer) probe(values []record.Value, counts, unsure []int) *record.Failure {
	w := s.worker()
	if fail := w.take(0, values); fail != nil {
		return fail
	}
	for _, i := range unsure {
		s.outs[i].batched = true
	}
	try := func(n int, zero bool) error {
		answer, err := s.session.Run(s.copies(w.groups[0], n, zero))
		if err != nil {
			return err
		}
		for _, i := range unsure {
			o := &s.outs[i]
			t := answer[o.at].Tensor
			o.batched = o.batched && t != nil && len(t.Shape) > 0 && t.Shape[0] == int64(n)
		}
		return nil
	}
	for k, n := range counts {
		if err := try(n, false); err != nil && k == 0 {
			return record.Fail(record.ModelError, "%s", oneLine(err.Error()))
		} // a model that cannot take two records: how it answers one must do
	}
	if slices.ContainsFunc(unsure, func(i int) bool { return s.outs[i].batched }) {
		_ = try(counts[0], true) // zeros need not suit the model
	}
	return nil
}

// copies are the model's inputs for n copies of a group's first record.
func (s *Scorer) copies(g *group, n int, zero bool) []onnx.Tensor {
	in := make([]onnx.Tensor, len(s.feeds))
	for k := range s.feeds {
		f, rows := &s.feeds[k], n
		if f.whole {
			rows = 1
		}
		in[k] = f.tensor(&g.cols[k], append([]int64{int64(rows)}, g.shapes[k]...), 0, 1)
		if zero {
			in[k] = onnx.NewTensor(in[k].Type, in[k].Shape)
		}
	}
	return in
}

// settleColumns names what is published.
func (s *Scorer) settleColumns() error {
	s.cols.Outputs = s.cols.Outputs[:0]
	for _, o := range s.outs {
		out := record.Output{Name: o.name, Type: o.value.Elem.String()}
		out.Depth, out.Map = o.depth()
		if dims, ok := o.dims(); ok && len(dims) == 1 && dims[0].Size > 0 {
			out.Width = int(dims[0].Size)
		}
		s.cols.Outputs = append(s.cols.Outputs, out)
	}
	var names []string
	for _, c := range s.cols.Table() {
		names = append(names, c.Name)
	}
	for _, o := range s.cols.Outputs { // JSON has a vector under its plain name
		if o.Width > 0 {
			names = append(names, "prediction."+o.Name)
		}
	}
	sort.Strings(names)
	var twice []string
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			twice = append(twice, fmt.Sprintf("%q", names[i]))
		}
	}
	if len(twice) > 0 {
		return fmt.Errorf("%w: two columns of the result would be named %s; rename them with keep or select", ErrMapping, strings.Join(slices.Compact(twice), ", "))
	}
	return nil
}
