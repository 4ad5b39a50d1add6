// Package view shows what verbs came to, to people and to programs. It takes
// values, decides nothing, and is the only place that prints.
//
// Every JSON answer is one object with a format_version.
package view

import (
	"encoding/json"
	"fmt"
	"io"
)

// FormatVersion is the version of the JSON answers.
const FormatVersion = 1

// Terminal is where people read.
type Terminal struct {
	Out, Err io.Writer
	Bars     bool // Err moves its cursor
	Colour   bool // Out shows colours
}

// printJSON writes one object with two-space indents.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Error shows why a verb failed: a sentence on stderr, or an object on stdout.
func Error(stdout, stderr io.Writer, asJSON bool, err error) {
	if !asJSON {
		fmt.Fprintf(stderr, "Error: %v\n", err)
		return
	}
	_ = printJSON(stdout, struct {
		FormatVersion int    `json:"format_version"`
		Error         string `json:"error"`
	}{FormatVersion, err.Error()})
}
