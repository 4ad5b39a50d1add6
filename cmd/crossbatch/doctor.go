package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/view"
	"github.com/crossbatch/crossbatch/local/onnx"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Check that this machine can run jobs",
		Long:    "Check what crossbatch needs on this machine. Whatever fails comes with the command that mends it.",
		Example: "  crossbatch doctor",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			checks := a.checks(c.Context())
			if err := view.ShowChecks(a.stdout, a.json, checks); err != nil {
				return err
			}
			for _, ch := range checks {
				if ch.Status == view.Bad {
					return &exit{code: exitError}
				}
			}
			return nil
		},
	}
}

func (a *app) checks(ctx context.Context) []view.Check {
	var out []view.Check
	rt, err := a.loadRuntime(ctx)
	if err != nil {
		mend := "crossbatch runtime install"
		if os.Getenv(onnx.PathVariable) != "" {
			mend = unsetVariable
		}
		out = append(out, view.Check{Name: "onnx runtime", Status: view.Bad, Detail: err.Error(), Mend: mend})
	} else {
		out = append(out, view.Check{Name: "onnx runtime", Status: view.Good, Detail: fmt.Sprintf("%s (%s)", rt.Version, rt.Library.Path)})
		out = append(out, devices(rt), leak(rt))
	}
	if path, err := exec.LookPath("npm"); err != nil {
		out = append(out, view.Check{Name: "npm", Status: view.Note, Detail: "not on the PATH; only `crossbatch runtime install` needs it"})
	} else {
		out = append(out, view.Check{Name: "npm", Status: view.Good, Detail: path})
	}
	if path, err := (onnx.Finder{}).CachePath(); err != nil {
		out = append(out, view.Check{Name: "cache", Status: view.Note, Detail: err.Error()})
	} else {
		out = append(out, view.Check{Name: "cache", Status: view.Good, Detail: path})
	}
	return out
}

func devices(rt *onnx.Runtime) view.Check {
	var names []string
	for _, d := range rt.Devices() {
		names = append(names, d.String())
	}
	return view.Check{Name: "devices", Status: view.Good, Detail: strings.Join(names, ", ")}
}

// leak warns of the versions whose failed runs leak memory.
func leak(rt *onnx.Runtime) view.Check {
	if strings.HasPrefix(rt.Version, "1.30.") {
		return view.Check{Name: "version", Status: view.Note, Detail: "ONNX Runtime 1.30 leaks about 2 kB on each failed record", Mend: "crossbatch runtime install"}
	}
	return view.Check{Name: "version", Status: view.Good, Detail: "no known trouble"}
}
