package main

import (
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) statusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how a run is doing",
		Long: `Show a run's state, its records and where it runs. It only reads, and exits with 0
whatever the state is. RUN is a run id, 8 or more digits of one, or a job's
address, whose latest run is meant.`,
		Example: `  crossbatch status 3f9c2b71
  crossbatch status job.churn --json`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				r, err := s.Status(c.Context(), key)
				if err != nil {
					return err
				}
				return view.ShowStatus(a.terminal(), a.json, r, a.now())
			})
		},
	}
	a.ledgerFlag(c)
	return c
}
