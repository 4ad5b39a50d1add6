package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
)

func (a *app) outputCommand() *cobra.Command {
	var f pathFlags
	c := &cobra.Command{
		Use:   "output PATH [NAME]",
		Short: "Show the output values of job files",
		Long: `Show what the output blocks of job files come to. It opens no model and no data.
Sensitive values are hidden, unless one is asked for by its NAME.`,
		Example: `  crossbatch output nightly.crossbatch.hcl --var day=2026-11-01
  crossbatch output nightly.crossbatch.hcl scores --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return errors.New("crossbatch output takes a job file or a folder of them, and the name of one output if wanted")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.load(args[0], f)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return view.ShowOutputs(a.stdout, a.json, set.Outputs)
			}
			for _, o := range set.Outputs {
				if o.Name == args[1] {
					return view.ShowOutput(a.stdout, a.json, o)
				}
			}
			return fmt.Errorf("there is no output %q", args[1])
		},
	}
	f.add(c)
	return c
}
