package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/model"
)

func (a *app) inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect M.onnx",
		Short: "Show a model's inputs and outputs",
		Long: `Show what an ONNX model takes and gives, the files that belong to it, and the
operators by which one record of a batch could change another. It reads the
file only; ONNX Runtime is not needed.`,
		Example: "  crossbatch inspect models/churn.onnx",
		Args:    oneArgument("an ONNX file"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := model.Open(c.Context(), args[0])
			if err != nil {
				return err
			}
			return view.ShowModel(a.stdout, a.json, p)
		},
	}
}

// oneArgument is cobra.ExactArgs(1) with a message that says what is missing.
func oneArgument(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one argument: %s; see `%s --help`", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}

// noArguments is cobra.NoArgs for verbs without verbs of their own, which it
// would take the argument for.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes flags only, not %q; see `%s --help`", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}
