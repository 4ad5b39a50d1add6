package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
)

func (a *app) logsCommand() *cobra.Command {
	var o provider.LogOptions
	c := &cobra.Command{
		Use:   "logs RUN",
		Short: "Show what a run's jobs logged",
		Example: `  crossbatch logs job.churn
  crossbatch logs -f 3f9c2b71`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				lines := []provider.LogLine{}
				for line, err := range s.Logs(c.Context(), key, o) {
					if c.Context().Err() != nil {
						break // following was interrupted
					}
					if err != nil {
						return a.codedBroker(err)
					}
					if a.json {
						lines = append(lines, line)
						continue
					}
					if _, err := fmt.Fprintln(a.stdout, view.LogText(line)); err != nil {
						return err
					}
				}
				if a.json {
					return view.ShowLogs(a.stdout, lines)
				}
				return nil
			})
		},
	}
	c.Flags().BoolVarP(&o.Follow, "follow", "f", false, "go on until the run is over")
	c.Flags().IntVar(&o.Tail, "tail", 0, "only the last `N` lines")
	a.ledgerFlag(c)
	return c
}
