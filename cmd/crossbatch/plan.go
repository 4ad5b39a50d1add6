package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/storage"
)

// planFlags are what plan, apply and submit are asked for besides a path.
type planFlags struct {
	pathFlags
	only  []string
	rerun bool
	retry bool // of failed and skipped records
	limit int64
	to    string
}

func (f *planFlags) add(c *cobra.Command) {
	f.pathFlags.add(c)
	flags := c.Flags()
	flags.StringArrayVar(&f.only, "job", nil, "only this job (an address, or job.NAME for all its instances)")
	flags.StringVar(&f.provider, "provider", "", "KIND.ALIAS: run there instead of where the job says")
	flags.BoolVar(&f.rerun, "rerun", false, "run again though nothing has changed")
	flags.BoolVar(&f.retry, "retry-failed", false, "score the failed and skipped records of the published result again, and keep its others")
	flags.Int64Var(&f.limit, "limit", 0, "a preview: only the first `N` records, and never into the job's destination")
	flags.StringVar(&f.to, "to", "", "with --limit: the folder that the preview goes to")
}

func (f planFlags) check() error {
	switch {
	case f.retry && f.rerun:
		return errors.New("--retry-failed and --rerun: choose one; --rerun scores all records again")
	case f.retry && f.limit > 0:
		return errors.New("--retry-failed and --limit: choose one; a preview has no result to mend")
	case f.limit < 0:
		return fmt.Errorf("--limit %d: write a number of records", f.limit)
	case f.to != "" && f.limit == 0:
		return errors.New("--to belongs to --limit")
	}
	return nil
}

func (a *app) planCommand() *cobra.Command {
	var (
		f        planFlags
		detailed bool
		refresh  bool
		out      string
	)
	c := &cobra.Command{
		Use:   "plan PATH",
		Short: "Show what apply would run, and why",
		Long: `Show, for each job of a job file or a folder of them, what apply would do and why:
run it, run it again (with what changed since its last run), attach to the run that is
there, or nothing; and which jobs are blocked by a live run at their destination. Runs
of jobs that are in no file any more are listed. Of a job that needs another one which
is to run first, nothing more is known before that is over.

It opens models, reads data and asks services about themselves and about live runs; it
starts nothing. With --refresh=false no service is asked: live runs are shown as the
ledger has them, and a service's documented defaults stand for what it would say.

Where placement names several providers, the first that can do what the job asks for
is taken, and the plan says of each why it is taken or not. One that cannot be reached
ends the search. Prices are not known yet.

With --out the plan is saved, and apply does exactly that or refuses; a ledger is made
then if there is none yet, since the names of runs depend on it.

Exit codes: 0, 1 if a job cannot run, 7 if one is blocked; with --detailed-exitcode
2 if anything would run.`,
		Example: `  crossbatch plan nightly.crossbatch.hcl
  crossbatch plan jobs/ --job 'job.score["eu"]' --var day=2026-11-01
  crossbatch plan jobs/ --out tonight.plan && crossbatch apply tonight.plan`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if !refresh && out != "" {
				return errors.New("--refresh=false and --out: a saved plan holds what services say of themselves; leave one out")
			}
			return a.plan(c.Context(), args[0], f, planFor{beginning: out != "", orphans: true, unasked: !refresh}, out, detailed)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&refresh, "refresh", true, "ask services about themselves and about live runs")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if anything would run")
	c.Flags().StringVar(&out, "out", "", "save the plan to this `FILE`")
	a.ledgerFlag(c)
	return c
}

func (a *app) plan(ctx context.Context, path string, f planFlags, o planFor, out string, detailed bool) error {
	p, s, err := a.planned(ctx, path, f, o)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	shown := view.Plan{Plan: p, Ledger: s.LedgerID(), Saved: out}
	if s.ledger == nil {
		shown.Notes = []string{"there is no ledger yet: zeros stand for its id, so run ids are not those that apply uses"}
	}
	if o.unasked {
		shown.Notes = append(shown.Notes, "no service was asked (--refresh=false): its documented defaults stand for what it would say, and live runs are as the ledger has them")
	}
	code := codeOfPlan(p)
	if out != "" {
		if err := a.save(ctx, s, p, out); err != nil {
			shown.Saved = ""
			if p.Count(plan.Refused) == 0 {
				return err
			}
		}
	}
	if err := view.ShowPlan(a.terminal(), a.json, shown); err != nil {
		return err
	}
	if code == exitOK && detailed && p.Begins()+p.Count(plan.Deferred) > 0 {
		code = exitChanges
	}
	if code != exitOK {
		return &exit{code: code}
	}
	return nil
}

// planFor is what a plan is made for.
type planFor struct {
	beginning bool // runs begin: a ledger is made where there is none, unless no job can run
	orphans   bool // runs of jobs that are in no file are of interest
	unasked   bool // no service is asked for it
}

// planned plans job files. The session has a ledger where there is one.
func (a *app) planned(ctx context.Context, path string, f planFlags, o planFor) (p plan.Plan, s *session, err error) {
	w, err := a.want(ctx, path, f.pathFlags, f.only, f.limit)
	if err != nil {
		return p, nil, err
	}
	open := a.sessionToRead
	if o.beginning && w.mayRun() {
		open = a.sessionFor
	}
	if s, err = open(ctx, w.set); err != nil {
		return p, nil, err
	}
	opened := s
	defer func() {
		if err != nil {
			_ = opened.Close()
		}
	}()
	planner := plan.NewPlanner(s.Broker)
	if o.orphans && len(f.only) == 0 {
		if planner, err = plan.NewIndexed(ctx, s.Broker); err != nil {
			return p, nil, err
		}
		if p.Orphans, err = planner.Orphans(ctx, w.set.Project, addressesOf(w.set)); err != nil {
			return p, nil, err
		}
	}
	planner.Unasked = o.unasked
	if p.Items, err = w.items(ctx, planner, s, f); err != nil {
		return p, nil, err
	}
	if !o.unasked {
		err = planner.Observe(ctx, &p)
	}
	return p, s, err
}

// items says what becomes of each job, on the first of its places that can run it.
func (w wanted) items(ctx context.Context, planner *plan.Planner, s *session, f planFlags) ([]plan.Item, error) {
	asked := make([]plan.Asked, len(w.runs))
	for i, d := range w.runs {
		asked[i].Err = w.errs[i]
		for n, place := range w.places[i] {
			var err error
			if n > 0 {
				if d, err = w.resolver.placed(w.jobs[i], place); err != nil {
					return nil, err
				}
			}
			if d.Rerun, d.RetryFailed = f.rerun, f.retry; f.limit > 0 {
				if d.Preview, err = s.preview(f.to); err != nil {
					return nil, err
				}
			}
			asked[i].Places = append(asked[i].Places, d)
		}
	}
	return planner.InOrder(ctx, asked, plan.Files{Jobs: identities(w.set), Look: w.resolver.again})
}

func addressesOf(set *jobfile.Set) []string {
	var out []string
	for _, j := range set.Jobs {
		out = append(out, j.Address)
	}
	return out
}

// codeOfPlan is the exit code of a plan's jobs that do not run as they should.
func codeOfPlan(p plan.Plan) int {
	code := exitOK
	for _, i := range p.Items {
		if i.Err != nil {
			code = worse(code, codeOfError(i.Err))
		}
	}
	return code
}

// save writes a plan at one stroke.
func (a *app) save(ctx context.Context, s *session, p plan.Plan, path string) error {
	body, err := plan.Saved{
		Crossbatch: version, Ledger: plan.Ledger{ID: s.LedgerID(), URI: s.uri}, Home: s.home, Items: p.Items,
	}.Encode()
	if err != nil {
		return err
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	b, err := storage.OpenFolder(filepath.Dir(full))
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(b.Replace(ctx, filepath.Base(full), body), b.Close())
}
