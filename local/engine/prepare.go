package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// Options are what a run needs besides its job.
type Options struct {
	Runtime  *onnx.Runtime
	Device   onnx.Device // as chosen: not auto
	Version  string      // of crossbatch, for the manifest
	Workers  int         // 0: one for each processor
	Now      func() time.Time
	Progress func(Progress) // called often and from several goroutines; may be nil
}

// Progress is how far a run is.
type Progress struct {
	Phase      Phase
	Bytes, All int64 // of input
	Counts     record.Counts
}

// Phase is what a run is doing.
type Phase string

// The phases of a run, in this order.
const (
	Checking Phase = "checking input"
	Scoring  Phase = "scoring"
)

// Run is a job that was checked against its model and its data, ready to be
// executed once.
type Run struct {
	ID          string
	Fingerprint string

	job     job.Job
	opts    Options
	input   *input
	pkg     *model.Package
	scorer  *scorer.Scorer
	header  record.Header // CSV
	limits  record.Limits
	workers int
}

// Prepare checks everything that can be wrong before a record is scored, and
// writes nothing. The caller closes the Run.
func Prepare(ctx context.Context, j job.Job, o Options) (*Run, error) {
	r := &Run{job: j, opts: o, limits: record.DefaultLimits(), workers: o.Workers}
	if r.workers == 0 {
		r.workers = runtime.GOMAXPROCS(0)
	}
	if r.opts.Progress == nil {
		r.opts.Progress = func(Progress) {}
	}
	if err := r.destinationFree(); err != nil {
		return nil, err
	}
	var err error
	if r.pkg, err = model.Open(ctx, j.Model.Artifact); err != nil {
		return nil, err
	}
	if r.input, err = list(j.Input); err != nil {
		return nil, err
	}
	if err := r.outside(); err != nil {
		return nil, err
	}
	if r.scorer, err = scorer.New(o.Runtime, o.Device, r.pkg, j); err != nil {
		return nil, err
	}
	if err := r.inspect(ctx); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// Close frees the model.
func (r *Run) Close() error { return r.scorer.Close() }

// Device is where the model runs.
func (r *Run) Device() onnx.Device { return r.opts.Device }

// Batch is how many records a call of the model gets.
func (r *Run) Batch() int { return r.scorer.Batch() }

// Coupled is why records run one at a time though nobody asked for it.
func (r *Run) Coupled() []model.Coupling { return r.scorer.Coupled() }

// Shards are the input's objects.
func (r *Run) Shards() job.Shards { return r.input.shards }

// Columns are what is published of each record.
func (r *Run) Columns() record.Columns { return r.scorer.Columns() }

// outside refuses a source that holds the job's own destination.
func (r *Run) outside() error {
	dest := filepath.Clean(r.job.Output.Destination) + string(filepath.Separator)
	for _, p := range r.input.paths {
		if strings.HasPrefix(p, dest) {
			return fmt.Errorf("the input %s lies in the destination %s: a run must not read what it writes", p, r.job.Output.Destination)
		}
	}
	part := dest + record.PartName(0, 1, "00000000", string(r.job.Output.Format))
	for _, s := range r.job.Input.Source {
		inside, err := doublestar.PathMatch(s, part)
		if info, serr := os.Stat(s); serr == nil {
			inside = info.IsDir() && strings.HasPrefix(dest, filepath.Clean(s)+string(filepath.Separator))
		}
		if err == nil && inside {
			return fmt.Errorf("the destination %s lies in the source %s, whose next run would read it", r.job.Output.Destination, s)
		}
	}
	return nil
}

// inspect looks at the data: headers, the first shard's fields, the shape of a
// record; then digests it all.
func (r *Run) inspect(ctx context.Context) error {
	if err := r.headers(ctx); err != nil {
		return err
	}
	if err := r.sample(ctx); err != nil {
		return err
	}
	r.limits.Records = r.scorer.BlockRecords()
	if r.job.Output.Format != job.CSV && r.job.Output.Format != job.JSONL {
		return fmt.Errorf("%w: %s output", ErrNotYet, r.job.Output.Format)
	}
	var all, done int64
	for _, p := range r.input.paths {
		if info, err := os.Stat(p); err == nil {
			all += info.Size()
		}
	}
	progress := newMeter(func(n int64) { r.opts.Progress(Progress{Phase: Checking, Bytes: n, All: all}) }, &done)
	if err := r.input.digest(ctx, progress); err != nil {
		return err
	}
	var err error
	if r.Fingerprint, err = job.Fingerprint(r.job, r.pkg.Digest, r.input.shards); err != nil {
		return err
	}
	r.ID = job.ScoreID(r.job.Identity(), r.Fingerprint)
	return r.destinationFree()
}

// headers reads the header of every CSV shard; they must be equal. Without
// headers the first record gives the number of columns.
func (r *Run) headers(ctx context.Context) error {
	if r.input.format != record.CSV {
		return nil
	}
	first := -1
	for i := range r.input.paths {
		h, err := r.headerOf(ctx, i)
		switch {
		case err != nil:
			return err
		case h == nil:
		case first < 0:
			first, r.header = i, h
			if !r.job.Input.CSV.Header {
				return nil
			}
		case !h.Equal(r.header):
			return fmt.Errorf("the CSV headers of %s and %s differ: %s; %s", r.input.paths[first], r.input.paths[i], columnList(r.header), columnList(h))
		}
	}
	return nil
}

func (r *Run) headerOf(ctx context.Context, shard int) (record.Header, error) {
	s, err := r.open(ctx, shard, func(int) {})
	if err != nil {
		return nil, err
	}
	defer s.close()
	if r.job.Input.CSV.Header {
		return s.header, nil
	}
	h, err := s.split.ReadHeader()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	if h == nil {
		return nil, nil
	}
	return record.Numbered(len(h)), nil
}

func columnList(h record.Header) string {
	const most = 12
	if len(h) > most {
		return strings.Join(h[:most], ", ") + fmt.Sprintf(", … (%d columns)", len(h))
	}
	return strings.Join(h, ", ")
}

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
	s, err := r.open(ctx, shard, func(int) {})
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
		return fmt.Errorf("no record at the start of %s fits the model: %s", s.path, misfit)
	}
	return nil
}

func (r *Run) sampleShard(ctx context.Context, shard int) (found bool, err error) {
	s, err := r.open(ctx, shard, func(int) {})
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
	return fmt.Errorf("field %q, which %s, is not in %s; %s", field, use, where, hint)
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
