package jobfile

import "github.com/hashicorp/hcl/v2"

// Problem is a diagnostic as --json shows it. Lines and columns count from 1;
// they are 0, and File is empty, when the problem has no place.
type Problem struct {
	Severity  string `json:"severity"` // error | warning
	Summary   string `json:"summary"`
	Detail    string `json:"detail"`
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndLine   int    `json:"end_line,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
	Hint      string `json:"hint,omitempty"`
}

// Problems is the JSON form of diags; it is never nil.
func Problems(diags Diagnostics) []Problem {
	out := make([]Problem, 0, len(diags))
	for _, d := range diags {
		p := Problem{Severity: "error", Summary: d.Summary, Detail: d.Detail, Hint: noteOf(d).hint}
		if d.Severity == hcl.DiagWarning {
			p.Severity = "warning"
		}
		if r := d.Subject; r != nil {
			p.File = r.Filename
			p.Line, p.Column = r.Start.Line, r.Start.Column
			p.EndLine, p.EndColumn = r.End.Line, r.End.Column
		}
		out = append(out, p)
	}
	return out
}
