package main

import (
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) showCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its whole history",
		Long: `Show a run and every event that the ledger has of it. With --json the events
stand there whole, the job and its provider block included.`,
		Example: `  crossbatch show 3f9c2b71
  crossbatch show job.churn --json`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
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
	a.ledgerFlag(c)
	return c
}
