package engine

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// ErrChanged says that a shard is not what the run began with.
var ErrChanged = errors.New("the input changed during the run")

// Task is what is to be scored.
type Task struct {
	Job    job.Job
	Run    string     // run id; stands in the names of files
	Shards job.Shards // of the whole run; a digest may be empty: it is not known
	Format job.Format // of the input; empty where there is no shard
	Take   []int      // the shards to score, ascending; nil: all

	// Rows are those to score of the shards of Take, in their order; nil: all rows. What is
	// scored then is written as scorer lines, whatever the output's format: it is to be
	// merged with what is published of the other rows.
	Rows []provider.Rows
}

// Options are what a run needs besides its task.
type Options struct {
	Runtime  *onnx.Runtime
	Device   onnx.Device    // as chosen: not auto
	Version  string         // of crossbatch, for the manifest
	Workers  int            // 0: one for each processor
	Open     storage.Opener // of what shards and model lie in; nil: folders of this machine
	Cache    string         // folder for models from elsewhere; needed for those only
	Now      func() time.Time
	Progress func(Progress) // called often and from several goroutines; may be nil
	// Finished is called when a shard is finished, in the order of shards, and
	// holds the run up until it returns. May be nil.
	Finished func(shard int, c record.Counts)
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

// Run is a task that was checked against its model and its data, ready to be
// executed.
type Run struct {
	task    Task
	job     job.Job
	opts    Options
	input   input
	pkg     *model.Package
	scorer  *scorer.Scorer
	folders *storage.Folders
	header  record.Header     // CSV
	types   map[string]string // of fields of typed input, as far as all shards agree
	limits  record.Limits     // of a chunk
	every   time.Duration     // how often a shard is checkpointed
	workers int
}

// input is where the shards lie, in shard order, and how they are written.
type input struct {
	names      []string // for people: a path, or a URI
	format     job.Format
	partitions []map[string]record.Value // by shard: fields that its path tells; nil: paths tell nothing
}

// Prepare checks everything that can be wrong before a record is scored, and
// writes nothing. It needs neither the run's id nor digests: Assign may bring
// them afterwards. The caller closes the Run.
func Prepare(ctx context.Context, t Task, o Options) (*Run, error) {
	r := &Run{task: t, job: t.Job, opts: o, limits: record.DefaultLimits(), every: checkpointEvery, workers: o.Workers}
	if r.workers == 0 {
		r.workers = runtime.GOMAXPROCS(0)
	}
	if r.opts.Progress == nil {
		r.opts.Progress = func(Progress) {}
	}
	if r.opts.Finished == nil {
		r.opts.Finished = func(int, record.Counts) {}
	}
	if r.opts.Open == nil {
		r.opts.Open = storage.OpenLocal
	}
	r.folders = storage.NewFolders(r.opts.Open)
	r.input = locate(t.Shards, t.Format)
	r.place()
	if err := r.load(ctx); err != nil {
		_ = r.Close()
		return nil, err
	}
	if err := r.inspect(ctx); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// load opens the model and makes the scorer.
func (r *Run) load(ctx context.Context) error {
	path, err := FetchModel(ctx, r.opts.Open, r.job.Model.Artifact, r.opts.Cache)
	if err == nil {
		r.pkg, err = model.Open(ctx, path)
	}
	if err != nil {
		return ofModel(err)
	}
	r.scorer, err = scorer.New(r.opts.Runtime, r.opts.Device, r.pkg, r.job)
	return ofModel(err)
}

// ofModel marks an error that no other kind fits as one of the model.
func ofModel(err error) error {
	if err == nil || CodeOf(err) != provider.Internal {
		return err
	}
	return &provider.Error{Code: provider.ModelError, Err: err}
}

// locate names the objects of shards.
func locate(shards job.Shards, f job.Format) input {
	in := input{format: cmp.Or(f, job.JSONL)}
	for _, s := range shards {
		name := s.URI
		if p, ok := storage.LocalPath(s.URI); ok {
			name = filepath.Clean(p)
		}
		in.names = append(in.names, name)
	}
	return in
}

// text is how lines of the input are written.
func (in input) text() record.Format {
	if in.format == job.CSV {
		return record.CSV
	}
	return record.JSONL
}

// Assign says which run this is, what its shards' digests are, and which shards
// it scores (nil: all), where Prepare did not know yet. The shards are those of
// Prepare.
func (r *Run) Assign(run string, shards job.Shards, take []int) {
	r.task.Run, r.task.Shards, r.task.Take = run, shards, take
}

// taken lists the shards to score.
func (r *Run) taken() []int {
	if r.task.Take != nil {
		return r.task.Take
	}
	all := make([]int, len(r.task.Shards))
	for i := range all {
		all[i] = i
	}
	return all
}

// chosen are the rows to score of a shard; ok is false where that is all of them.
func (r *Run) chosen(shard int) (rows record.Rows, ok bool) {
	if r.task.Rows == nil {
		return nil, false
	}
	if i, ok := slices.BinarySearchFunc(r.task.Rows, shard, func(c provider.Rows, shard int) int { return c.Shard - shard }); ok {
		return r.task.Rows[i].Rows, true
	}
	return nil, true
}

// written is the format and the compression of what is scored.
func (r *Run) written() (job.Format, string) {
	if r.task.Rows != nil {
		return job.JSONL, job.CompressionNone
	}
	return r.job.Output.Format, r.job.Output.Compression
}

// Close frees the model and lets go of the input.
func (r *Run) Close() error {
	err := r.folders.Close()
	if r.scorer != nil {
		err = errors.Join(err, r.scorer.Close())
	}
	return err
}

// Model is the model package that scores.
func (r *Run) Model() provider.Model {
	return provider.Model{Name: r.job.Model.Name, Artifact: r.job.Model.Artifact, Digest: r.pkg.Digest}
}

// Batch is how many records a call of the model gets.
func (r *Run) Batch() int { return r.scorer.Batch() }

// Coupled is why records run one at a time though nobody asked for it.
func (r *Run) Coupled() []model.Coupling { return r.scorer.Coupled() }

// Fields are those that are read of a record.
func (r *Run) Fields() []string { return r.scorer.Fields() }

// Header is the columns of CSV input; nil for other input, and where there is none.
func (r *Run) Header() []string { return r.header }

// Types are those of fields of typed input.
func (r *Run) Types() map[string]string { return r.types }

// Made says what scores here.
func (r *Run) Made() provider.Made {
	cols := r.scorer.Columns()
	return provider.Made{
		Engine: record.Engine{
			Crossbatch:  r.opts.Version,
			ONNXRuntime: r.opts.Runtime.Version,
			Device:      r.opts.Device.String(),
			Batch:       r.scorer.Batch(),
		},
		Machine: runtime.GOOS + "/" + runtime.GOARCH,
		Columns: cols.Table(),
		Outputs: cols.Outputs,
	}
}
