package main

import (
	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/local/onnx"
)

func (a *app) runtimeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "runtime",
		Short: "Install ONNX Runtime, or show the one that is used",
		Long: `ONNX Runtime is the library that runs models on this machine. It is looked for in
this order: ` + onnx.PathVariable + `, the cache that 'runtime install' fills, the
system's library folders, and a Python package named onnxruntime.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }, // without it cobra takes any argument
	}
	c.AddCommand(a.runtimeInstallCommand(), a.runtimeStatusCommand())
	return c
}

func (a *app) runtimeInstallCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "install",
		Short: "Fetch ONNX Runtime " + onnx.Version + " with npm into the user's cache",
		Long: `Fetch ONNX Runtime ` + onnx.Version + ` from the npm package onnxruntime-node with npm's own client,
check it against the digests in crossbatch's source, and keep the one library
of this machine in the user's cache (` + onnx.CacheVariable + ` moves it). Doing it again is free.`,
		Example: "  crossbatch runtime install",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			p := view.NewInstall(view.Terminal{Out: a.stdout, Err: a.stderr, Bars: a.tty, Colour: a.colour}, a.json)
			lib, fetched, err := onnx.Installer{Report: p.Report}.Install(c.Context())
			if err != nil {
				p.Abort()
				return err
			}
			return p.Done(lib, fetched)
		},
	}
}

func (a *app) runtimeStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "status",
		Short:   "Show which ONNX Runtime is used and which devices it offers",
		Example: "  crossbatch runtime status --json",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			rt, err := a.loadRuntime(c.Context())
			if err != nil {
				return err
			}
			return view.ShowRuntime(a.stdout, a.json, rt.Library, rt.Version, rt.Devices())
		},
	}
}
