package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
)

func (a *app) fsckCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check a ledger",
		Long: `Read a whole ledger and say what is wrong with it. It changes nothing. What a killed
process left half written is named, too: the next watch completes it.

Exit codes: 0 sound, 1 not.`,
		Example: "  crossbatch fsck --ledger /srv/ledger",
		Args:    noArguments,
		RunE:    func(c *cobra.Command, _ []string) error { return a.fsck(c.Context()) },
	}
	a.ledgerFlag(c)
	return c
}

func (a *app) fsck(ctx context.Context) error {
	s, err := a.sessionHere(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	problems, err := s.ledger.Fsck(ctx)
	if err != nil {
		return err
	}
	if err := view.ShowProblems(a.stdout, a.json, s.uri, problems); err != nil {
		return err
	}
	if len(problems) > 0 {
		return &exit{code: exitError}
	}
	return nil
}
