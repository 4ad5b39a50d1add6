package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
)

// Desired is a run that somebody wants: a job, placed and resolved.
type Desired struct {
	Job      job.Job        `json:"job"`
	Provider ledger.Block   `json:"provider"`
	Model    provider.Model `json:"model"`
	Shards   job.Shards     `json:"shards"`
	Format   job.Format     `json:"format"`
	Scoring  ledger.Scoring `json:"scoring"`
	Staging  string         `json:"staging"`         // URI prefix, ends in a slash: below it lies all that providers write for us
	Rerun    bool           `json:"rerun,omitempty"` // run again though nothing changed
	// RetryFailed wants a run over the failed and skipped records of the result in force,
	// whose other records stay as they are. It goes with neither Rerun nor Preview.
	RetryFailed bool `json:"retry_failed,omitempty"`

	Preview *Preview `json:"preview,omitempty"`
	Planned *Planned `json:"-"` // what a plan showed of the run, which Submit keeps to; nil: nothing
}

// Preview is where a run over the first records (Job.Input.Limit) goes: never to
// the job's own destination, and it satisfies no job.
type Preview struct {
	To    string `json:"to,omitempty"` // destination; empty: a folder of the run's own below Under
	Under string `json:"under"`        // URI prefix, ends in a slash
}

// Identity is the job's, or a preview's own.
func (d Desired) Identity() job.Identity {
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
// when the provider would lose a field that placement.accept does not name,
// ErrStale when the run would not be the one of d.Planned.
func (b *Broker) Submit(ctx context.Context, d Desired) (Run, error) {
	fingerprint, err := job.Fingerprint(d.Job, d.Model.Digest, d.Shards)
	if err != nil {
		return Run{}, err
	}
	be, err := b.backend(ctx, d.Provider)
	if err != nil {
		return Run{}, err
	}
	facts, err := b.inspect(ctx, be, d.Provider)
	if err != nil {
		return Run{}, err
	}
	if err := d.Planned.facts(facts); err != nil {
		return Run{}, err
	}
	in := d.intent(fingerprint)
	in.Facts, in.Crossbatch = facts, b.o.Version
	for {
		s, err := b.standing(ctx, d, fingerprint, nil)
		if err != nil {
			return Run{}, err
		}
		c := d.Course(b.LedgerID(), s)
		if err := d.Planned.generation(c); err != nil {
			return Run{}, err
		}
		switch {
		case c.Refused != nil:
			return Run{}, c.Refused
		case c.Joins != "":
			return b.join(ctx, c.Joins)
		}
		in.Generation = c.Generation
		var rows []provider.Rows
		if d.RetryFailed {
			a, err := b.retry(ctx, d, fingerprint)
			if err != nil {
				return Run{}, err
			}
			in.Retry, rows = &a.body, a.rows
		}
		out, err := b.begin(ctx, be, d, in, rows)
		if !errors.Is(err, errMoved) {
			return out, err
		}
	}
}

// Inspect tells what a provider block's service has to say before a run.
func (b *Broker) Inspect(ctx context.Context, block ledger.Block) (provider.Facts, error) {
	be, err := b.backend(ctx, block)
	if err != nil {
		return provider.Facts{}, err
	}
	return b.inspect(ctx, be, block)
}

func (b *Broker) inspect(ctx context.Context, be provider.Backend, block ledger.Block) (provider.Facts, error) {
	facts, err := be.Inspect(ctx)
	return facts, (&run{intent: ledger.IntentBody{Provider: block}}).wrap(be, "inspect", err)
}

// join goes on with a run that is there.
func (b *Broker) join(ctx context.Context, key ledger.Key) (Run, error) {
	out, err := b.advance(ctx, key, describe, true)
	out.Joined = true
	return out, err
}

// begin claims the destination and writes the intent, then starts the run.
func (b *Broker) begin(ctx context.Context, be provider.Backend, d Desired, in ledger.IntentBody, rows []provider.Rows) (Run, error) {
	r := d.run(b.LedgerID(), in)
	r.rows = rows
	draft, err := b.prepare(ctx, be, r, d.Shards)
	if err != nil {
		return Run{}, err
	}
	if err := d.Planned.translation(draft.Translation); err != nil {
		return Run{}, err
	}
	digest, err := b.o.Ledger.PutShards(ctx, d.Shards)
	if err != nil {
		return Run{}, err
	}
	r.intent.Input = digest
	if r.intent.Retry != nil {
		if _, err := b.o.Ledger.PutRows(ctx, rows); err != nil {
			return Run{}, err
		}
	}
	key, joined, err := b.o.Ledger.Begin(ctx, d.Identity(), r.intent, r.id)
	if err != nil {
		return Run{}, err
	}
	out, err := b.advance(ctx, key, describe, true)
	out.Joined = joined
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w; run %s is begun all the same: to apply again goes on with it, to cancel it gives it up", err, r.id)
	}
	return out, err
}

// run is the run of an intent before it is begun.
func (d Desired) run(ledgerID string, in ledger.IntentBody) *run {
	r := &run{id: job.RunID(ledgerID, d.Identity(), in.Fingerprint, in.Generation), intent: in}
	if d.Preview != nil {
		r.intent.Job.Output.Destination = d.destination(r.id)
		r.intent.Job.Limits.Retries = 0 // what is cut of the input depends on all earlier shards
	}
	r.intent.Staging = d.stagingOf(r.id)
	return r
}

// destination is where a run of that id publishes.
func (d Desired) destination(id string) string {
	if p := d.Preview; p != nil {
		return cmp.Or(p.To, storage.Join(p.Under, provider.Slug(d.Job.Address)+"-"+id[:8]+"/"))
	}
	return d.Job.Output.Destination
}

// prepare looks whether a run may be begun, and what it would send.
func (b *Broker) prepare(ctx context.Context, be provider.Backend, r *run, shards job.Shards) (Draft, error) {
	if _, err := b.free(ctx, r); err != nil {
		return Draft{}, err
	}
	return r.draft(be, b.LedgerID(), shards)
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
