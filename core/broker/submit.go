package broker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Desired is a run that somebody wants: a job, placed and resolved.
type Desired struct {
	Job      job.Job
	Provider ledger.Block
	Model    provider.Model
	Shards   job.Shards
	Format   job.Format
	Scoring  ledger.Scoring
	Staging  string // URI prefix, ends in a slash: below it lies all that providers write for us
	Rerun    bool   // run again though nothing changed
	Preview  *Preview
}

// Preview is where a run over the first records (Job.Input.Limit) goes: never to
// the job's own destination, and it satisfies no job.
type Preview struct {
	To    string // destination; empty: a folder of the run's own below Under
	Under string // URI prefix, ends in a slash
}

// identity is the job's, or a preview's own.
func (d Desired) identity() job.Identity {
	id := d.Job.Identity()
	if d.Preview != nil {
		id.Destination = cmp.Or(d.Preview.To, d.Preview.Under+provider.Slug(id.Address))
	}
	return id
}

// intent is what a run of it is made of, as far as it stands in d.
func (d Desired) intent(fingerprint string) ledger.IntentBody {
	return ledger.IntentBody{
		Job: d.Job, Provider: d.Provider, Fingerprint: fingerprint, Model: d.Model, Format: d.Format,
		Scoring: d.Scoring, Preview: d.Preview != nil,
	}
}

// stagingOf is the prefix of all that providers write for a run.
func (d Desired) stagingOf(run string) string { return storage.Join(d.Staging, "runs/"+run+"/") }

// Submit starts the run that is wanted, or joins the one that is there: a live
// run of the same job and fingerprint, or a finished one whose result stands in
// the destination. It returns once every native job is made.
//
// Errors: *ledger.Blocked when another run holds the destination,
// collect.ErrConflict when it holds another job's result, provider.Unsupported
// when the provider would lose a field that placement.accept does not name.
func (b *Broker) Submit(ctx context.Context, d Desired) (Run, error) {
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, d.Shards)
	if err != nil {
		return Run{}, err
	}
	be, err := b.backend(ctx, d.Provider)
	if err != nil {
		return Run{}, err
	}
	facts, err := be.Inspect(ctx)
	if err != nil {
		return Run{}, (&run{intent: ledger.IntentBody{Provider: d.Provider}}).wrap(be, "inspect", err)
	}
	in := d.intent(fingerprint)
	in.Facts, in.Crossbatch = facts, b.o.Version
	for {
		generation, there, err := b.generation(ctx, d, fingerprint)
		if err != nil {
			return Run{}, err
		}
		if there != "" {
			return b.join(ctx, there)
		}
		in.Generation = generation
		out, err := b.begin(ctx, be, d, in)
		if !errors.Is(err, errMoved) {
			return out, err
		}
	}
}

// generation finds the run that already is what is wanted, or else how many
// earlier ones there were.
func (b *Broker) generation(ctx context.Context, d Desired, fingerprint string) (int, ledger.Key, error) {
	runs, err := b.o.Ledger.RunsOf(ctx, d.identity())
	if err != nil {
		return 0, "", err
	}
	next := 0
	var last ledger.Entry
	for _, e := range runs {
		if strings.HasPrefix(fingerprint, e.Fingerprint) && e.Generation >= next {
			next, last = e.Generation+1, e
		}
	}
	switch {
	case next == 0:
		return 0, "", nil
	case !last.Kind.Over():
		return 0, last.Key, nil
	case d.Rerun || last.Kind != ledger.Succeeded && last.Kind != ledger.Partial:
		return next, "", nil
	}
	r, err := b.load(ctx, last.Key)
	if err != nil {
		return 0, "", err
	}
	there, err := b.free(ctx, r)
	if errors.Is(err, collect.ErrConflict) || err == nil && (there == nil || there.Run != r.id) {
		return next, "", nil // replaced or removed since
	}
	return next, last.Key, err
}

// join goes on with a run that is there.
func (b *Broker) join(ctx context.Context, key ledger.Key) (Run, error) {
	out, err := b.advance(ctx, key, describe, true)
	out.Joined = true
	return out, err
}

// begin claims the destination and writes the intent, then starts the run.
func (b *Broker) begin(ctx context.Context, be provider.Backend, d Desired, in ledger.IntentBody) (Run, error) {
	id := job.RunID(b.o.Ledger.ID(), d.identity(), in.Fingerprint, in.Generation)
	if p := d.Preview; p != nil {
		in.Job.Output.Destination = cmp.Or(p.To, storage.Join(p.Under, provider.Slug(d.Job.Address)+"-"+id[:8]+"/"))
		in.Job.Limits.Retries = 0 // what is cut of the input depends on all earlier shards
	}
	in.Staging = d.stagingOf(id)
	r := &run{id: id, intent: in, begun: b.now()}
	if _, err := b.free(ctx, r); err != nil {
		return Run{}, err
	}
	if err := b.check(ctx, be, r, d.Shards); err != nil {
		return Run{}, err
	}
	digest, err := b.o.Ledger.PutShards(ctx, d.Shards)
	if err != nil {
		return Run{}, err
	}
	in.Input = digest
	key, joined, err := b.o.Ledger.Begin(ctx, d.identity(), in, id)
	if err != nil {
		return Run{}, err
	}
	out, err := b.advance(ctx, key, describe, true)
	out.Joined = joined
	return out, err
}

// check refuses a run of which the provider would lose a field, and one that it
// cannot translate.
func (b *Broker) check(ctx context.Context, be provider.Backend, r *run, shards job.Shards) error {
	spec, err := b.spec(ctx, be, r, shards, 1)
	if err != nil {
		return err
	}
	if err := fits(be.Check(spec), spec.Job); err != nil {
		return r.wrap(be, "check", err)
	}
	if _, err := be.Translate(spec); err != nil {
		return r.wrap(be, "translate", err)
	}
	return nil
}

// fits is nil for a job that may run where these are the findings.
func fits(findings []provider.Finding, j job.Job) error {
	if err := lost(findings, j); err != nil {
		return err
	}
	return published(j.Model)
}

// published refuses a model whose answers nobody could publish: they are no scorer
// lines, and nothing in them says which record each is of.
func published(m job.Model) error {
	var field string
	switch {
	case m.Artifact != "":
		return nil
	case m.Container != nil:
		field = "model.container"
	case len(m.Registered) > 0:
		field = "model.registered"
	default:
		field = "model.artifact"
	}
	return &provider.Error{
		Code: provider.Unsupported, Message: field + ": model " + m.Name + " is not scored by crossbatch, and what such a model answers cannot be published yet",
		Hint: "give the model by its artifact, an ONNX file",
	}
}

// lost is an error that names the fields which would be lost, and which the job
// does not give up.
func lost(findings []provider.Finding, j job.Job) error {
	var fields []string
	for _, f := range findings {
		if f.Level == provider.Lost && !slices.Contains(j.Placement.Accept, f.Field) {
			fields = append(fields, f.Field+" ("+f.Message+")")
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return &provider.Error{
		Code: provider.Unsupported, Message: "this provider cannot honour " + strings.Join(fields, ", "),
		Hint: "remove the fields, or name them in placement.accept",
	}
}
