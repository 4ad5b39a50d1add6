package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/plan"
)

// applyFlags are what apply is asked for besides a path.
type applyFlags struct {
	planFlags
	approved    bool
	prune       bool
	parallelism int
	wait        bool
	detach      bool
	cancel      bool
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply PATH|PLAN",
		Short: "Run what plan shows, and see it through",
		Long: `Plan the jobs of a job file or a folder of them, ask, run what has to run, and see
all of it through to its end. Runs that are there already are attached to; nothing is
run twice, however often and by how many it is applied. Interrupting apply leaves the
runs alone; the next apply attaches to them.

Given a plan that 'plan --out' saved, exactly its requests are sent, without a
question. If anything they depend on has changed since, or if the plan was applied
before, nothing is sent.

Exit codes: 0 succeeded, 1 a job cannot run or the plan is stale, 3 failed, 4 partial,
5 cancelled, 6 interrupted (the runs go on), 7 blocked.`,
		Example: `  crossbatch apply nightly.crossbatch.hcl
  crossbatch apply jobs/ --auto-approve --var day=2026-11-01
  crossbatch plan jobs/ --out tonight.plan && crossbatch apply tonight.plan`,
		Args: oneArgument("a job file, a folder of them, or a saved plan"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if !savedPlan(args[0]) {
				return a.applyFiles(c.Context(), args[0], f)
			}
			for _, name := range []string{"var", "var-file", "job", "provider", "rerun", "retry-failed", "limit", "to", "prune"} {
				if c.Flags().Changed(name) {
					return fmt.Errorf("--%s belongs to job files: %s is a saved plan, which has all that it was made with", name, args[0])
				}
			}
			return a.applySaved(c.Context(), args[0], f)
		},
	}
	f.add(c)
	flags := c.Flags()
	flags.BoolVar(&f.approved, "auto-approve", false, "do not ask")
	flags.BoolVar(&f.prune, "prune", false, "cancel live runs of jobs that are in no file any more")
	flags.IntVar(&f.parallelism, "parallelism", 8, "start up to `N` runs at once")
	flags.BoolVar(&f.wait, "wait", false, "see the runs through to their end (the default)")
	flags.BoolVar(&f.detach, "detach", false, "return once the runs are started")
	flags.BoolVar(&f.cancel, "cancel-on-signal", false, "cancel the runs when interrupted")
	a.ledgerFlag(c)
	return c
}

func (f applyFlags) check() error {
	switch {
	case f.wait && f.detach:
		return errors.New("--wait and --detach: choose one")
	case f.cancel && f.detach:
		return errors.New("--cancel-on-signal: with --detach nobody is there to cancel")
	case f.prune && len(f.only) > 0:
		return errors.New("--prune looks at all jobs: leave --job out")
	case f.parallelism < 1:
		return fmt.Errorf("--parallelism %d: write a number from 1 on", f.parallelism)
	}
	return f.planFlags.check()
}

// savedPlan says whether a path is no job file and no folder.
func savedPlan(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && !strings.HasSuffix(path, jobfile.Suffix) && !strings.HasSuffix(path, jobfile.JSONSuffix)
}

// applyFiles plans job files and does what the plan says.
func (a *app) applyFiles(ctx context.Context, path string, f applyFlags) error {
	p, s, err := a.planned(ctx, path, f.planFlags, planFor{beginning: true, orphans: true})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := a.showToApply(s, p, f.prune); err != nil {
		return err
	}
	if !f.prune {
		p.Orphans = nil
	}
	if p.Begins()+p.Count(plan.Deferred)+len(p.Orphans) > 0 {
		if err := a.ask(ctx, f.approved, p); err != nil {
			return err
		}
	}
	return a.apply(ctx, s, p, f)
}

// showToApply shows people what will be done. Programs get what became of it.
func (a *app) showToApply(s *session, p plan.Plan, prune bool) error {
	if a.json {
		return nil
	}
	return view.ShowPlan(a.terminal(), false, view.Plan{Plan: p, Ledger: s.LedgerID(), Prune: prune})
}

// applySaved does what a saved plan says, as long as all of it holds.
func (a *app) applySaved(ctx context.Context, path string, f applyFlags) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	saved, err := plan.ParseSaved(body)
	if err != nil {
		return fmt.Errorf("%s is neither a job file (*%s) nor a plan: %w", path, jobfile.Suffix, err)
	}
	uri := saved.Ledger.URI
	if a.ledgerURI != "" {
		uri = a.ledgerURI
	}
	s, err := a.openSession(ctx, uri, saved.Home, false)
	if errors.Is(err, ledger.ErrNoLedger) {
		return fmt.Errorf("%w: its ledger is gone: %w", broker.ErrStale, err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if s.ledger.ID() != saved.Ledger.ID {
		return fmt.Errorf("%w: it was made for another ledger (%s) than the one at %s (%s)", broker.ErrStale, saved.Ledger.ID, s.uri, s.ledger.ID())
	}
	p, err := a.still(ctx, s, saved)
	if err != nil {
		return err
	}
	if err := a.showToApply(s, p, false); err != nil {
		return err
	}
	return a.apply(ctx, s, p, f)
}

// still is a saved plan that holds. All that does not is named.
func (a *app) still(ctx context.Context, s *session, saved plan.Saved) (plan.Plan, error) {
	p := plan.Plan{Items: saved.Items}
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		return p, err
	}
	r := &resolver{app: a, home: saved.Home, runtime: rt, digests: openDigests(), view: view.NewChecking(a.terminal(), a.now)}
	planner := plan.NewPlanner(s.Broker)
	var stale []error
	for _, i := range p.Items {
		if !i.Action.Begins() {
			continue
		}
		var now plan.Item
		if d, err := r.again(ctx, i.Wanted); err != nil {
			now = plan.Refuse(i.Wanted, err)
		} else {
			now = planner.Item(ctx, d)
		}
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if err := i.Stale(now); err != nil {
			stale = append(stale, err)
		}
	}
	if len(stale) > 0 {
		return p, a.codedBroker(errors.Join(stale...))
	}
	return p, nil
}

// ask wants a yes. Without a terminal nobody can give it.
func (a *app) ask(ctx context.Context, approved bool, p plan.Plan) error {
	switch {
	case approved:
		return nil
	case a.stdin == nil || a.json:
		return errors.New("apply asks before it runs anything, and there is no terminal to ask on; --auto-approve says yes beforehand")
	}
	view.Ask(a.terminal(), p.Begins(), p.Count(plan.Deferred), len(p.Orphans))
	text, err := a.answer(ctx)
	if err == nil && text != "yes" {
		err = errors.New("apply was not approved; nothing was run")
	}
	return err
}

// apply begins what a plan begins, attaches to what lives, cancels its orphans, and
// sees all of it through.
func (a *app) apply(ctx context.Context, s *session, p plan.Plan, f applyFlags) error {
	w := walk{app: a, s: s, items: p.Items, parallelism: f.parallelism, detach: f.detach, cancel: f.cancel}
	for _, r := range p.Orphans {
		if _, err := s.Cancel(ctx, r.Key, "its job is in no file any more (--prune)"); err != nil {
			return a.codedBroker(err)
		}
		w.besides = append(w.besides, r.Key)
	}
	code, applied := exitOK, view.Applied{}
	var told []submitted
	for n, d := range w.run(ctx) {
		switch {
		case d.waits != nil:
			applied.Waiting++
		case d.action.Begins():
			applied.Begun++
		case d.action == plan.Attach:
			applied.Attached++
		case d.action == plan.Nothing:
			applied.Unchanged++
		}
		switch p.Items[n].Action {
		case plan.Nothing, plan.Blocked, plan.Refused: // people saw them in the plan
			if !a.json {
				code = worse(code, codeOfSubmitted(ctx, d, !f.detach))
				continue
			}
		}
		told = append(told, d)
	}
	if len(told) > 0 || a.json {
		err := a.tell(ctx, s, told, !f.detach)
		var e *exit
		if err != nil && (!errors.As(err, &e) || e.err != nil) {
			return err
		}
		if e != nil {
			code = worse(code, e.code)
		}
	}
	if err := errors.Join(w.errs...); err != nil {
		return a.codedBroker(err)
	}
	if code != exitOK {
		return &exit{code: code}
	}
	if !a.json {
		view.ShowApplied(a.terminal(), applied)
	}
	return nil
}

// one does what a plan says of one job.
func (a *app) one(ctx context.Context, s *session, i plan.Item) submitted {
	out := submitted{action: i.Action, err: i.Err}
	switch i.Action {
	case plan.Attach, plan.Nothing:
		out.run, out.err = s.Recorded(context.WithoutCancel(ctx), i.Key)
		out.run.Joined = true
	case plan.Run, plan.Rerun:
		d := i.Wanted
		d.Planned = i.Planned()
		out.run, out.err = s.Submit(ctx, d)
		if out.err == nil || ctx.Err() == nil {
			break
		}
		// Interrupted: it may have been begun all the same.
		out.run, out.err = s.Recorded(context.WithoutCancel(ctx), ledger.KeyOf(d.Identity(), i.Fingerprint, i.Generation))
		if out.err != nil {
			out.err = errInterrupted
		}
	}
	return out
}
