package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/storage"
)

// submitAtOnce is how many runs submit starts at once.
const submitAtOnce = 8

// submitFlags are what submit is asked for besides a path.
type submitFlags struct {
	planFlags
	wait   bool
	detach bool
	cancel bool // on a signal, with wait
}

func (a *app) submitCommand() *cobra.Command {
	var f submitFlags
	c := &cobra.Command{
		Use:   "submit PATH",
		Short: "Run the jobs of a job file",
		Long: `Start the jobs of one job file, or of all job files of a folder, and return. Nothing
is written before a job, its model and its data were checked against each other.

Every job runs once: submitted again while it runs, or when nothing has changed
since it succeeded, the same run is shown; changed input, model or job make a new
one. --rerun runs it again all the same. The history is kept in the ledger.

A job that needs another one is begun once that has ended well. Without --wait nobody
sees that: what cannot be begun yet is named, and the next submit begins it.`,
		Example: `  crossbatch submit nightly.crossbatch.hcl --wait
  crossbatch submit jobs/ --job 'job.score["eu"]' --var day=2026-11-01
  crossbatch submit nightly.crossbatch.hcl --limit 100 --wait      (a preview)`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.submit(c.Context(), args[0], f)
		},
	}
	f.add(c)
	flags := c.Flags()
	flags.BoolVar(&f.wait, "wait", false, "see the runs through to their end")
	flags.BoolVar(&f.detach, "detach", false, "return once the runs are started (the default)")
	flags.BoolVar(&f.cancel, "cancel-on-signal", false, "with --wait: cancel the runs when interrupted")
	a.ledgerFlag(c)
	return c
}

func (f submitFlags) check() error {
	switch {
	case f.wait && f.detach:
		return errors.New("--wait and --detach: choose one")
	case f.cancel && !f.wait:
		return errors.New("--cancel-on-signal belongs to --wait")
	}
	return f.planFlags.check()
}

// submit does what apply does of its jobs, without a question and without a plan shown.
func (a *app) submit(ctx context.Context, path string, f submitFlags) error {
	p, s, err := a.planned(ctx, path, f.planFlags, planFor{beginning: true})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	w := walk{app: a, s: s, items: p.Items, parallelism: submitAtOnce, detach: !f.wait, cancel: f.cancel}
	return a.tell(ctx, s, w.run(ctx), f.wait)
}

// preview is where a preview goes.
func (s *session) preview(to string) (*broker.Preview, error) {
	p := &broker.Preview{Under: storage.FileURI(filepath.Join(s.home, "preview")) + "/"}
	if path, ok := storage.LocalPath(s.uri); ok {
		p.Under = filepath.Join(path, "preview") + string(os.PathSeparator)
	} else {
		p.Under = storage.Join(s.uri, "preview/")
	}
	if to == "" {
		return p, nil
	}
	var err error
	if p.To, err = folder(to); err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	return p, nil
}

// chosen is the jobs of job files that a verb is about, each with the places that it
// may run on, the one that is tried first at the front.
type chosen struct {
	set    *jobfile.Set
	jobs   []job.Job
	places [][]jobfile.Provider
}

// chosen loads job files and picks jobs. It opens nothing else, and refuses what this
// version cannot run.
func (a *app) chosen(path string, f pathFlags, only []string) (c chosen, err error) {
	if c.set, err = a.load(path, f); err != nil {
		return c, err
	}
	if c.jobs, err = choose(c.set.Jobs, only); err != nil {
		return c, err
	}
	c.places = make([][]jobfile.Provider, len(c.jobs))
	for i := range c.jobs {
		if c.places[i], err = placesOf(c.set, &c.jobs[i], f.provider); err != nil {
			return c, err
		}
	}
	return c, a.refuseUnbuilt(c.set, c.jobs)
}

// wanted is what job files want, each job resolved for the first of its places.
type wanted struct {
	chosen
	resolver *resolver
	runs     []broker.Desired
	errs     []error // why a job cannot run there
}

// want resolves the jobs that a verb is about; what needs others is only placed. limit is of a preview, and 0 else.
func (a *app) want(ctx context.Context, path string, f pathFlags, only []string, limit int64) (w wanted, err error) {
	if w.chosen, err = a.chosen(path, f, only); err != nil {
		return w, err
	}
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		return w, err
	}
	w.resolver = &resolver{app: a, home: homeOf(w.set), runtime: rt, digests: openDigests(), view: view.NewChecking(a.terminal(), a.now)}
	w.runs, w.errs = make([]broker.Desired, len(w.jobs)), make([]error, len(w.jobs))
	for i := range w.jobs {
		w.jobs[i].Input.Limit = limit
		if len(w.jobs[i].Needs()) > 0 { // it is looked at when these are over
			w.runs[i], w.errs[i] = w.resolver.early(ctx, w.jobs[i], w.places[i][0])
			continue
		}
		w.runs[i], w.errs[i] = w.resolver.resolve(ctx, w.jobs[i], w.places[i][0])
		if ctx.Err() != nil {
			return w, ctx.Err()
		}
	}
	return w, nil
}

// mayRun says whether any job may run somewhere, if none has run yet.
func (w wanted) mayRun() bool {
	for i, err := range w.errs {
		if len(w.jobs[i].Needs()) == 0 && (err == nil || len(w.places[i]) > 1) {
			return true
		}
	}
	return false
}

// choose picks the jobs that --job names, in the file's order.
func choose(jobs []job.Job, only []string) ([]job.Job, error) {
	if len(jobs) == 0 {
		return nil, errors.New("the job files hold no job")
	}
	if len(only) == 0 {
		return jobs, nil
	}
	var out []job.Job
	used := map[string]bool{}
	for _, j := range jobs {
		name, _, _ := strings.Cut(j.Address, "[")
		for _, o := range only {
			if o == j.Address || o == name {
				used[o] = true
				out = append(out, j)
				break
			}
		}
	}
	for _, o := range only {
		if !used[o] {
			var have []string
			for _, j := range jobs {
				have = append(have, j.Address)
			}
			return nil, fmt.Errorf("--job %s: no such job; there are %s", o, strings.Join(have, ", "))
		}
	}
	return out, nil
}

// placesOf finds the provider blocks that a job may run on: the one of the command line,
// or its own.
func placesOf(set *jobfile.Set, j *job.Job, named string) ([]jobfile.Provider, error) {
	refs := j.Placement.Providers
	if kind, alias, ok := strings.Cut(named, "."); ok {
		refs = []job.ProviderRef{{Kind: kind, Alias: alias}}
		j.Placement.Providers = refs
	} else if named != "" {
		refs = []job.ProviderRef{{Kind: named}}
	}
	var out []jobfile.Provider
	for _, ref := range refs {
		p, err := placeOf(set, ref, named)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func placeOf(set *jobfile.Set, ref job.ProviderRef, named string) (jobfile.Provider, error) {
	var have []string
	for _, p := range set.Providers {
		if p.Ref() == ref {
			return p, nil
		}
		have = append(have, p.Ref().String())
	}
	return jobfile.Provider{}, fmt.Errorf("--provider %s: no such provider block; there are %s", named, strings.Join(have, ", "))
}

// refuseUnbuilt stops before anything is opened when a job asks for what this
// version can read and not run.
func (a *app) refuseUnbuilt(set *jobfile.Set, jobs []job.Job) error {
	diags := set.Unbuilt(jobs...)
	if len(diags) == 0 {
		return nil
	}
	if a.json {
		if err := view.ShowDiagnostics(a.stdout, diags); err != nil {
			return err
		}
	} else if err := jobfile.Render(a.stderr, set.Files, diags, 100, a.tty && a.colour); err != nil {
		return err
	}
	return &exit{code: exitError}
}
