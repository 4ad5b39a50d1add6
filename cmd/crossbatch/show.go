package main

import (
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

func (a *app) showCommand() *cobra.Command {
	var (
		f        pathFlags
		resolved bool
		only     []string
	)
	c := &cobra.Command{
		Use:   "show RUN, or show --resolved PATH",
		Short: "Show a run with its whole history, or what job files resolve to",
		Long: `Show a run and every event that the ledger has of it. With --json the events
stand there whole, the job and its provider block included.

With --resolved, show the jobs of a job file or a folder of them as canonical
JSON: the portable specification, in which no variable, reference or default is
open. It opens no model, no data and no ledger.`,
		Example: `  crossbatch show 3f9c2b71
  crossbatch show job.churn --json
  crossbatch show --resolved nightly.crossbatch.hcl --var day=2026-11-01`,
		Args: oneArgument("a run id or a job's address, or with --resolved a job file or a folder"),
		RunE: func(c *cobra.Command, args []string) error {
			if resolved {
				return a.showResolved(args[0], f, only)
			}
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				r, err := s.Status(c.Context(), key)
				if err != nil {
					return err
				}
				events, err := s.ledger.History(c.Context(), key)
				if err != nil {
					return err
				}
				return view.ShowHistory(a.terminal(), a.json, r, events, a.now())
			})
		},
	}
	c.Flags().BoolVar(&resolved, "resolved", false, "show what job files resolve to")
	c.Flags().StringArrayVar(&only, "job", nil, "with --resolved: only this job (an address, or job.NAME for all its instances)")
	f.add(c)
	a.ledgerFlag(c)
	return c
}

func (a *app) showResolved(path string, f pathFlags, only []string) error {
	set, err := a.load(path, f)
	if err != nil {
		return err
	}
	jobs, err := choose(set.Jobs, only)
	if err != nil {
		return err
	}
	return view.ShowResolved(a.stdout, set.Project, jobs, provider.Canonical)
}
