package view

import (
	"fmt"
	"io"
)

// Version is what `crossbatch version` tells.
type Version struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// ShowVersion prints it.
func ShowVersion(w io.Writer, asJSON bool, v Version) error {
	if asJSON {
		return printJSON(w, struct {
			FormatVersion int `json:"format_version"`
			Version
		}{FormatVersion, v})
	}
	_, err := fmt.Fprintf(w, "crossbatch %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	return err
}
