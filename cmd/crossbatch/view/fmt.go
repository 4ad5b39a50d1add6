package view

import (
	"fmt"
	"io"

	"github.com/rogpeppe/go-internal/diff"
)

// Formatted is a file whose layout was not canonical.
type Formatted struct {
	Name          string
	Before, After []byte
}

// ShowFormatted prints the names of the files that changed, or would, and the
// differences when they are asked for.
func ShowFormatted(w io.Writer, asJSON, differences bool, files []Formatted) error {
	if asJSON {
		names := []string{}
		for _, f := range files {
			names = append(names, f.Name)
		}
		return printJSON(w, struct {
			FormatVersion int      `json:"format_version"`
			Changed       []string `json:"changed"`
		}{FormatVersion, names})
	}
	for _, f := range files {
		if differences {
			if _, err := w.Write(diff.Diff(f.Name, f.Before, f.Name, f.After)); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintln(w, f.Name); err != nil {
			return err
		}
	}
	return nil
}
