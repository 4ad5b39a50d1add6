package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/direct"
)

func (a *app) translateCommand() *cobra.Command {
	var (
		f    pathFlags
		only []string
	)
	c := &cobra.Command{
		Use:   "translate PATH",
		Short: "Show what jobs would send to their provider",
		Long: `Show, for each job of a job file or a folder of them, what becomes of its fields
on its provider, and every request that a first run would send: operation, target,
headers and body, to the letter.

It uses no network and no credentials, and writes nothing. What lies in an object
store is not looked at: zeros and the job file's own words stand for what is not
known, and notes say so. Otherwise the names are those that submit uses, if the
ledger is there already.`,
		Example: `  crossbatch translate nightly.crossbatch.hcl
  crossbatch translate jobs/ --job job.churn --provider sagemaker.us --json`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(c *cobra.Command, args []string) error { return a.translate(c.Context(), args[0], f, only) },
	}
	f.add(c)
	flags := c.Flags()
	flags.StringArrayVar(&only, "job", nil, "translate only this job (an address, or job.NAME for all its instances)")
	flags.StringVar(&f.provider, "provider", "", "KIND.ALIAS: translate for there instead of where the job says")
	a.ledgerFlag(c)
	return c
}

func (a *app) translate(ctx context.Context, path string, f pathFlags, only []string) error {
	c, err := a.chosen(path, f, only)
	if err != nil {
		return err
	}
	offline := *a
	offline.open = storage.OpenLocal
	id, notes, err := offline.ledgerID(ctx, c.set)
	if err != nil {
		return err
	}
	r := &resolver{app: &offline, home: homeOf(c.set), digests: openDigests(), view: view.NewChecking(a.terminal(), a.now)}
	drafts, worst := make([]view.Draft, len(c.jobs)), exitOK
	for i, j := range c.jobs {
		d := &drafts[i]
		d.Project, d.Address, d.Provider, d.Accepted = j.Project, j.Address, c.places[i][0].Ref().String(), j.Placement.Accept
		d.Notes = slices.Clone(notes)
		if d.Err = r.draft(ctx, id, c.set, j, c.places[i][0], d); d.Err != nil {
			worst = worse(worst, codeOfError(d.Err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := view.ShowDrafts(a.terminal(), a.json, id, drafts); err != nil {
		return err
	}
	if worst != exitOK {
		return &exit{code: worst}
	}
	return nil
}

// ledgerID is the id of the ledger of job files, which is not made.
func (a *app) ledgerID(ctx context.Context, set *jobfile.Set) (id string, notes []string, err error) {
	uri, err := object(cmp.Or(a.ledgerURI, os.Getenv(ledgerVariable), set.Ledger, homeOf(set)))
	if err != nil {
		return "", nil, err
	}
	if _, local := storage.LocalPath(uri); !local {
		return broker.NoLedger, []string{"the ledger lies in an object store: zeros stand for its id, so names are not those that submit uses"}, nil
	}
	b, prefix, err := a.open(ctx, uri)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = b.Close() }()
	l, err := ledger.OpenExisting(ctx, b, prefix, ledger.Options{Clock: clockwork.NewRealClock()})
	switch {
	case errors.Is(err, ledger.ErrNoLedger):
		return broker.NoLedger, []string{"there is no ledger yet: zeros stand for its id, so names are not those that submit uses"}, nil
	case err != nil:
		return "", nil, err
	}
	return l.ID(), nil, nil
}

// draft translates one job into d.
func (r *resolver) draft(ctx context.Context, id string, set *jobfile.Set, j job.Job, p jobfile.Provider, d *view.Draft) error {
	wanted, notes, err := r.guess(ctx, set, j, p)
	if err != nil {
		return err
	}
	d.Notes = append(d.Notes, notes...)
	be, err := r.backend(ctx, wanted.Provider)
	if err != nil {
		return err
	}
	d.Draft, err = broker.NewDraft(be, id, wanted, len(notes) > 0)
	return errors.Join(err, be.Close())
}

// guess resolves a job without the network. The notes say what stands for things
// that are not known; there are none where all is known.
func (r *resolver) guess(ctx context.Context, set *jobfile.Set, j job.Job, p jobfile.Provider) (d broker.Desired, notes []string, err error) {
	remote := slices.ContainsFunc(j.Input.Source, func(s string) bool { return !local(s) })
	runs := map[string]string{}
	later := false
	for _, f := range j.Input.From {
		run, err := r.published(ctx, f, j)
		if err != nil && !errors.Is(err, storage.ErrNoResult) {
			return d, nil, err
		}
		runs[f.Job], later = run, later || err != nil
	}
	j.Input = j.Input.Reading(runs)
	if !remote && !later && (j.Model.Artifact == "" || local(j.Model.Artifact)) {
		if r.runtime == nil && j.Model.Artifact != "" {
			if r.runtime, err = r.loadRuntime(ctx); err != nil {
				return d, nil, err
			}
		}
		d, err = r.resolve(ctx, j, p)
		return d, nil, err
	}
	if d, err = r.placed(j, p); err != nil {
		return d, nil, err
	}
	d.Model = provider.Model{Name: j.Model.Name, Artifact: j.Model.Artifact}
	switch {
	case j.Model.Artifact == "":
	case local(j.Model.Artifact):
		pkg, err := model.Open(ctx, j.Model.Artifact)
		if err != nil {
			return d, nil, err
		}
		d.Model.Digest = pkg.Digest
	default:
		d.Model.Digest = strings.Repeat("0", 64)
		notes = append(notes, "the model lies in an object store: zeros stand for its digest")
	}
	if !remote && !later {
		in, err := storage.ListInput(ctx, r.open, j.Input)
		if err != nil {
			return d, nil, err
		}
		d.Format = in.Format
		d.Shards, err = direct.Digest(ctx, in, direct.Options{Digests: r.digests})
		return d, notes, err
	}
	what := "the input lies in an object store"
	if !remote {
		what = "the input is the result of a job that is not there yet, or lies in an object store"
	}
	notes = append(notes, what+": each source of the job stands for its objects, and what their records tell is left out, so the run has no id yet and the digests in paths are not those that submit uses")
	for i, source := range j.Input.Sources() {
		uri, format := source.URI, publishes(set, source.Read.Job)
		if uri == "" {
			uri = source.Read.Destination
		} else if format, err = storage.FormatOf(uri, j.Input.Format); err != nil {
			format = job.JSONL
			notes = append(notes, "the format of "+uri+" is taken to be jsonl: its name does not tell; input.format does")
		}
		if i > 0 && format != d.Format {
			return d, nil, errors.New("the sources differ in format; one job reads one format")
		}
		d.Format = format
		d.Shards = append(d.Shards, job.Shard{URI: uri})
	}
	return d, notes, nil
}

// published is the run whose result a job reads, if it lies on this machine; else, and
// where it may not be read, storage.ErrNoResult.
func (r *resolver) published(ctx context.Context, f job.JobRead, j job.Job) (run string, err error) {
	path, ok := storage.LocalPath(f.Destination)
	if !ok {
		return "", storage.ErrNoResult
	}
	if _, err := storage.ListInput(ctx, r.open, job.Input{From: []job.JobRead{f}, AllowPartial: j.Input.AllowPartial, Empty: job.EmptyOK}); err != nil {
		return "", err
	}
	body, err := os.ReadFile(filepath.Join(path, record.ManifestName))
	if err != nil {
		return "", fmt.Errorf("reading the result of %s: %w", f.Job, err)
	}
	m, err := record.ParseHead(body)
	if err != nil {
		return "", err
	}
	return m.Run, nil
}

// publishes is the format of a job's results.
func publishes(set *jobfile.Set, address string) job.Format {
	for _, j := range set.Jobs {
		if j.Address == address {
			return j.Output.Format
		}
	}
	return ""
}

func local(place string) bool {
	_, ok := storage.LocalPath(place)
	return ok
}
