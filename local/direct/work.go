package direct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/engine"
)

// work is a local run that holds its destination.
type work struct {
	*run
	root     string // of the hold
	hold     *engine.Hold
	replaced []string         // objects of the result that is replaced
	finished record.Counts    // of the shards that an earlier process finished
	done     []provider.Piece // these
	keep     bool             // finished shards stay for the next process
}

// replacedName is the file of a work folder that names the objects to remove
// once the new result is published, so that a killed run's successor does it.
const replacedName = "replaced.json"

// begin clears what killed runs left and finds what there is to go on with.
func (w *work) begin(ctx context.Context) error {
	current, err := w.free(ctx) // again, since now nobody else writes here
	if err != nil {
		return err
	}
	if current != nil {
		w.replaced = current.Files()
	}
	for _, run := range append([]string{w.id}, w.hold.Others...) {
		if err := w.sweep(ctx, run, current); err != nil {
			return err
		}
	}
	w.done, err = engine.Finished(w.hold.Folder)
	if errors.Is(err, engine.ErrSummary) { // begin anew
		w.done, err = nil, w.hold.Restart()
	}
	if err != nil {
		return err
	}
	have := map[int]bool{}
	for _, p := range w.done {
		w.finished.Add(p.Part.Shard.Counts)
		have[p.Shard] = true
	}
	unfinished, err := engine.Unfinished(w.hold.Folder)
	if err != nil {
		return err
	}
	w.keep = w.finished.In > 0 || unfinished.In > 0
	take := []int{}
	for i := range w.shards {
		if !have[i] {
			take = append(take, i)
		}
	}
	w.engine.Assign(w.id, w.shards, take)
	w.Started(Start{
		Run: w.id, Shards: len(w.shards), Records: w.finished.In + unfinished.In, Bytes: w.shards.Bytes(),
		Batch: w.engine.Batch(), Coupled: w.engine.Coupled(),
	})
	return nil
}

var runID = regexp.MustCompile(`^[0-9a-f]{20}$`)

// sweep finishes what a killed run began to publish or to remove. Work folders
// of other runs go.
func (w *work) sweep(ctx context.Context, run string, current *record.Manifest) error {
	dest := w.job.Output.Destination
	body, err := os.ReadFile(filepath.Join(w.root, run, replacedName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing %s: %w", dest, err)
	}
	var names []string
	if err == nil && json.Unmarshal(body, &names) == nil {
		if err := collect.Clean(ctx, w.Open, dest, names, current); err != nil {
			return err
		}
	}
	if run == w.id {
		return nil
	}
	if runID.MatchString(run) {
		if err := collect.Withdraw(ctx, w.Open, dest, run); err != nil {
			return err
		}
	}
	return w.hold.Drop(run)
}

// execute scores what is left and publishes the whole.
func (w *work) execute(ctx context.Context) (*Result, error) {
	started := w.Now()
	scored, err := w.engine.Execute(ctx, w.hold.Folder)
	pieces, ferr := engine.Finished(w.hold.Folder)
	unfinished, uerr := engine.Unfinished(w.hold.Folder)
	w.keep = len(pieces) > 0 || unfinished.In > 0
	if err = errors.Join(err, ferr, uerr); err != nil {
		return nil, err
	}
	counts := w.finished
	counts.Add(scored.Counts)
	stopped := w.result(record.Cancelled, kept(counts.In), counts, scored)
	switch scored.State {
	case provider.Cancelled:
		return stopped, nil
	case provider.Failed:
		w.keep = false
		return w.result(record.Failed, scored.Reason, counts, scored), nil
	}
	m, verdict, err := w.publish(ctx, w.source(pieces, started))
	switch {
	case err != nil && ctx.Err() != nil:
		return stopped, nil
	case err != nil:
		return nil, err
	}
	w.keep = false
	out := w.result(verdict.State, verdict.Reason, verdict.Counts, scored)
	out.Manifest = m
	return out, nil
}

// publish replaces the result that is there. After an error before the commit
// that one is in force and alone; from the commit on nothing stops it.
func (w *work) publish(ctx context.Context, s collect.Source) (*record.Manifest, collect.Verdict, error) {
	dest := w.job.Output.Destination
	m, verdict, err := w.commit(ctx, s)
	if err != nil {
		err = errors.Join(err, collect.Withdraw(context.WithoutCancel(ctx), w.Open, dest, w.id))
	}
	if err != nil || m == nil {
		return nil, verdict, err
	}
	w.Step("before clean")
	err = collect.Clean(context.WithoutCancel(ctx), w.Open, dest, w.replaced, m)
	w.Step("after clean")
	return m, verdict, err
}

func (w *work) commit(ctx context.Context, s collect.Source) (*record.Manifest, collect.Verdict, error) {
	m, verdict, err := collect.Parts(ctx, w.Open, s, collect.Options{Step: w.Step})
	if err != nil || m == nil {
		return nil, verdict, err
	}
	w.Step("before remember")
	if err := w.remember(ctx); err != nil {
		return nil, verdict, err
	}
	w.Step("before commit")
	if err := ctx.Err(); err != nil {
		return nil, verdict, err
	}
	err = collect.Commit(context.WithoutCancel(ctx), w.Open, m, w.job.Output.Destination)
	w.Step("after commit")
	return m, verdict, err
}

// remember writes down what is to be removed after the commit.
func (w *work) remember(ctx context.Context) error {
	body, err := json.Marshal(w.replaced)
	if err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	b, err := storage.OpenFolder(w.hold.Folder)
	if err != nil {
		return err
	}
	return errors.Join(b.Replace(ctx, replacedName, body), b.Close())
}
