package direct

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// workFolder holds, below the destination, what is not published yet. Readers of
// results skip names that start with a dot.
const workFolder = ".crossbatch"

// Options are what a run stands on besides its job. All of them but Runtime,
// Device and Now may be left out.
type Options struct {
	Runtime  *onnx.Runtime
	Device   onnx.Device    // as chosen: not auto
	Open     storage.Opener // of input, model and destination; nil: folders of this machine
	Cache    string         // folder for what is fetched, and for the work on destinations elsewhere
	Digests  *storage.Digests
	Version  string // of crossbatch, for the manifest
	Now      func() time.Time
	Started  func(Start)           // called once the input is checked and the destination held
	Progress func(engine.Progress) // called often and from several goroutines
	// Step is called before and after every step of publishing, with its name.
	// Crash tests end the process in it.
	Step func(point string)
}

// filled is o where what nobody asked to be told goes nowhere.
func (o Options) filled() Options {
	if o.Open == nil {
		o.Open = storage.OpenLocal
	}
	if o.Started == nil {
		o.Started = func(Start) {}
	}
	if o.Progress == nil {
		o.Progress = func(engine.Progress) {}
	}
	if o.Step == nil {
		o.Step = func(string) {}
	}
	return o
}

// Start is a run that is about to score.
type Start struct {
	Run     string
	Shards  int
	Records int64 // that an earlier process answered, which was stopped
	Bytes   int64
	Batch   int
	Coupled []model.Coupling // why records run one at a time, unasked
}

// Result is what a run came to.
type Result struct {
	Run      string
	State    record.State
	Reason   string // why it failed, or what a cancelled one leaves
	Counts   record.Counts
	Scored   int64            // records, in this process
	Seconds  float64          // for these
	Manifest *record.Manifest // nil: nothing was published
	Failures []string         // the first failed records, as lines of failed-*
}

// Run checks a job, scores its input and publishes the result. An error says that
// it could not begin or go on; nothing was published then. engine.ErrBusy:
// another process works on the destination; collect.ErrConflict: it holds the
// result of another job.
func Run(ctx context.Context, j job.Job, o Options) (*Result, error) {
	r := &run{job: j, Options: o.filled()}
	if _, err := r.free(ctx); err != nil {
		return nil, err
	}
	in, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	// The input is digested while the model is loaded and tried.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	digested := make(chan struct{})
	var shards job.Shards
	var unread error
	go func() {
		defer close(digested)
		shards, unread = Digest(reading, in, r.Options)
	}()
	if err := r.prepare(ctx, in); err != nil {
		stop()
		<-digested
		return nil, err
	}
	defer func() { _ = r.engine.Close() }()
	if <-digested; unread != nil {
		return nil, unread
	}
	if err := r.identify(ctx, shards); err != nil {
		return nil, err
	}
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	hold, err := engine.TakeHold(root, r.id)
	if err != nil {
		return nil, err
	}
	w := work{run: r, root: root, hold: hold}
	defer func() { hold.Release(w.keep) }()
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return w.execute(ctx)
}

// Checked is a job whose model and data fit each other.
type Checked struct {
	Input   storage.Input
	Model   provider.Model
	Scoring ledger.Scoring
}

// Check does what can be wrong with a job before its input is digested: it lists
// the input, opens the model and tries a first record. It writes nothing.
func Check(ctx context.Context, j job.Job, o Options) (Checked, error) {
	r := &run{job: j, Options: o.filled()}
	in, err := r.list(ctx)
	if err != nil {
		return Checked{}, err
	}
	if err := r.prepare(ctx, in); err != nil {
		return Checked{}, err
	}
	m := provider.Model{Name: j.Model.Name, Artifact: j.Model.Artifact, Digest: r.engine.Model().Digest}
	scoring := ledger.Scoring{Fields: r.engine.Fields(), Columns: r.engine.Header(), Types: known(r.engine.Types()), Made: r.engine.Made()}
	return Checked{Input: in, Model: m, Scoring: scoring}, r.engine.Close()
}

// known are the types that say something.
func known(types map[string]string) map[string]string {
	var out map[string]string
	for field, t := range types {
		if t == "" {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[field] = t
	}
	return out
}

// Digest gives the shards of an input and tells of progress.
func Digest(ctx context.Context, in storage.Input, o Options) (job.Shards, error) {
	tell := o.filled().Progress
	meter := engine.NewMeter(func(n int64) {
		tell(engine.Progress{Phase: engine.Checking, Bytes: n, All: in.Bytes()})
	})
	return in.Digest(ctx, o.Digests, meter)
}

// run is a job as it is checked and identified.
type run struct {
	Options
	job job.Job

	engine          *engine.Run
	format          job.Format // of the input
	shards          job.Shards
	id, fingerprint string
}

// root is the folder that work on the destination lies in: below it, or in the
// cache where it is no folder of this machine.
func (r *run) root() (string, error) {
	dest := r.job.Output.Destination
	if path, ok := storage.LocalPath(dest); ok {
		return filepath.Join(path, workFolder), nil
	}
	if r.Cache == "" {
		return "", fmt.Errorf("there is no cache folder to work on %s in", dest)
	}
	sum := sha256.Sum256([]byte(dest))
	return filepath.Join(r.Cache, "score", hex.EncodeToString(sum[:12])), nil
}

// list finds the input.
func (r *run) list(ctx context.Context) (storage.Input, error) {
	in, err := storage.ListInput(ctx, r.Open, r.job.Input)
	if err != nil {
		return in, err
	}
	return in, collect.Outside(in, r.job)
}

// prepare loads the model and tries it with the input.
func (r *run) prepare(ctx context.Context, in storage.Input) error {
	r.format = in.Format
	r.shards = in.Shards()
	var err error
	r.engine, err = engine.Prepare(ctx, engine.Task{Job: r.job, Shards: r.shards, Format: r.format}, engine.Options{
		Runtime: r.Runtime, Device: r.Device, Version: r.Version, Now: r.Now, Progress: r.Progress, Open: r.Open, Cache: r.Cache,
	})
	return err
}

// identify takes the digests of the input, which tell which run this is.
func (r *run) identify(ctx context.Context, shards job.Shards) error {
	r.shards = shards
	var err error
	if r.fingerprint, err = job.Fingerprint(r.job, r.engine.Model().Digest, r.shards); err != nil {
		return err
	}
	r.id = job.ScoreID(r.job.Identity(), r.fingerprint)
	_, err = r.free(ctx)
	return err
}

// free reads the result that the run would replace; it is an error when it must
// not.
func (r *run) free(ctx context.Context) (*record.Manifest, error) {
	dest, prefix, err := r.Open(ctx, r.job.Output.Destination)
	if err != nil {
		return nil, err
	}
	m, err := collect.Free(ctx, dest, prefix, r.job, r.id)
	if cerr := dest.Close(); err == nil {
		err = cerr
	}
	return m, err
}

// source is the run as core/collect publishes it.
func (r *run) source(pieces []provider.Piece, started time.Time) collect.Source {
	return collect.Source{
		Job: r.job, Run: r.id, Fingerprint: r.fingerprint, Shards: r.shards, Format: r.format,
		Model:    record.ModelInfo{Name: r.job.Model.Name, Digest: r.engine.Model().Digest},
		Provider: r.job.Placement.Providers[0].String(), Started: started, Finished: r.Now(), Pieces: pieces, Made: r.engine.Made(),
	}
}

// result is how the run ended.
func (r *run) result(state record.State, reason string, c record.Counts, scored *engine.Result) *Result {
	return &Result{
		Run: r.id, State: state, Reason: reason, Counts: c,
		Scored: scored.Counts.In - scored.Restored.In, Seconds: scored.Seconds, Failures: scored.Failures,
	}
}

// kept says what a stopped run leaves for the next one.
func kept(records int64) string {
	if records == 0 {
		return ""
	}
	return fmt.Sprintf("%d records are answered and kept; the same command resumes", records)
}
