package broker

import (
	"context"
	"errors"
	"slices"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
)

// whole lists the shards that pieces cover to their end, ascending: all rows of them,
// or all that are tried again.
func (r *run) whole(pieces []provider.Piece) []int {
	rows := map[int]int64{}
	done := map[int]bool{}
	slices.SortStableFunc(pieces, comparePieces)
	for _, p := range pieces {
		switch {
		case p.Part != nil:
			done[p.Shard] = true
		case p.Lines != nil && r.intent.Retry != nil:
			rows[p.Shard] += p.Lines.Records
			done[p.Shard] = rows[p.Shard] == r.records(p.Shard)
		case p.Lines != nil && p.Lines.Sparse != nil:
			done[p.Shard] = done[p.Shard] || p.Lines.Records == p.Lines.Sparse.Rows
		case p.Lines != nil && p.Lines.First == rows[p.Shard]:
			rows[p.Shard] = p.Lines.First + p.Lines.Records
			done[p.Shard] = done[p.Shard] || p.Lines.Last
		}
	}
	var out []int
	for shard, ok := range done {
		if ok {
			out = append(out, shard)
		}
	}
	slices.Sort(out)
	return out
}

// finished lists the shards of which nothing is left to do: those that pieces
// cover, and those without records, of which a service need not say anything.
func (s *step) finished(pieces []provider.Piece) []int {
	out := s.r.whole(pieces)
	if s.spec.Staged == nil || s.spec.Staged.Input != "" && s.r.staged == nil {
		return out
	}
	read := map[int]bool{} // by the native jobs
	for _, e := range s.spec.Staged.Entries {
		read[e.Shard] = s.spec.Staged.Input != "" || s.spec.Input.Shards[e.Shard].Size > 0
	}
	for _, shard := range s.spec.Input.Take {
		if !read[shard] && !slices.Contains(out, shard) {
			out = append(out, shard)
		}
	}
	slices.Sort(out)
	return out
}

func comparePieces(a, b provider.Piece) int {
	first := func(p provider.Piece) int64 {
		if p.Lines != nil {
			return p.Lines.First
		}
		return 0
	}
	switch {
	case a.Shard != b.Shard:
		return a.Shard - b.Shard
	case first(a) < first(b):
		return -1
	case first(a) > first(b):
		return 1
	}
	return 0
}

func (r *run) source(shards job.Shards) collect.Source {
	return collect.Source{
		Job: r.intent.Job, Run: r.id, Fingerprint: r.intent.Fingerprint, Shards: shards, Format: r.intent.Format,
		Model:    record.ModelInfo{Name: r.intent.Model.Name, Digest: r.intent.Model.Digest},
		Provider: r.intent.Provider.String(), Started: r.begun, Finished: r.begun,
	}
}

// source is what a run has to publish: of every shard the pieces of the attempt
// that finished it, else of the last one that has any.
func (b *Broker) source(ctx context.Context, be provider.Backend, r *run, shards job.Shards) (collect.Source, error) {
	src := r.source(shards)
	var err error
	if src.Base, err = b.mends(ctx, r); err != nil {
		return src, err
	}
	chosen := make([][]provider.Piece, len(shards))
	finished := make([]bool, len(shards))
	for _, a := range r.attempts {
		s, err := b.step(ctx, be, r, shards, a.number)
		if err != nil {
			return src, err
		}
		if a.ended != nil {
			src.Finished = a.ended.Ended
		}
		pieces, err := s.pieces(ctx, s.natives())
		if err != nil {
			return src, err
		}
		of := map[int][]provider.Piece{}
		for _, p := range pieces {
			if p.Shard >= 0 && p.Shard < len(shards) {
				of[p.Shard] = append(of[p.Shard], p)
			}
		}
		for shard, ps := range of {
			if !finished[shard] {
				chosen[shard], finished[shard] = ps, len(r.whole(ps)) > 0
			}
		}
	}
	src.Pieces = slices.Concat(chosen...)
	return src, nil
}

// gather writes the run's parts beside what its destination holds, and says
// how the run ends. A run that failed leaves nothing there.
func (b *Broker) gather(ctx context.Context, be provider.Backend, r *run, shards job.Shards) error {
	old, err := b.free(ctx, r)
	if errors.Is(err, collect.ErrConflict) {
		return b.fail(ctx, r, provider.Conflict, err.Error(), record.Counts{})
	}
	if err != nil {
		return err
	}
	src, err := b.source(ctx, be, r, shards)
	if err != nil {
		return err
	}
	if src.Base != nil && len(src.Pieces) == 0 { // what stands there would only be published again
		end := r.last().ended
		return b.fail(ctx, r, end.Code, end.Message, record.Counts{})
	}
	m, v, err := collect.Parts(ctx, b.o.Open, src, collect.Options{Step: b.o.Step})
	if errors.Is(err, collect.ErrConflict) { // what it mends is not what it was
		return b.fail(ctx, r, provider.Conflict, err.Error(), record.Counts{})
	}
	if err != nil {
		return err
	}
	code := provider.DataError
	if last := r.last(); last != nil && last.ended.State == provider.Failed && (v.Counts.Skipped > 0 || v.Counts.In == 0) {
		code, v.Reason = last.ended.Code, last.ended.Message // why records are missing says more than that they are
	}
	if v.State == record.Failed {
		return b.fail(ctx, r, code, v.Reason, v.Counts)
	}
	body := &ledger.CollectedBody{State: string(v.State), Totals: v.Counts, Reason: v.Reason, Finished: src.Finished}
	if old != nil && old.Run != r.id {
		body.Replaced = old.Files()
	}
	if err := b.append(ctx, r, ledger.Event{Kind: ledger.Collected, Collected: body}); err != nil {
		return err
	}
	return b.commit(ctx, r, m, src.Pieces)
}

func (b *Broker) fail(ctx context.Context, r *run, code provider.Code, reason string, c record.Counts) error {
	if err := collect.Withdraw(ctx, b.o.Open, r.intent.Job.Output.Destination, r.id); err != nil {
		return err
	}
	return b.append(ctx, r, ledger.Event{Kind: ledger.Failed, Outcome: &ledger.OutcomeBody{Totals: c, Code: code, Reason: reason}})
}

// free says what result the destination holds: collect.ErrConflict when it must
// not be replaced by this run.
func (b *Broker) free(ctx context.Context, r *run) (*record.Manifest, error) {
	dest, prefix, err := b.o.Open(ctx, r.intent.Job.Output.Destination)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dest.Close() }()
	j := r.intent.Job
	if r.intent.Retry != nil {
		j.Output.Existing = job.ExistingReplace // it mends that very result
	}
	m, err := collect.Free(ctx, dest, prefix, j, r.id)
	if err == nil {
		err = r.standsOn(m)
	}
	return m, err
}

// publish finishes what a process that wrote "collected" did not.
func (b *Broker) publish(ctx context.Context, r *run) error {
	there, err := b.free(ctx, r)
	if errors.Is(err, collect.ErrConflict) {
		return b.fail(ctx, r, provider.Conflict, err.Error(), r.collected.Totals)
	}
	if err != nil {
		return err
	}
	if there != nil && there.Run == r.id {
		return b.clean(ctx, r, there, nil)
	}
	be, err := b.backend(ctx, r.intent.Provider)
	if err != nil {
		return err
	}
	shards, err := b.input(ctx, r)
	if err != nil {
		return err
	}
	src, err := b.source(ctx, be, r, shards)
	if err != nil {
		return err
	}
	src.Finished = r.collected.Finished
	m, _, err := collect.Parts(ctx, b.o.Open, src, collect.Options{Step: b.o.Step})
	if errors.Is(err, collect.ErrConflict) {
		return b.fail(ctx, r, provider.Conflict, err.Error(), r.collected.Totals)
	}
	if err != nil {
		return err
	}
	return b.commit(ctx, r, m, src.Pieces)
}

// commit puts the result in force, then removes the replaced one. Who was slow
// must not put an old result in the place of a later one, so the history is
// looked at once more.
func (b *Broker) commit(ctx context.Context, r *run, m *record.Manifest, pieces []provider.Piece) error {
	if err := b.current(ctx, r); err != nil {
		return err
	}
	b.o.Step("before commit")
	err := collect.Commit(ctx, b.o.Open, m, r.intent.Job.Output.Destination)
	b.o.Step("after commit")
	if err != nil {
		return err
	}
	return b.clean(ctx, r, m, pieces)
}

// clean removes what the run's result replaced, writes how the run ended, and
// lets go of the pieces that the result was made of.
func (b *Broker) clean(ctx context.Context, r *run, m *record.Manifest, pieces []provider.Piece) error {
	b.o.Step("before clean")
	err := collect.Clean(ctx, b.o.Open, r.intent.Job.Output.Destination, r.collected.Replaced, m)
	b.o.Step("after clean")
	if err != nil {
		return err
	}
	kind := ledger.Succeeded
	if r.collected.State == string(record.Partial) {
		kind = ledger.Partial
	}
	err = b.append(ctx, r, ledger.Event{Kind: kind, Outcome: &ledger.OutcomeBody{Totals: r.collected.Totals, Reason: r.collected.Reason}})
	if err == nil {
		b.discard(ctx, pieces)
	}
	return err
}

// discard removes the pieces of a published run, which nobody reads again. What
// cannot be removed takes room and does no harm.
func (b *Broker) discard(ctx context.Context, pieces []provider.Piece) {
	gone := map[string]bool{}
	for _, p := range pieces {
		for _, uri := range objects(p) {
			if gone[uri] {
				continue
			}
			gone[uri] = true
			folder, name := storage.Split(uri)
			bucket, prefix, err := b.o.Open(ctx, folder)
			if err != nil {
				continue
			}
			_ = bucket.Remove(ctx, prefix+name)
			_ = bucket.Close()
		}
	}
}

// objects are the URIs of what a piece is made of.
func objects(p provider.Piece) (out []string) {
	if p.Part != nil {
		out = append(out, storage.Join(p.Part.Folder, p.Part.Shard.Part.Name))
		if f := p.Part.Shard.FailedPart; f != nil {
			out = append(out, storage.Join(p.Part.Folder, f.Name))
		}
	}
	if p.Lines != nil {
		out = append(out, p.Lines.URI)
		if s := p.Lines.Sparse; s != nil {
			out = append(out, s.From...)
		}
	}
	return out
}
