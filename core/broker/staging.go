package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/compress"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/mapping"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/core/storage"
)

// layout is where what a run needs will lie. It is a pure function of the run and
// of what its provider needs.
type layout struct {
	staged  provider.Staged
	mapping mapping.Mapping
	model   bool          // the model package is ours to stage
	plan    *staging.Plan // of the input; nil: it is read in place
}

// lay says where things will lie.
func (r *run) lay(needs *provider.Staging, shards job.Shards) (*layout, error) {
	j := r.job()
	l := &layout{staged: provider.Staged{Place: needs.Place}, model: j.Model.Artifact != ""}
	m := mapping.Of(j, r.intent.Model.Digest, r.format())
	m.Types = r.intent.Scoring.Types
	if !r.inPlace(j, needs, shards) {
		if j.Input.Staging == "never" && r.intent.Retry != nil {
			return nil, provider.Errorf(provider.Unsupported, "input.staging is \"never\", but records that are tried again are staged: this place reads whole objects only")
		}
		if j.Input.Staging == "never" {
			return nil, provider.Errorf(provider.Unsupported, "input.staging is \"never\", but this input cannot be read where it lies: it would have to be staged")
		}
		plan, err := staging.NewPlan(r.recipe(j, needs), shards)
		if err != nil {
			return nil, provider.Errorf(provider.Invalid, "%w", err)
		}
		l.plan = &plan
		l.staged.Input = storage.Join(needs.Place, plan.Records())
		m.Format, m.Staged, m.Sealed, m.CSV, m.Limit = needs.Write, true, plan.Recipe.Sealed, nil, 0
		if m.Format == job.CSV {
			m.CSV, m.Columns = &job.Dialect{Delimiter: ","}, plan.Recipe.Columns
			if len(plan.Recipe.Fields) > 0 {
				m.Columns = plan.Recipe.Fields
			}
		}
	}
	if l.model {
		l.staged.Model = storage.Join(needs.Place, staging.ModelPrefix(r.intent.Model.Digest))
	} else {
		m.Model = strings.Repeat("0", 64) // none of ours scores
	}
	body, err := m.Encode()
	if err != nil {
		return nil, provider.Errorf(provider.Invalid, "%w", err)
	}
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	l.mapping, l.staged.Mapping, l.staged.Format = m, json.RawMessage(body), m.Format
	l.staged.MappingURI = storage.Join(needs.Place, staging.MappingPrefix(digest)+mapping.Name)
	return l, nil
}

// laid is what an attempt is made of, with where its things will lie; the objects
// of its input are left out, as they may not be there yet. The layout is nil where
// the provider needs nothing staged.
func (r *run) laid(be provider.Backend, ledgerID string, shards job.Shards, number int) (provider.Spec, *layout, error) {
	spec := r.spec(ledgerID, shards, number)
	needs := be.Capabilities().Staging
	if needs == nil {
		return spec, nil, nil
	}
	l, err := r.lay(needs, shards)
	if err != nil {
		return spec, nil, r.wrap(be, "stage", err)
	}
	spec.Staged = &l.staged
	return spec, l, nil
}

// format is that of the input; a run without shards may have any.
func (r *run) format() job.Format {
	if r.intent.Format == "" {
		return job.JSONL
	}
	return r.intent.Format
}

// inPlace says whether the input can be read where it lies.
func (r *run) inPlace(j job.Job, needs *provider.Staging, shards job.Shards) bool {
	if r.intent.Retry != nil || j.Input.Staging == "always" || j.Input.Limit > 0 || j.Input.Partitions != "" || len(shards) == 0 {
		return false
	}
	type kind struct {
		form   provider.Form
		bucket string
	}
	var first kind
	for i, s := range shards {
		scheme, rest, _ := strings.Cut(s.URI, "://")
		bucket, _, _ := strings.Cut(rest, "/")
		_, name := storage.Split(s.URI)
		compression, _ := compress.Of(name)
		form := provider.Form{Scheme: scheme, Format: r.format(), Compression: compression, Header: r.format() == job.CSV && j.Input.CSV.Header}
		if !slices.Contains(needs.InPlace, form) {
			return false
		}
		if i == 0 {
			first = kind{form, bucket}
		}
		if needs.Uniform && first != (kind{form, bucket}) {
			return false
		}
	}
	return true
}

// recipe says how the input is staged.
func (r *run) recipe(j job.Job, needs *provider.Staging) staging.Recipe {
	out := staging.Recipe{
		Format: r.format(), Write: needs.Write, Identity: needs.Identity, Sealed: needs.Sealed && j.Model.Artifact != "", Key: j.Input.Key, Partitions: j.Input.Partitions == job.PartitionsHive,
		Limit: j.Input.Limit, PieceBytes: needs.Piece,
	}
	if out.Format == job.CSV {
		out.CSV = &job.Dialect{Header: j.Input.CSV.Header, Delimiter: j.Input.CSV.Delimiter}
		out.Columns = r.intent.Scoring.Columns
	}
	if out.Format != job.JSONL || out.Write != job.JSONL {
		out.Fields = r.intent.Scoring.Fields
	}
	for _, rows := range r.rows {
		out.Rows = append(out.Rows, staging.Rows{Shard: rows.Shard, Ranges: rows.Rows.Ranges()})
	}
	return out
}

// stage brings everything of a run to where its provider reads it, once: what the
// ledger says is staged is not looked at again.
func (b *Broker) stage(ctx context.Context, be provider.Backend, r *run, shards job.Shards) error {
	needs := be.Capabilities().Staging
	if needs == nil || r.staged != nil || r.cancelled {
		return nil
	}
	l, err := r.lay(needs, shards)
	if err != nil {
		return r.wrap(be, "stage", err)
	}
	o := staging.Options{Step: b.o.Step, Progress: b.staging(r)}
	body := ledger.StagedBody{Mapping: l.staged.MappingURI, Input: l.staged.Input}
	if l.model {
		pkg, err := b.o.Model(ctx, r.intent.Model.Artifact)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, storage.ErrNotFound) {
			err = &provider.Error{Code: provider.NotFound, Err: err}
		}
		if err != nil {
			return err
		}
		if pkg.Digest != r.intent.Model.Digest {
			return provider.Errorf(provider.Conflict, "the model %s is not what it was when the run began", r.intent.Model.Artifact)
		}
		if body.Model, err = staging.Model(ctx, b.o.Open, needs.Place, pkg, o); err != nil {
			return err
		}
	}
	if _, err := staging.Mapping(ctx, b.o.Open, needs.Place, l.mapping, o); err != nil {
		return err
	}
	if l.plan != nil {
		staged, err := staging.Stage(ctx, b.o.Open, needs.Place, *l.plan, o)
		if err != nil {
			return err
		}
		body.Records = staged.Records()
	}
	return b.append(ctx, r, ledger.Event{Kind: ledger.Staged, Staged: &body})
}

// staging reports how much of what a run needs was staged.
func (b *Broker) staging(r *run) func(done, all int64) {
	if b.o.Report == nil {
		return nil
	}
	out := r.view(nil)
	out.Staging = true
	return func(done, all int64) {
		out.Progress = provider.Progress{Bytes: done, All: all}
		b.o.Report(out)
	}
}

// unstageable says that staging the same again would end alike: what is to be staged
// is not there any more, or is not what it was. Anything else ends no run, so that it
// can be mended and staging goes on.
func unstageable(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && (e.Code == provider.NotFound || e.Code == provider.Conflict || e.Code == provider.Unsupported)
}

// entries are the objects that an attempt covers; nil before they are staged.
func (b *Broker) entries(ctx context.Context, r *run, needs *provider.Staging, l *layout, shards job.Shards, take []int) ([]provider.Entry, error) {
	if l.plan == nil {
		return staging.InPlace(shards, take), nil
	}
	if r.staged == nil {
		return nil, nil
	}
	key := storage.Join(needs.Place, l.plan.Prefix())
	b.mu.Lock()
	s := b.staged[key]
	b.mu.Unlock()
	if s == nil {
		var err error
		if s, err = staging.Open(ctx, b.o.Open, needs.Place, *l.plan); err != nil {
			return nil, fmt.Errorf("the staged input: %w", err)
		}
		b.mu.Lock()
		b.staged[key] = s
		b.mu.Unlock()
	}
	return s.Entries(take), nil
}

// upload writes the small objects of a translation.
func (s *step) upload(ctx context.Context) error {
	for _, u := range s.t.Uploads {
		folder, name := storage.Split(u.URI)
		b, prefix, err := s.o.Open(ctx, folder)
		if err != nil {
			return err
		}
		if have, rerr := b.Read(ctx, prefix+name); rerr != nil || !bytes.Equal(have, []byte(u.Body)) {
			err = b.Replace(ctx, prefix+name, []byte(u.Body))
		}
		if err = errors.Join(err, b.Close()); err != nil {
			return err
		}
	}
	return nil
}
