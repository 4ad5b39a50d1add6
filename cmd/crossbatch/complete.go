package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/jobfile"
)

// mostRuns bounds the runs that a shell offers.
const mostRuns = 100

// completions tells a shell what may follow each verb. A completion that can not
// be had, such as for a file with a mistake, is none: a shell has no place for
// an error.
func (a *app) completions(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "validate", "translate", "plan", "destroy", "submit", "output":
			c.ValidArgsFunction = jobFiles
		case "apply": // job files or a plan, whose name may be any
			c.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		case "fmt":
			c.ValidArgsFunction = anyJobFiles
		case "status", "wait", "logs", "results", "cancel", "forget":
			c.ValidArgsFunction = a.runsHere
		case "show":
			c.ValidArgsFunction = a.runOrJobFile
		}
		for flag, complete := range map[string]cobra.CompletionFunc{"job": addresses, "provider": places, "device": deviceNames, "state": stateNames} {
			if c.Flags().Lookup(flag) != nil {
				_ = c.RegisterFlagCompletionFunc(flag, complete) // it fails only for a flag that is not there
			}
		}
	}
}

// jobFiles completes the one PATH of a verb. The shell goes into folders itself.
func jobFiles(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return anyJobFiles(c, args, typed)
	}
	if c.Name() == "output" && len(args) == 1 {
		var names []cobra.Completion
		for _, o := range quietly(c, args).Outputs {
			names = append(names, o.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func anyJobFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{jobfile.Suffix[1:], jobfile.JSONSuffix[1:]}, cobra.ShellCompDirectiveFilterFileExt
}

func (a *app) runOrJobFile(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if resolved, _ := c.Flags().GetBool("resolved"); resolved {
		return jobFiles(c, args, typed)
	}
	return a.runsHere(c, args, typed)
}

// runsHere completes a RUN: each address once, then the ids, the latest first.
func (a *app) runsHere(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	ctx := c.Context()
	if ctx == nil { // cobra gives a completed verb none
		ctx = context.Background()
	}
	if len(args) > 0 {
		return nil, directive
	}
	s, err := a.sessionHere(ctx)
	if err != nil {
		return nil, directive
	}
	defer func() { _ = s.Close() }()
	runs, _, err := s.List(ctx, broker.ListOptions{Most: mostRuns})
	if err != nil {
		return nil, directive
	}
	var names, ids []cobra.Completion
	seen := map[string]bool{}
	for _, r := range runs {
		if !seen[r.Address] {
			seen[r.Address] = true
			names = append(names, cobra.CompletionWithDesc(r.Address, "its latest run"))
		}
		ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Address+" "+string(r.State)))
	}
	return append(names, ids...), directive
}

func addresses(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, j := range quietly(c, args).Jobs {
		out = append(out, j.Address)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func places(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, p := range quietly(c, args).Providers {
		out = append(out, p.Ref().String())
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func stateNames(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, s := range broker.ListStates() {
		out = append(out, string(s))
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// deviceNames are those that every ONNX Runtime may have. Which ones are there is
// not asked: that would load it at each press of a key.
func deviceNames(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"auto", "cpu", "cuda"}, cobra.ShellCompDirectiveNoFileComp
}

// quietly reads the job files of the verb's PATH, and is empty when they are
// not given or have a mistake.
func quietly(c *cobra.Command, args []string) *jobfile.Set {
	if len(args) == 0 {
		return &jobfile.Set{}
	}
	o := jobfile.Options{Environ: os.Environ(), Version: version}
	o.Vars, _ = c.Flags().GetStringArray("var")
	o.VarFiles, _ = c.Flags().GetStringArray("var-file")
	set, diags := jobfile.Load(args[0], o)
	if diags.HasErrors() {
		return &jobfile.Set{}
	}
	return set
}
