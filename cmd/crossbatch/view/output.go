package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
)

// ShowOutputs prints output values, but for the sensitive ones.
func ShowOutputs(w io.Writer, asJSON bool, outputs []jobfile.Output) error {
	if asJSON {
		shown := map[string]jobfile.Output{}
		for _, o := range outputs {
			if o.Sensitive {
				o.Value = json.RawMessage("null")
			}
			shown[o.Name] = o
		}
		return printJSON(w, struct {
			FormatVersion int                       `json:"format_version"`
			Outputs       map[string]jobfile.Output `json:"outputs"`
		}{FormatVersion, shown})
	}
	for _, o := range outputs {
		text := "(sensitive)"
		if !o.Sensitive {
			text = valueText(o.Value)
		}
		if _, err := fmt.Fprintf(w, "%s = %s\n", o.Name, text); err != nil {
			return err
		}
	}
	return nil
}

// ShowOutput prints one output's value, which was asked for by name.
func ShowOutput(w io.Writer, asJSON bool, o jobfile.Output) error {
	if asJSON {
		return printJSON(w, struct {
			FormatVersion int             `json:"format_version"`
			Name          string          `json:"name"`
			Value         json.RawMessage `json:"value"`
		}{FormatVersion, o.Name, o.Value})
	}
	_, err := fmt.Fprintln(w, valueText(o.Value))
	return err
}

// valueText is a string as it is, and anything else as JSON.
func valueText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	var b bytes.Buffer
	if json.Indent(&b, v, "", "  ") == nil {
		return b.String()
	}
	return string(v)
}

// ShowResolved prints the portable specification as canonical JSON.
func ShowResolved(w io.Writer, project string, jobs []job.Job, canonical func(any) (json.RawMessage, error)) error {
	text, err := canonical(struct {
		FormatVersion int       `json:"format_version"`
		Project       string    `json:"project"`
		Jobs          []job.Job `json:"jobs"`
	}{FormatVersion, project, jobs})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
