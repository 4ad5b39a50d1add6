package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) forgetCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "forget RUN",
		Short: "Let a finished run satisfy its job no more",
		Long: `Mark a run as forgotten, so that the next submit of its job runs again. Its
history and what it published stay. A live run is refused; with --force it is
forgotten all the same, and whatever still runs for it is nobody's any more.`,
		Example: "  crossbatch forget 3f9c2b71",
		Args:    oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				r, err := s.Forget(c.Context(), key, force)
				if err != nil {
					return err
				}
				if a.json {
					return view.ShowRunsJSON(a.stdout, []broker.Run{r})
				}
				_, err = fmt.Fprintf(a.stdout, "%s  run %s is forgotten\n", r.Address, r.ID)
				return err
			})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "forget a live run, too")
	a.ledgerFlag(c)
	return c
}
