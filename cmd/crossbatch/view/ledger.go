package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

// runsObject is what every verb that shows runs prints with --json.
type runsObject struct {
	FormatVersion int          `json:"format_version"`
	Runs          []broker.Run `json:"runs"`
}

// ShowRunsJSON prints runs as one object.
func ShowRunsJSON(out io.Writer, runs []broker.Run) error {
	if runs == nil {
		runs = []broker.Run{}
	}
	return printJSON(out, runsObject{FormatVersion, runs})
}

// ShowList prints a line for each run, the latest first.
func ShowList(t Terminal, asJSON bool, runs []broker.Run, more int, now time.Time) error {
	if asJSON {
		return ShowRunsJSON(t.Out, runs)
	}
	if len(runs) == 0 {
		_, err := fmt.Fprintln(t.Out, "no runs")
		return err
	}
	w := tabwriter.NewWriter(t.Out, 0, 4, 2, ' ', 0)
	several := slices.ContainsFunc(runs, func(r broker.Run) bool { return r.Project != runs[0].Project })
	project := func(name string) string {
		if !several {
			return ""
		}
		return name + "\t"
	}
	fmt.Fprintf(w, "RUN\t%sJOB\tPROVIDER\tSTATE\tRECORDS\tBEGUN\tDESTINATION\n", project("PROJECT"))
	for _, r := range runs {
		state := LifeText(r)
		if r.Preview {
			state += " (preview)"
		}
		fmt.Fprintf(w, "%.8s\t%s%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, project(cmp.Or(r.Project, "-")), r.Address, r.Provider, state, listCounts(r), ago(now.Sub(r.Begun)), near(r.Destination))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more > 0 {
		fmt.Fprintf(t.Out, "and %s; --all shows them\n", count(int64(more), "earlier run"))
	}
	return nil
}

func listCounts(r broker.Run) string {
	if r.Counts.In == 0 && !r.State.Over() {
		return "-"
	}
	s := thousands(r.Counts.In)
	if r.Counts.Failed > 0 {
		s += fmt.Sprintf(" (%s failed)", thousands(r.Counts.Failed))
	}
	if r.Counts.Skipped > 0 {
		s += fmt.Sprintf(" (%s skipped)", thousands(r.Counts.Skipped))
	}
	return s
}

// ago writes a length of time as people say it.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// ShowStatus prints how one run is doing.
func ShowStatus(t Terminal, asJSON bool, r broker.Run, now time.Time) error {
	if asJSON {
		return ShowRunsJSON(t.Out, []broker.Run{r})
	}
	h := human{t}
	fmt.Fprintf(t.Out, "%s  run %s\n", h.bold(r.Address), r.ID)
	state := h.life(r) + reason(r.Reason)
	rows := [][2]string{{"state", state}}
	if r.Project != "" {
		rows = append(rows, [2]string{"project", r.Project})
	}
	if r.Preview {
		rows = append(rows, [2]string{"preview", "of the first records; it satisfies no job"})
	}
	if r.Attempt > 0 {
		rows = append(rows, [2]string{"attempt", fmt.Sprintf("%d, on %s", r.Attempt, r.Provider)})
	}
	if r.Unreachable != "" {
		rows = append(rows, [2]string{"warning", "the provider could not be asked: " + r.Unreachable})
	}
	if r.Progress.All > 0 && !r.State.Over() {
		rows = append(rows, [2]string{"progress", fmt.Sprintf("%d %% of %s", percent(r), bytesText(r.Progress.All))})
	}
	rows = append(rows,
		[2]string{"records", fmt.Sprintf("%s in = %s ok + %s failed + %s skipped", thousands(r.Counts.In), thousands(r.Counts.OK), thousands(r.Counts.Failed), thousands(r.Counts.Skipped))},
		[2]string{"begun", r.Begun.Local().Format(time.DateTime) + " (" + ago(now.Sub(r.Begun)) + ")"})
	if r.Ended != nil {
		rows = append(rows, [2]string{"ended", r.Ended.Local().Format(time.DateTime)})
	}
	results := near(r.Destination)
	if d := r.Destroyed; d != nil {
		rows = append(rows, [2]string{"removed", d.Time.Local().Format(time.DateTime)})
		if d.Results {
			results += " (removed)"
		}
	}
	rows = append(rows, [2]string{"native", r.NativeID}, [2]string{"console", r.Console}, [2]string{"results", results})
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(t.Out, "  %s  %s\n", h.dim(fmt.Sprintf("%-8s", row[0])), row[1])
		}
	}
	return nil
}

// ShowHistory prints a run and its events.
func ShowHistory(t Terminal, asJSON bool, r broker.Run, events []ledger.Event, now time.Time) error {
	if asJSON {
		return printJSON(t.Out, struct {
			FormatVersion int            `json:"format_version"`
			Runs          []broker.Run   `json:"runs"`
			Events        []ledger.Event `json:"events"`
		}{FormatVersion, []broker.Run{r}, events})
	}
	if err := ShowStatus(t, false, r, now); err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "\n  %s\n", human{t}.dim("history"))
	w := tabwriter.NewWriter(t.Out, 0, 4, 2, ' ', 0)
	for _, e := range events {
		fmt.Fprintf(w, "    %d\t%s\t%s\t%s\n", e.Seq, e.Time.Local().Format(time.DateTime), e.Kind, eventText(e))
	}
	return w.Flush()
}

func eventText(e ledger.Event) string {
	var parts []string
	if e.Attempt > 0 {
		parts = append(parts, fmt.Sprintf("attempt %d", e.Attempt))
	}
	if e.Native != nil {
		parts = append(parts, e.Native.Name)
	}
	if e.Ended != nil {
		parts = append(parts, string(e.Ended.State)+reason(e.Ended.Message))
	}
	if e.Collected != nil {
		parts = append(parts, thousands(e.Collected.Totals.In)+" records")
	}
	if e.Destroyed != nil && e.Destroyed.Results {
		parts = append(parts, "with its results")
	}
	if e.Outcome != nil && e.Outcome.Reason != "" {
		parts = append(parts, e.Outcome.Reason)
	}
	if e.Reason != "" {
		parts = append(parts, e.Reason)
	}
	return strings.Join(parts, ", ")
}

// ShowLogs prints log lines as one object.
func ShowLogs(out io.Writer, lines []provider.LogLine) error {
	return printJSON(out, struct {
		FormatVersion int                `json:"format_version"`
		Lines         []provider.LogLine `json:"lines"`
	}{FormatVersion, lines})
}

// LogText is a log line for people.
func LogText(l provider.LogLine) string {
	if l.Time.IsZero() {
		return l.Text
	}
	return l.Time.Local().Format("2006-01-02 15:04:05.000") + "  " + l.Text
}

// ShowDetached says how to come back to a run that goes on.
func ShowDetached(t Terminal, r broker.Run) {
	h := human{t}
	fmt.Fprintf(t.Out, "%s  run %s\n", h.bold(r.Address), r.ID)
	fmt.Fprintf(t.Out, "  %s  %s on %s\n", h.dim("state   "), r.State, r.Provider)
	fmt.Fprintf(t.Out, "  %s  crossbatch wait %.8s    (or: status, logs -f, cancel)\n\n", h.dim("goes on "), r.ID)
}

// ShowEnded shows how a run ended and the first rows of what it published; m is
// nil when it published nothing that is still there.
func ShowEnded(t Terminal, r broker.Run, m *record.Manifest) {
	h := human{t}
	fmt.Fprintf(t.Out, "%s  run %s\n", h.bold(r.Address), r.ID)
	if r.Joined && r.Ended != nil {
		fmt.Fprintf(t.Out, "  nothing has changed since this run, which ended at %s; --rerun runs the job again\n", r.Ended.Local().Format(time.DateTime))
	}
	report := Report{
		State: string(r.State), Since: strings.TrimPrefix(LifeText(r), string(r.State)), Reason: r.Reason, Counts: r.Counts,
		Scored: r.Counts.In, Seconds: r.Seconds, Destination: r.Destination, Manifest: m,
	}
	if m != nil {
		fmt.Fprintf(t.Out, "  on %s (%s, ONNX Runtime %s), %s, %s\n", r.Provider, m.Engine.Device, m.Engine.ONNXRuntime, count(int64(len(m.Shards)), "shard"), batchText(m.Engine.Batch))
		report.Failures = firstFailures(r.Destination, m)
	}
	h.report(report)
}

// ShowProblems prints what fsck found.
func ShowProblems(out io.Writer, asJSON bool, uri string, problems []ledger.Problem) error {
	if asJSON {
		if problems == nil {
			problems = []ledger.Problem{}
		}
		return printJSON(out, struct {
			FormatVersion int              `json:"format_version"`
			Ledger        string           `json:"ledger"`
			Problems      []ledger.Problem `json:"problems"`
		}{FormatVersion, uri, problems})
	}
	for _, p := range problems {
		if _, err := fmt.Fprintf(out, "%s: %s\n", p.Object, p.Message); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		_, err := fmt.Fprintf(out, "%s in ledger %s\n", count(int64(len(problems)), "problem"), uri)
		return err
	}
	_, err := fmt.Fprintf(out, "ledger %s is sound\n", uri)
	return err
}
