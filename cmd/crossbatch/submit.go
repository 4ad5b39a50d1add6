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
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/storage"
)

// submitFlags are what submit is asked for besides a path.
type submitFlags struct {
	pathFlags
	only   []string
	wait   bool
	detach bool
	cancel bool // on a signal, with wait
	rerun  bool
	limit  int64
	to     string
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
	flags.StringArrayVar(&f.only, "job", nil, "run only this job (an address, or job.NAME for all its instances)")
	flags.StringVar(&f.provider, "provider", "", "KIND.ALIAS: run there instead of where the job says")
	flags.BoolVar(&f.wait, "wait", false, "see the runs through to their end")
	flags.BoolVar(&f.detach, "detach", false, "return once the runs are started (the default)")
	flags.BoolVar(&f.cancel, "cancel-on-signal", false, "with --wait: cancel the runs when interrupted")
	flags.BoolVar(&f.rerun, "rerun", false, "run again though nothing has changed")
	flags.Int64Var(&f.limit, "limit", 0, "a preview: only the first `N` records, and never into the job's destination")
	flags.StringVar(&f.to, "to", "", "with --limit: the folder that the preview goes to")
	a.ledgerFlag(c)
	return c
}

func (f submitFlags) check() error {
	switch {
	case f.wait && f.detach:
		return errors.New("--wait and --detach: choose one")
	case f.cancel && !f.wait:
		return errors.New("--cancel-on-signal belongs to --wait")
	case f.limit < 0:
		return fmt.Errorf("--limit %d: write a number of records", f.limit)
	case f.to != "" && f.limit == 0:
		return errors.New("--to belongs to --limit")
	}
	return nil
}

func (a *app) submit(ctx context.Context, path string, f submitFlags) error {
	set, wanted, errs, err := a.want(ctx, path, f.pathFlags, f.only, f.limit)
	if err != nil {
		return err
	}
	open := a.sessionToRead // so nothing is written, not even an empty ledger
	if begins(wanted, errs) {
		open = a.sessionFor
	}
	s, err := open(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	items, err := a.toSubmit(ctx, s, set, wanted, errs, f)
	if err != nil {
		return err
	}
	w := walk{app: a, s: s, items: items, parallelism: 1, detach: !f.wait, cancel: f.cancel}
	w.begin = func(ctx context.Context, i plan.Item) submitted {
		out := submitted{action: i.Action, err: i.Err}
		if i.Err == nil {
			out.run, out.err = s.Submit(ctx, i.Wanted)
		}
		return out
	}
	return a.tell(ctx, s, w.run(ctx), f.wait)
}

// toSubmit is what submit does with wanted runs: the broker decides, but of what needs
// other jobs, which comes after them.
func (a *app) toSubmit(ctx context.Context, s *session, set *jobfile.Set, wanted []broker.Desired, errs []error, f submitFlags) ([]plan.Item, error) {
	items := make([]plan.Item, len(wanted))
	planner, jobs := plan.NewPlanner(s.Broker), identities(set)
	chosen := map[string]int{}
	for n, d := range wanted {
		chosen[d.Job.Address] = n
	}
	for n, d := range wanted {
		d.Rerun = f.rerun
		err := errs[n]
		if err == nil && f.limit > 0 {
			if d.Preview, err = s.preview(f.to); err != nil {
				return nil, err
			}
		}
		if err == nil {
			d, err = planner.Outside(ctx, d, chosen, jobs)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			items[n] = plan.Refuse(d, err)
		case len(d.Job.Needs()) > 0:
			items[n] = plan.Item{Wanted: d, Action: plan.Deferred}
		default:
			items[n] = plan.Item{Wanted: d, Action: plan.Run}
		}
	}
	return items, nil
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

// chosen is the jobs of job files that a verb is about, each with its place.
type chosen struct {
	set    *jobfile.Set
	jobs   []job.Job
	places []jobfile.Provider
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
	c.places = make([]jobfile.Provider, len(c.jobs))
	for i := range c.jobs {
		if c.places[i], err = place(c.set, &c.jobs[i], f.provider); err != nil {
			return c, err
		}
	}
	return c, a.refuseUnbuilt(c.set, c.jobs)
}

// want resolves the jobs that a verb is about; errs says which of them cannot run, and
// why. What needs other jobs is only placed. limit is of a preview, and 0 else.
func (a *app) want(ctx context.Context, path string, f pathFlags, only []string, limit int64) (set *jobfile.Set, wanted []broker.Desired, errs []error, err error) {
	c, err := a.chosen(path, f, only)
	if err != nil {
		return nil, nil, nil, err
	}
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	r := &resolver{app: a, home: homeOf(c.set), runtime: rt, digests: openDigests(), view: view.NewChecking(a.terminal(), a.now)}
	wanted, errs = make([]broker.Desired, len(c.jobs)), make([]error, len(c.jobs))
	for i, j := range c.jobs {
		j.Input.Limit = limit
		if len(j.Needs()) > 0 { // it is looked at when these are over
			wanted[i], errs[i] = r.placed(j, c.places[i])
			continue
		}
		wanted[i], errs[i] = r.resolve(ctx, j, c.places[i])
		if ctx.Err() != nil {
			return nil, nil, nil, ctx.Err()
		}
	}
	return c.set, wanted, errs, nil
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

// place finds the provider of a job: the one of the command line, or its own.
func place(set *jobfile.Set, j *job.Job, named string) (jobfile.Provider, error) {
	if named == "" {
		named = j.Placement.Providers[0].String()
	} else if kind, alias, ok := strings.Cut(named, "."); ok {
		j.Placement.Providers = []job.ProviderRef{{Kind: kind, Alias: alias}}
	}
	var have []string
	for _, p := range set.Providers {
		if p.Ref().String() == named {
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
