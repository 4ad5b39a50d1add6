package main

import (
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/core/jobfile"
)

// pathFlags are the arguments of verbs that take job files.
type pathFlags struct {
	vars, varFiles []string
	provider       string // KIND.ALIAS that the verb runs jobs on; empty: where they say
}

func (f *pathFlags) add(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.vars, "var", nil, "NAME=VALUE: set a variable; may be given several times")
	c.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "read variables from a file, HCL or JSON")
}

// load reads the job files at path and shows what is wrong with them.
func (a *app) load(path string, f pathFlags) (*jobfile.Set, error) {
	// Thousands of files are read in seconds and nothing of them is garbage before:
	// collecting it twice as seldom saves a fifth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	set, diags := jobfile.Load(path, jobfile.Options{Vars: f.vars, VarFiles: f.varFiles, Environ: os.Environ(), Version: version, Provider: f.provider})
	if len(diags) > 0 && (!a.json || !diags.HasErrors()) {
		if err := jobfile.Render(a.stderr, set.Files, diags, 100, a.tty && a.colour); err != nil {
			return nil, err
		}
	}
	if diags.HasErrors() {
		if a.json {
			if err := view.ShowDiagnostics(a.stdout, diags); err != nil {
				return nil, err
			}
		}
		return nil, &exit{code: exitError}
	}
	return set, nil
}

func (a *app) validateCommand() *cobra.Command {
	var f pathFlags
	c := &cobra.Command{
		Use:   "validate PATH",
		Short: "Check job files, without opening a model or data",
		Long: `Check one job file, or all job files of a folder. It opens job files and what
file(), fileset() and variable files name, and nothing else.`,
		Example: `  crossbatch validate nightly.crossbatch.hcl
  crossbatch validate jobs/ --var day=2026-11-01`,
		Args: oneArgument("a job file or a folder of them"),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.load(args[0], f)
			if err != nil {
				return err
			}
			return view.ShowValid(a.stdout, a.json, set)
		},
	}
	f.add(c)
	return c
}
