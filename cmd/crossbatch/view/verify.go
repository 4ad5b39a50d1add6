package view

import (
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/verify"
)

// ShowVerify prints what a check of a result found.
func ShowVerify(w io.Writer, asJSON bool, destination string, m *record.Manifest, findings []verify.Finding) error {
	if asJSON {
		if findings == nil {
			findings = []verify.Finding{}
		}
		return printJSON(w, struct {
			FormatVersion int              `json:"format_version"`
			Destination   string           `json:"destination"`
			Run           string           `json:"run"`
			State         record.State     `json:"state"`
			Counts        record.Counts    `json:"counts"`
			Findings      []verify.Finding `json:"findings"`
		}{FormatVersion, destination, m.Run, m.State, m.Totals, findings})
	}
	for _, f := range findings {
		fmt.Fprintf(w, "%s: %s\n", f.Object, f.Message)
	}
	if len(findings) > 0 {
		_, err := fmt.Fprintf(w, "%s: %s\n", destination, count(int64(len(findings)), "difference"))
		return err
	}
	t := m.Totals
	_, err := fmt.Fprintf(w, "%s: run %s is complete: %s in = %s ok + %s failed + %s skipped, %s unchanged\n", destination, m.Run,
		thousands(t.In), thousands(t.OK), thousands(t.Failed), thousands(t.Skipped), count(int64(len(m.Files())), "file"))
	return err
}
