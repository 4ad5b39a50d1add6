package view

import (
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// ShowValid prints what valid job files hold.
func ShowValid(w io.Writer, asJSON bool, set *jobfile.Set) error {
	if asJSON {
		addresses := []string{}
		for _, j := range set.Jobs {
			addresses = append(addresses, j.Address)
		}
		return printJSON(w, struct {
			FormatVersion int      `json:"format_version"`
			Valid         bool     `json:"valid"`
			Project       string   `json:"project"`
			Jobs          []string `json:"jobs"`
		}{FormatVersion, true, set.Project, addresses})
	}
	if _, err := fmt.Fprintf(w, "Valid: project %s, %s\n", set.Project, count(int64(len(set.Jobs)), "job")); err != nil {
		return err
	}
	for _, j := range set.Jobs {
		if _, err := fmt.Fprintf(w, "  %s on %s -> %s\n", j.Address, j.Placement.Providers[0], near(j.Output.Destination)); err != nil {
			return err
		}
	}
	return nil
}

// ShowDiagnostics prints what is wrong with job files, for programs.
func ShowDiagnostics(w io.Writer, diags jobfile.Diagnostics) error {
	return printJSON(w, struct {
		FormatVersion int               `json:"format_version"`
		Valid         bool              `json:"valid"`
		Diagnostics   []jobfile.Problem `json:"diagnostics"`
	}{FormatVersion, false, jobfile.Problems(diags)})
}
