package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/agext/levenshtein"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// sample reads the first shard that holds records until every field was seen
// and the scorer knows the shape of a record. A field that the whole shard
// lacks is an error, and so are values of which none fits the model: that is
// the mapping's fault, not the records'.
func (r *Run) sample(ctx context.Context) error {
	if r.input.format == job.CSV && r.header != nil {
		for _, f := range r.scorer.Fields() {
			if !slices.Contains(r.header, f) && !r.input.told(0, f) {
				return r.noField(f, r.header, "the header")
			}
		}
	}
	if err := r.typed(ctx); err != nil {
		return err
	}
	for shard := range r.input.names {
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

// typed tells the scorer the types of fields that all shards of Parquet agree on.
func (r *Run) typed(ctx context.Context) error {
	if r.input.format != job.Parquet {
		return nil
	}
	types := map[string]string{}
	for i := range r.input.names {
		f, err := r.footer(ctx, i)
		if err != nil {
			return err
		}
		if f.Records() == 0 {
			continue
		}
		for _, field := range r.scorer.Fields() {
			t := f.Type(field)
			if was, seen := types[field]; seen && t != was || r.input.told(i, field) {
				t = ""
			}
			types[field] = t
		}
	}
	r.types = types
	r.scorer.Types(types)
	return nil
}

// fits scores first records of a shard until one is of the shape and the types
// that the model takes. The model itself is called for that one at most.
func (r *Run) fits(ctx context.Context, shard int) error {
	s, err := r.glance(ctx, shard, r.scorer.Fields())
	if err != nil {
		return err
	}
	defer s.close()
	v, err := r.scored()
	if err != nil {
		return err
	}
	var c chunk
	if err := s.next(&c, first); err != nil {
		return err
	}
	w, misfit := r.scorer.NewWorker(), ""
	records := v.of(&c, shard)
	for i := range records.Len() {
		var a scorer.Answers
		if err := w.Answer(ctx, &a, one{records, i}, shard, c.first+int64(i)); err != nil {
			return err
		}
		var failed struct {
			Code    record.Code `json:"code"`
			Message string      `json:"message"`
		}
		if len(a.Failed) > 0 {
			if err := json.Unmarshal(a.Failed, &failed); err != nil {
				return fmt.Errorf("trying a record: %w", err)
			}
		}
		switch failed.Code {
		case record.WrongShape, record.WrongType:
			if misfit == "" {
				misfit = failed.Message
			}
		case "", record.ModelError:
			return nil
		}
	}
	if misfit != "" {
		return provider.Errorf(provider.DataError, "no record at the start of %s fits the model: %s", r.input.names[shard], misfit)
	}
	return nil
}

// first is how many records of a shard are tried before it is judged.
const first = 1000

// sampleShard looks at a shard's records. found says whether it holds any.
func (r *Run) sampleShard(ctx context.Context, shard int) (found bool, err error) {
	fields, path := r.scorer.Fields(), r.input.names[shard]
	s, err := r.glance(ctx, shard, fields)
	if err != nil {
		return false, err
	}
	defer s.close()
	v, err := r.scored()
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	missing := make([]bool, len(fields)) // of lines of JSON: no record so far has it
	left, settled, tried := 0, false, 0
	switch s := s.(type) {
	case *rowSource:
		for _, f := range fields {
			if !s.file.Has(f) && s.file.Records() > 0 && !r.input.told(shard, f) {
				return true, r.noField(f, s.file.Fields(), path)
			}
		}
	default:
		if r.input.format == job.JSONL {
			for i := range missing {
				missing[i] = true
			}
			left = len(fields)
		}
	}
	values := make([]record.Value, len(fields))
	var have []string // fields of the first record that could be read
	var c chunk
	for done := false; !done; {
		err := s.next(&c, first)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return found, err
		}
		found = true
		records := v.of(&c, shard)
		for i := 0; i < records.Len() && !done; i++ {
			clear(values)
			if records.Values(i, values) != nil {
				continue
			}
			if have == nil && left > 0 {
				span := c.block.Records[i]
				have = record.FieldNames(c.block.Data[span.Start:span.End])
			}
			for i, v := range values {
				if missing[i] && v.Kind != record.Missing {
					missing[i] = false
					left--
				}
			}
			if !settled && tried < first {
				tried++
				fail, err := r.scorer.Settle(values)
				if err != nil {
					return found, err
				}
				settled = fail == nil
			}
			done = left == 0 && (settled || tried >= first)
		}
	}
	for i, f := range fields {
		if missing[i] && have != nil {
			return found, r.noField(f, have, "any record of "+path)
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
