package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
)

// latestRuns is how many list shows without --all.
const latestRuns = 20

func (a *app) listCommand() *cobra.Command {
	var (
		o     broker.ListOptions
		all   bool
		state string
	)
	c := &cobra.Command{
		Use:   "list",
		Short: "List the runs of a ledger, the latest first",
		Long: `List the runs of a ledger, the one that changed last first: those of all job files
that share it, previews among them. It asks no provider; 'status RUN' does.`,
		Example: `  crossbatch list
  crossbatch list --all --json
  crossbatch list --project growth --state failed`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o.State = broker.ListState(state)
			if states := broker.ListStates(); state != "" && !slices.Contains(states, o.State) {
				return fmt.Errorf("--state %s: write one of %s", state, joinStates(states))
			}
			if !all {
				o.Most = latestRuns
			}
			return a.list(c.Context(), o)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&all, "all", false, "all runs; else the latest 20")
	flags.StringVar(&o.Project, "project", "", "only the runs of this project")
	flags.StringVar(&state, "state", "", "only the runs in this state: "+joinStates(broker.ListStates()))
	a.ledgerFlag(c)
	return c
}

func joinStates(states []broker.ListState) string {
	var names []string
	for _, s := range states {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func (a *app) list(ctx context.Context, o broker.ListOptions) error {
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	runs, more, err := s.List(ctx, o)
	if err != nil {
		return err
	}
	return view.ShowList(a.terminal(), a.json, runs, more, a.now())
}
