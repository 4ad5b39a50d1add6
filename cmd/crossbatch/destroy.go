package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/job"
)

// destroyFlags are what destroy is asked for besides a path.
type destroyFlags struct {
	pathFlags
	only     []string
	results  bool
	approved bool
}

func (a *app) destroyCommand() *cobra.Command {
	var f destroyFlags
	c := &cobra.Command{
		Use:   "destroy PATH",
		Short: "Remove what the runs of jobs made where they ran",
		Long: `Remove what was made for the runs of the jobs of a job file or a folder of them, and
for their previews: native jobs, where the service deletes any, owned objects (such as a
SageMaker model) that no other run uses, and the folder in staging that the run worked
in. Live runs are cancelled first, and seen to their end. Models and input in staging,
which runs share, are left to gc.

What the runs published stays, and still satisfies the jobs. With --results it goes,
too, as far as it is theirs; nothing else in the destination is touched, and the next
apply runs the jobs again.

It shows what it will do, and asks: with --job for a yes, without it for the number of
runs. Interrupted or killed, the same command goes on.

Exit codes: 0 all is destroyed, or there was nothing to destroy; 1 a run cannot be
destroyed; 7 a provider could not be reached, or a run that was begun meanwhile is
about to publish: try again.`,
		Example: `  crossbatch destroy nightly.crossbatch.hcl
  crossbatch destroy jobs/ --job 'job.score["eu"]' --var day=2026-11-01 --results
  crossbatch destroy jobs/ --provider sagemaker.us --auto-approve`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(c *cobra.Command, args []string) error { return a.destroy(c.Context(), args[0], f) },
	}
	f.add(c)
	flags := c.Flags()
	flags.StringArrayVar(&f.only, "job", nil, "only this job (an address, or job.NAME for all its instances)")
	flags.StringVar(&f.provider, "provider", "", "KIND.ALIAS: only runs that were placed there")
	flags.BoolVar(&f.results, "results", false, "remove what the runs published, too")
	flags.BoolVar(&f.approved, "auto-approve", false, "do not ask")
	a.ledgerFlag(c)
	return c
}

func (a *app) destroy(ctx context.Context, path string, f destroyFlags) error {
	set, err := a.load(path, f.pathFlags)
	if err != nil {
		return err
	}
	jobs, err := choose(set.Jobs, f.only)
	if err != nil {
		return err
	}
	s, err := a.sessionToRead(ctx, set)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if s.ledger == nil { // nothing has run yet
		return view.ShowDestroyed(a.terminal(), a.json, nil)
	}
	identities := make([]job.Identity, len(jobs))
	for i, j := range jobs {
		identities[i] = j.Identity()
	}
	progress := view.NewDestroying(a.terminal(), a.now)
	o := broker.DestroyOptions{Results: f.results, Provider: f.provider, Seen: progress.Seen, Done: progress.Done}
	removals, err := s.Removals(ctx, identities, o)
	if err != nil {
		return a.codedBroker(err)
	}
	if len(removals) == 0 {
		return view.ShowDestroyed(a.terminal(), a.json, nil)
	}
	if !a.json {
		view.ShowRemovals(a.terminal(), removals, f.results, a.now())
	}
	if err := a.askToDestroy(ctx, f, removals); err != nil {
		return err
	}
	progress.Begin(len(removals))
	done := s.Destroy(ctx, removals, o)
	progress.Close()
	if ctx.Err() != nil {
		return &exit{code: exitCancelled, err: errors.New("interrupted; the same command goes on")}
	}
	if err := view.ShowDestroyed(a.terminal(), a.json, done); err != nil {
		return err
	}
	code := exitOK
	for _, d := range done {
		if d.Err != nil {
			code = worse(code, codeOfError(d.Err))
		}
	}
	if code != exitOK {
		return &exit{code: code}
	}
	return nil
}

// askToDestroy wants a yes where jobs were named, else the number of runs.
func (a *app) askToDestroy(ctx context.Context, f destroyFlags, removals []broker.Removal) error {
	n := 0
	for _, r := range removals {
		if r.Err == nil {
			n++
		}
	}
	switch {
	case f.approved, n == 0:
		return nil
	case a.stdin == nil || a.json:
		return errors.New("destroy asks before it removes anything, and there is no terminal to ask on; --auto-approve says yes beforehand")
	}
	want := "yes"
	if len(f.only) == 0 {
		want = strconv.Itoa(n)
	}
	view.AskToDestroy(a.terminal(), n, want)
	text, err := a.answer(ctx)
	if err == nil && text != want {
		err = fmt.Errorf("destroy was not approved (%q is not %q); nothing was removed", text, want)
	}
	return err
}
