package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
)

func (a *app) resultsCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "results RUN",
		Short: "See a run's results published, or fetch what it finished",
		Long: `Advance a run once and show what it published. With --to DIR, what a finished run
scored is written there in the published layout, whatever became of the run:
of a failed or cancelled one, what it did not finish counts as skipped.`,
		Example: `  crossbatch results job.churn
  crossbatch results 3f9c2b71 --to salvage`,
		Args: oneArgument("a run id or a job's address"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.onRun(c.Context(), args[0], func(s *session, key ledger.Key) error {
				return a.results(c.Context(), s, key, to)
			})
		},
	}
	c.Flags().StringVar(&to, "to", "", "a folder, or a URI prefix, to write what the run finished to")
	a.ledgerFlag(c)
	return c
}

func (a *app) results(ctx context.Context, s *session, key ledger.Key, to string) error {
	runs, err := s.Watch(ctx, []ledger.Key{key}, broker.WatchOptions{Once: true})
	if err != nil {
		return a.codedBroker(err)
	}
	r := runs[key]
	if to != "" {
		dest, err := folder(to)
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		m, err := s.Fetch(ctx, key, dest)
		if err != nil {
			return a.codedBroker(err)
		}
		r.Destination, r.Counts = dest, m.Totals
		if a.json {
			return view.ShowRunsJSON(a.stdout, []broker.Run{r})
		}
		view.ShowEnded(a.terminal(), r, m)
		return nil
	}
	if err := a.showEnded(ctx, s, []broker.Run{r}); err != nil {
		return err
	}
	if code := codeOfRun(r); code != exitOK {
		return &exit{code: code}
	}
	return nil
}
