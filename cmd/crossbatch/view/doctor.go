package view

import (
	"fmt"
	"io"
)

// Status is how a check went.
type Status string

// The ways a check can go.
const (
	Good Status = "ok"
	Note Status = "note"
	Bad  Status = "fail"
)

// Check is one line of `crossbatch doctor`.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // the command that mends it
}

// ShowChecks prints the checks.
func ShowChecks(w io.Writer, asJSON bool, checks []Check) error {
	if asJSON {
		return printJSON(w, struct {
			FormatVersion int     `json:"format_version"`
			Checks        []Check `json:"checks"`
		}{FormatVersion, checks})
	}
	for _, c := range checks {
		if _, err := fmt.Fprintf(w, "%-5s %-13s %s\n", c.Status, c.Name, c.Detail); err != nil {
			return err
		}
		if c.Mend != "" {
			if _, err := fmt.Fprintf(w, "%-5s %-13s run `%s`\n", "", "", c.Mend); err != nil {
				return err
			}
		}
	}
	return nil
}
