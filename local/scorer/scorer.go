package scorer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// DefaultBatch is how many records a call of the model gets when the job does
// not say.
const DefaultBatch = 256

// ErrMapping says that the job, the model and the data do not fit together.
var ErrMapping = errors.New("the job does not fit the model")

// Scorer scores records with one model under one mapping. Make it with New,
// show it the first records with Settle, then let each goroutine have a Worker
// of its own.
type Scorer struct {
	job     job.Job
	pkg     *model.Package
	session *onnx.Session

	fields []string // all that is read from a record: keys, kept fields, feeds
	keys   []int    // slots of the key fields
	keep   []int    // slots of the kept fields
	feeds  []feed
	outs   []output
	fetch  []model.Read // what the session answers, in order
	cols   record.Columns

	asked   int  // records a call, before records were seen
	batch   int  // records a call
	fixed   int  // records that a call must have; 0: any number
	coupled bool // runs one record at a time because records could mix
	settled bool
}

// New loads the model and checks the job against it. Errors that a user can
// mend in the job wrap ErrMapping.
func New(rt *onnx.Runtime, device onnx.Device, pkg *model.Package, j job.Job) (*Scorer, error) {
	s := &Scorer{job: j, pkg: pkg}
	if err := s.plan(); err != nil {
		return nil, err
	}
	if err := s.load(rt, device); err != nil {
		return nil, err
	}
	return s, nil
}

// plan resolves everything that needs no data.
func (s *Scorer) plan() error {
	slot := map[string]int{}
	add := func(field string) int {
		i, ok := slot[field]
		if !ok {
			i = len(s.fields)
			slot[field] = i
			s.fields = append(s.fields, field)
		}
		return i
	}
	for _, k := range s.job.Input.Key {
		s.keys = append(s.keys, add(k))
	}
	for _, k := range s.job.Output.Keep {
		s.keep = append(s.keep, add(k.Field))
		s.cols.Keep = append(s.cols.Keep, k.Name)
	}
	s.cols.Keys = len(s.job.Input.Key)
	var err error
	if s.feeds, err = planFeeds(s.pkg.Graph.Inputs, s.job.Input.Tensors, add); err != nil {
		return err
	}
	if s.outs, err = planOutputs(s.pkg.Graph.Outputs, s.job.Output.Select); err != nil {
		return err
	}
	return s.planBatch()
}

// planBatch decides what the model alone tells of batches.
func (s *Scorer) planBatch() error {
	s.batch = s.job.Batching.Records
	if s.batch == 0 {
		s.batch = DefaultBatch
		if len(s.pkg.Graph.Coupled) > 0 {
			s.batch, s.coupled = 1, true
		}
	}
	s.asked = s.batch
	stacked := true
	for i := range s.feeds {
		in := s.feeds[i].input
		stacked = stacked && in.Ranked && len(in.Shape) > 0 && in.Shape[0].Size < 0
	}
	if stacked {
		s.settled = true
	}
	return nil
}

func (s *Scorer) load(rt *onnx.Runtime, device onnx.Device) error {
	m := onnx.Model{Path: s.pkg.Path}
	raw, err := os.ReadFile(s.pkg.Path)
	if err != nil {
		return fmt.Errorf("reading the model: %w", err)
	}
	adapted, reads, changed, err := model.Adapt(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", s.pkg.Path, err)
	}
	if changed {
		m = onnx.Model{Bytes: adapted, Folder: filepath.Dir(s.pkg.Path)}
	}
	inputs := make([]string, len(s.feeds))
	for i, f := range s.feeds {
		inputs[i] = f.input.Name
	}
	fetched := s.wanted(reads)
	if s.session, err = rt.NewSession(m, inputs, fetched, onnx.Options{Device: device, Threads: 1}); err != nil {
		return fmt.Errorf("%s: %w", s.pkg.Path, err)
	}
	return nil
}

// wanted lists the outputs to fetch: those that are published, once each.
func (s *Scorer) wanted(reads []model.Read) []onnx.Output {
	var list []onnx.Output
	at := map[string]int{}
	for i := range s.outs {
		o := &s.outs[i]
		if _, ok := at[o.value.Name]; !ok {
			for _, r := range reads {
				if r.Output == o.value.Name {
					at[r.Output] = len(list)
					s.fetch = append(s.fetch, r)
					elem := o.value.Elem
					if elem == model.Float16 || elem == model.BFloat16 {
						elem = model.Float32 // as adapted
					}
					scalar := o.value.Kind == model.Tensor && o.value.Ranked && len(o.value.Shape) == 0
					list = append(list, onnx.Output{Name: r.From, Scalar: scalar, Type: elem})
				}
			}
		}
		o.at = at[o.value.Name]
		if z := s.fetch[o.at].ZipMap; z != nil {
			o.labels = zipLabels(z)
		}
	}
	return list
}

// Fields are the fields that a record is read for; values passed to Settle and
// to Worker.Score stand in this order.
func (s *Scorer) Fields() []string { return s.fields }

// Floats are the fields that are read as nothing but float32: a decoder may answer
// them so. They stand in the order of Fields.
func (s *Scorer) Floats() []bool {
	wanted := make([]bool, len(s.fields))
	for _, f := range s.feeds {
		for _, slot := range f.slots {
			wanted[slot] = true
		}
	}
	for _, f := range s.feeds {
		for _, slot := range f.slots {
			wanted[slot] = wanted[slot] && f.input.Elem == model.Float32
		}
	}
	for _, slot := range append(slices.Clone(s.keys), s.keep...) {
		wanted[slot] = false
	}
	return wanted
}

// Types says what fields of the input are whose columns have a type: int64,
// uint64, float, double or bool. Keys and kept fields keep it in typed results.
func (s *Scorer) Types(types map[string]string) {
	s.cols.KeyTypes, s.cols.KeepTypes = nil, nil
	for _, k := range s.job.Input.Key {
		s.cols.KeyTypes = append(s.cols.KeyTypes, types[k])
	}
	for _, k := range s.job.Output.Keep {
		s.cols.KeepTypes = append(s.cols.KeepTypes, types[k.Field])
	}
}

// Columns describes the lines that are answered. They are known once the Scorer
// is settled.
func (s *Scorer) Columns() record.Columns { return s.cols }

// Batch is how many records a call of the model gets.
func (s *Scorer) Batch() int { return s.batch }

// Coupled says why records run one at a time though nobody asked for it; nil
// when they do not.
func (s *Scorer) Coupled() []model.Coupling {
	if s.coupled {
		return s.pkg.Graph.Coupled
	}
	return nil
}

// Close frees the model.
func (s *Scorer) Close() error { return s.session.Close() }
