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

// planFlags are what plan and apply are asked for besides a path.
type planFlags struct {
	pathFlags
	only  []string
	rerun bool
	limit int64
	to    string
}

func (f *planFlags) add(c *cobra.Command) {
	f.pathFlags.add(c)
	flags := c.Flags()
	flags.StringArrayVar(&f.only, "job", nil, "only this job (an address, or job.NAME for all its instances)")
	flags.StringVar(&f.provider, "provider", "", "KIND.ALIAS: run there instead of where the job says")
	flags.BoolVar(&f.rerun, "rerun", false, "run again though nothing has changed")
	flags.Int64Var(&f.limit, "limit", 0, "a preview: only the first `N` records, and never into the job's destination")
	flags.StringVar(&f.to, "to", "", "with --limit: the folder that the preview goes to")
}

func (f planFlags) check() error {
	return submitFlags{limit: f.limit, to: f.to}.check()
}

func (a *app) planCommand() *cobra.Command {
	var (
		f        planFlags
		detailed bool
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

It opens models, reads data and asks providers; it starts nothing. With --out the plan
is saved, and apply does exactly that or refuses; a ledger is made then if there is
none yet, since the names of runs depend on it.

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
			return a.plan(c.Context(), args[0], f, out, detailed)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 if anything would run")
	c.Flags().StringVar(&out, "out", "", "save the plan to this `FILE`")
	a.ledgerFlag(c)
	return c
}

func (a *app) plan(ctx context.Context, path string, f planFlags, out string, detailed bool) error {
	p, s, err := a.planned(ctx, path, f, out != "")
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	shown := view.Plan{Plan: p, Ledger: s.LedgerID(), Saved: out}
	if s.ledger == nil {
		shown.Notes = []string{"there is no ledger yet: zeros stand for its id, so run ids are not those that apply uses"}
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

// planned plans job files. The session has a ledger where there is one; where there is
// none it is made with create, unless no job can run.
func (a *app) planned(ctx context.Context, path string, f planFlags, create bool) (p plan.Plan, s *session, err error) {
	set, wanted, errs, err := a.want(ctx, path, f.pathFlags, f.only, f.limit)
	if err != nil {
		return p, nil, err
	}
	open := a.sessionToRead
	if create && begins(wanted, errs) {
		open = a.sessionFor
	}
	if s, err = open(ctx, set); err != nil {
		return p, nil, err
	}
	opened := s
	defer func() {
		if err != nil {
			_ = opened.Close()
		}
	}()
	for i := range wanted {
		d := &wanted[i]
		d.Rerun = f.rerun
		if f.limit > 0 && errs[i] == nil {
			if d.Preview, err = s.preview(f.to); err != nil {
				return p, nil, err
			}
		}
	}
	planner := plan.NewPlanner(s.Broker)
	if len(f.only) == 0 {
		if planner, err = plan.NewIndexed(ctx, s.Broker); err != nil {
			return p, nil, err
		}
		if p.Orphans, err = planner.Orphans(ctx, set.Project, addressesOf(set)); err != nil {
			return p, nil, err
		}
	}
	l := &looker{app: a, home: s.home}
	p.Items, err = planner.InOrder(ctx, wanted, errs, plan.Chain{Jobs: identities(set), Look: l.look})
	return p, s, err
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
