package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Draft is a job and what it would send.
type Draft struct {
	broker.Draft
	Project, Address string
	Provider         string   // KIND.ALIAS
	Accepted         []string // fields that may be lost
	Notes            []string
	Err              error // why it cannot run there; nil: it can
}

type draftObject struct {
	Project  string             `json:"project"`
	Address  string             `json:"address"`
	Provider string             `json:"provider"`
	Run      string             `json:"run"`
	Attempt  int                `json:"attempt"`
	Error    string             `json:"error,omitempty"`
	Notes    []string           `json:"notes"`
	Findings []provider.Finding `json:"findings"`
	Uploads  []provider.Upload  `json:"uploads"`
	Requests []provider.Request `json:"requests"`
}

// some is a list that is never null.
func some[T any](list []T) []T { return append([]T{}, list...) }

// ShowDrafts prints what jobs would send.
func ShowDrafts(t Terminal, asJSON bool, ledger string, drafts []Draft) error {
	if asJSON {
		out := struct {
			FormatVersion int           `json:"format_version"`
			Ledger        string        `json:"ledger"`
			Jobs          []draftObject `json:"jobs"`
		}{FormatVersion, ledger, []draftObject{}}
		for _, d := range drafts {
			o := draftObject{
				Project: d.Project, Address: d.Address, Provider: d.Provider, Run: d.Run, Attempt: 1, Notes: some(d.Notes),
				Findings: some(d.Findings), Uploads: some(d.Translation.Uploads), Requests: some(d.Translation.Requests),
			}
			if d.Err != nil {
				o.Error = d.Err.Error()
			}
			out.Jobs = append(out.Jobs, o)
		}
		return printJSON(t.Out, out)
	}
	v := human{t}
	for i, d := range drafts {
		if i > 0 {
			fmt.Fprintln(t.Out)
		}
		if err := v.draft(d); err != nil {
			return err
		}
	}
	return nil
}

func (v human) draft(d Draft) error {
	out := v.t.Out
	title := fmt.Sprintf("%s  on %s", v.bold(d.Address), d.Provider)
	if d.Run != "" && d.Run != broker.NoRun {
		title += "  run " + d.Run
	}
	fmt.Fprintln(out, title)
	for _, n := range d.Notes {
		fmt.Fprintf(out, "  %s  %s\n", v.dim("note"), n)
	}
	if err := v.findings(d.Findings, d.Accepted, "  "); err != nil {
		return err
	}
	if d.Err != nil {
		fmt.Fprintf(v.t.Err, "Error: %s: %v\n", d.Address, d.Err)
		return nil
	}
	for _, u := range d.Translation.Uploads {
		fmt.Fprintf(out, "\n  %s  %s\n", v.bold("upload"), u.URI)
		for line := range strings.Lines(u.Body) {
			fmt.Fprintf(out, "    %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	for _, q := range d.Translation.Requests {
		part := ""
		if q.Parts > 1 {
			part = fmt.Sprintf(", part %d of %d", q.Part+1, q.Parts)
		}
		fmt.Fprintf(out, "\n  %s  %s  %s%s\n", v.bold(string(q.Role)), q.Op, q.Name, part)
		if q.Target != "" {
			fmt.Fprintf(out, "    %s %s\n", v.dim("to"), q.Target)
		}
		for _, name := range slices.Sorted(maps.Keys(q.Header)) {
			fmt.Fprintf(out, "    %s %s\n", v.dim(name+":"), q.Header[name])
		}
		var body bytes.Buffer
		if err := json.Indent(&body, q.Body, "    ", "  "); err != nil {
			return fmt.Errorf("the body of %s: %w", q.Op, err)
		}
		fmt.Fprintf(out, "    %s\n", &body)
	}
	return nil
}

// findings are those that say something.
func (v human) findings(findings []provider.Finding, accepted []string, indent string) error {
	w := tabwriter.NewWriter(v.t.Out, 0, 4, 2, ' ', 0)
	for _, f := range findings {
		if f.Level == provider.Exact && f.Message == "" {
			continue
		}
		message := f.Message
		if f.Level == provider.Lost && slices.Contains(accepted, f.Field) {
			message += " (accepted)"
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", indent, f.Level, f.Field, message)
	}
	return w.Flush()
}
