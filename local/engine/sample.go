package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/agext/levenshtein"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// sample reads the first shard that holds records until every field was seen
// and the scorer knows the shape of a record. A field that the whole shard
// lacks is an error, and so are values of which none fits the model: that is
// the mapping's fault, not the records'.
func (r *Run) sample(ctx context.Context) error {
	if r.input.format == record.CSV && r.header != nil {
		for _, f := range r.scorer.Fields() {
			if !slices.Contains(r.header, f) {
				return r.noField(f, r.header, "the header")
			}
		}
	}
	for shard := range r.input.paths {
		found, err := r.sampleShard(ctx, shard)
		if err != nil {
			return err
		}
		if found {
			return r.fits(ctx, shard)
		}
	}
	_, err := r.scorer.Settle(nil)
	return err
}

// fits scores first records of a shard until one is of the shape and the types
// that the model takes. The model itself is called for that one at most.
func (r *Run) fits(ctx context.Context, shard int) error {
	s, err := r.open(ctx, shard, record.DefaultLimits(), func(int) {})
	if err != nil {
		return err
	}
	defer s.close()
	d, err := r.decoder()
	if err != nil {
		return err
	}
	var b record.Block
	if err := s.next(&b); err != nil {
		return err
	}
	w, lines, misfit := r.scorer.NewWorker(), record.NewErrorReader(), ""
	for _, span := range b.Records {
		one := record.Block{First: b.First, Data: b.Data, Records: []record.Span{span}}
		line, _, err := w.Score(ctx, nil, &one, d, shard)
		if err != nil {
			return err
		}
		e, failed, err := lines.Read(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return err
		}
		var code, message string
		if failed {
			if err := errors.Join(json.Unmarshal(e.Code, &code), json.Unmarshal(e.Message, &message)); err != nil {
				return err
			}
		}
		switch record.Code(code) {
		case record.WrongShape, record.WrongType:
			if misfit == "" {
				misfit = message
			}
		case "", record.ModelError:
			return nil
		}
	}
	if misfit != "" {
		return provider.Errorf(provider.DataError, "no record at the start of %s fits the model: %s", s.path, misfit)
	}
	return nil
}

func (r *Run) sampleShard(ctx context.Context, shard int) (found bool, err error) {
	s, err := r.open(ctx, shard, record.DefaultLimits(), func(int) {})
	if err != nil {
		return false, err
	}
	defer s.close()
	d, err := r.decoder()
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.path, err)
	}
	fields := r.scorer.Fields()
	missing := map[int]bool{}
	for i := range fields {
		missing[i] = r.input.format == record.JSONL
	}
	left, settled, tried := len(fields), false, 0
	if r.input.format == record.CSV {
		left = 0
	}
	values := make([]record.Value, len(fields))
	var first []byte
	var b record.Block
	for {
		err := s.next(&b)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found, err
		}
		for _, span := range b.Records {
			found = true
			text := b.Data[span.Start:span.End]
			if span.Failure != nil || d.Decode(text, values) != nil {
				continue
			}
			if first == nil {
				first = append([]byte{}, text...)
			}
			for i, v := range values {
				if missing[i] && v.Kind != record.Missing {
					missing[i] = false
					left--
				}
			}
			if !settled && tried < 1000 {
				tried++
				fail, err := r.scorer.Settle(values)
				if err != nil {
					return found, err
				}
				settled = fail == nil
			}
			if left == 0 && (settled || tried >= 1000) {
				break
			}
		}
		if left == 0 && (settled || tried >= 1000) {
			break
		}
	}
	for i, f := range fields {
		if missing[i] && first != nil {
			return found, r.noField(f, record.FieldNames(first), "any record of "+s.path)
		}
	}
	if found && !settled {
		_, err = r.scorer.Settle(nil)
	}
	return found, err
}

func (r *Run) noField(field string, have []string, where string) error {
	use := "read"
	for _, t := range r.job.Input.Tensors {
		if t.Field == field || slices.Contains(t.Fields, field) {
			use = fmt.Sprintf("feeds model input %q", t.Input)
		}
	}
	if slices.Contains(r.job.Input.Key, field) {
		use = "is the key"
	}
	for _, in := range r.pkg.Graph.Inputs {
		if in.Name == field && len(r.job.Input.Tensors) == 0 {
			use = fmt.Sprintf("feeds the model input of that name (%s); a tensor block would name other fields", in.Type())
		}
	}
	hint := "the data has " + columnList(have)
	if near := nearest(field, have); near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return provider.Errorf(provider.DataError, "field %q, which %s, is not in %s; %s", field, use, where, hint)
}

// nearest is the name that is at most a third off, or "".
func nearest(name string, among []string) string {
	best, at := "", len(name)/3+1
	for _, n := range among {
		if d := levenshtein.Distance(name, n, nil); d < at {
			best, at = n, d
		}
	}
	return best
}
