package view

import (
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/cmd/crossbatch/draft"
)

// ShowDraft prints the job file that was written.
func ShowDraft(w io.Writer, asJSON bool, path string, d draft.Draft) error {
	if asJSON {
		notes := d.Notes
		if notes == nil {
			notes = []string{}
		}
		return printJSON(w, struct {
			FormatVersion int      `json:"format_version"`
			Path          string   `json:"path"`
			Notes         []string `json:"notes"`
		}{FormatVersion, path, notes})
	}
	fmt.Fprintf(w, "Wrote %s:\n\n%s\n", path, d.Text)
	for _, n := range d.Notes {
		fmt.Fprintf(w, "Look at this: %s.\n", n)
	}
	_, err := fmt.Fprintf(w, "Next: crossbatch submit %s --wait\n", path)
	return err
}
