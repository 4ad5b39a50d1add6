package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
)

func (a *app) listCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the runs of a ledger, the latest first",
		Example: `  crossbatch list
  crossbatch list --all --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.list(c.Context(), all) },
	}
	c.Flags().BoolVar(&all, "all", false, "all runs; else the latest 20")
	a.ledgerFlag(c)
	return c
}

func (a *app) list(ctx context.Context, all bool) error {
	latest := 20
	if all {
		latest = 0
	}
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	runs, more, err := s.List(ctx, latest)
	if err != nil {
		return err
	}
	return view.ShowList(a.terminal(), a.json, runs, more, a.now())
}
