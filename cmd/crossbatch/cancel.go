package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) cancelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run; it publishes nothing",
		Long: `Ask for a run's end and return. What it finished stays where it is:
'crossbatch results RUN --to DIR' fetches it. Cancelling a run that is over does
nothing.`,
		Example: `  crossbatch cancel 3f9c2b71
  crossbatch cancel 'job.score["eu"]'`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				r, err := s.Cancel(c.Context(), key, "by crossbatch cancel")
				if err != nil {
					return a.codedBroker(err)
				}
				if a.json {
					return view.ShowRunsJSON(a.stdout, []broker.Run{r})
				}
				_, err = fmt.Fprintf(a.stdout, "%s  run %s is %s\n", r.Address, r.ID, view.LifeText(r))
				return err
			})
		},
	}
	a.ledgerFlag(c)
	return c
}
