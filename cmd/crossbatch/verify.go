package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DESTINATION",
		Short: "Check a published result again, offline",
		Long: `Check that every file of a published result is there, unchanged, and holds the
records that its manifest accounts for. Differences end with exit code 1.`,
		Example: "  crossbatch verify out/scores",
		Args:    oneArgument("the folder of a result"),
		RunE: func(c *cobra.Command, args []string) error {
			m, findings, err := verify.Result(c.Context(), os.DirFS(args[0]))
			if err != nil {
				return err
			}
			if err := view.ShowVerify(a.stdout, a.json, args[0], m, findings); err != nil {
				return err
			}
			if len(findings) > 0 {
				return &exit{code: exitError}
			}
			return nil
		},
	}
}
