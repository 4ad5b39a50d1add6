package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/broker"
)

func (a *app) watchCommand() *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use:   "watch",
		Short: "Advance every live run of a ledger",
		Long: `Advance every live run: start again what died, keep deadlines, collect and
publish. Any number of watchers may work on one ledger. With --once it looks at
each run one time and returns, for cron.

Exit codes with --once: 0, whatever the runs' states. Without: the worst of
0 succeeded, 3 failed, 4 partial, 5 cancelled, 6 interrupted.`,
		Example: `  crossbatch watch
  crossbatch watch --once --ledger /srv/ledger`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.watch(c.Context(), once) },
	}
	c.Flags().BoolVar(&once, "once", false, "look at each run once and return")
	a.ledgerFlag(c)
	return c
}

func (a *app) watch(ctx context.Context, once bool) error {
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	keys, err := s.Live(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 && !a.json {
		fmt.Fprintln(a.stdout, "no live runs")
		return nil
	}
	if !once {
		var runs []broker.Run
		for _, key := range keys {
			runs = append(runs, broker.Run{Key: key})
		}
		return a.see(ctx, s, runs, exitOK, seeOptions{})
	}
	runs, err := s.Watch(ctx, keys, broker.WatchOptions{Once: true})
	if err != nil {
		return a.codedBroker(err)
	}
	var list []broker.Run
	for _, key := range keys {
		list = append(list, runs[key])
	}
	return view.ShowList(a.terminal(), a.json, list, 0, a.now())
}
