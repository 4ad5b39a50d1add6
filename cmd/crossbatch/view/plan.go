package view

import (
	"fmt"
	"strings"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/plan"
	"github.com/crossbatch/crossbatch/core/provider"
)

// Plan is a plan and what there is to say about it.
type Plan struct {
	plan.Plan
	Ledger string // its id
	Notes  []string
	Prune  bool   // orphans are cancelled
	Saved  string // where the plan was written; empty: nowhere
}

type planObject struct {
	FormatVersion int            `json:"format_version"`
	Ledger        string         `json:"ledger"`
	Notes         []string       `json:"notes"`
	Saved         string         `json:"saved,omitempty"`
	Summary       map[string]int `json:"summary"` // by action
	Jobs          []itemObject   `json:"jobs"`
	Orphans       []broker.Run   `json:"orphans"`
}

type itemObject struct {
	Project     string             `json:"project"`
	Address     string             `json:"address"`
	Provider    string             `json:"provider"`
	Destination string             `json:"destination"`
	Action      plan.Action        `json:"action"`
	Reasons     []string           `json:"reasons"`
	WaitsFor    []string           `json:"waits_for,omitempty"`
	Run         string             `json:"run,omitempty"`
	Generation  *int               `json:"generation,omitempty"` // nil: not known yet
	Fingerprint string             `json:"fingerprint,omitempty"`
	Input       *inputObject       `json:"input,omitempty"` // nil: not known yet
	Candidates  []plan.Candidate   `json:"candidates"`
	Live        *broker.Run        `json:"live,omitempty"` // the run that is joined, or that blocks
	Findings    []provider.Finding `json:"findings"`
	Uploads     []provider.Upload  `json:"uploads"`
	Requests    []provider.Request `json:"requests"`
}

type inputObject struct {
	Shards  int   `json:"shards"`
	Bytes   int64 `json:"bytes"`
	Staged  int64 `json:"staged_bytes"`  // that are read here and written to staging
	Counted int64 `json:"counted_bytes"` // that are read here to count records

	Retried *broker.Retried `json:"retried,omitempty"` // nil: all records are scored
}

func objectOf(i plan.Item) itemObject {
	d := i.Wanted
	out := itemObject{
		Project: d.Job.Project, Address: d.Job.Address, Provider: placeOf(i), Destination: d.Identity().Destination,
		Action: i.Action, Reasons: some(i.Reasons), WaitsFor: i.WaitsFor, Run: i.Run, Fingerprint: i.Fingerprint,
		Candidates: some(i.Candidates), Live: i.Live,
		Findings: some(i.Findings), Uploads: some(i.Translation.Uploads), Requests: some(i.Translation.Requests),
	}
	if i.Action != plan.Deferred {
		out.Generation, out.Input = &i.Generation, &inputObject{len(d.Shards), d.Shards.Bytes(), i.Staged, i.Counted, i.Retried}
	}
	return out
}

// placeOf is KIND.ALIAS of where a run is, or is wanted, whether or not it could be
// resolved.
func placeOf(i plan.Item) string {
	switch d := i.Wanted; {
	case i.Action == plan.Attach && i.Live != nil:
		return i.Live.Provider
	case i.Action == plan.Deferred && len(i.Others) > 0:
		return "" // the first that can
	case len(d.Job.Placement.Providers) > 0:
		return d.Job.Placement.Providers[0].String()
	default:
		return d.Provider.String()
	}
}

// ShowPlan prints a plan.
func ShowPlan(t Terminal, asJSON bool, p Plan) error {
	if asJSON {
		out := planObject{
			FormatVersion: FormatVersion, Ledger: p.Ledger, Notes: some(p.Notes), Saved: p.Saved,
			Summary: map[string]int{}, Jobs: []itemObject{}, Orphans: some(p.Orphans),
		}
		for _, a := range plan.Actions() {
			out.Summary[string(a)] = p.Count(a)
		}
		for _, i := range p.Items {
			out.Jobs = append(out.Jobs, objectOf(i))
		}
		return printJSON(t.Out, out)
	}
	v := human{t}
	for _, n := range p.Notes {
		fmt.Fprintf(t.Out, "%s  %s\n", v.dim("note"), n)
	}
	if len(p.Notes) > 0 {
		fmt.Fprintln(t.Out)
	}
	for _, i := range p.Items {
		if err := v.item(i); err != nil {
			return err
		}
	}
	for _, r := range p.Orphans {
		what := "its job is in no file any more; `--prune` of apply cancels it"
		if p.Prune {
			what = "its job is in no file any more: it is cancelled"
		}
		fmt.Fprintf(t.Out, "  %s %s  on %s  run %.8s: %s\n", v.mark(plan.Orphaned), v.bold(r.Address), r.Provider, r.ID, what)
	}
	fmt.Fprintln(t.Out)
	if p.Begins()+p.Count(plan.Attach)+p.Count(plan.Blocked)+p.Count(plan.Deferred)+p.Count(plan.Refused) == 0 {
		fmt.Fprintln(t.Out, "No changes. Every job has run as its file says.")
	}
	fmt.Fprintln(t.Out, p.line())
	if p.Saved != "" {
		fmt.Fprintf(t.Out, "\nSaved to %s. To do exactly this:\n    crossbatch apply %q\n", p.Saved, p.Saved)
	}
	return nil
}

// line is the plan in one sentence.
func (p Plan) line() string {
	s := fmt.Sprintf("Plan: %d to run, %d to re-run, %d to attach, %d unchanged, %d blocked",
		p.Count(plan.Run), p.Count(plan.Rerun), p.Count(plan.Attach), p.Count(plan.Nothing), p.Count(plan.Blocked))
	if n := p.Count(plan.Deferred); n > 0 {
		s += fmt.Sprintf(", %d deferred", n)
	}
	if n := p.Count(plan.Refused); n > 0 {
		s += fmt.Sprintf(", %d that cannot run", n)
	}
	if n := p.Count(plan.Orphaned); n > 0 {
		s += fmt.Sprintf(", %d orphaned", n)
	}
	return s + "."
}

// mark stands before a line, as in Terraform's plans.
func (v human) mark(a plan.Action) string {
	m := map[plan.Action][2]string{
		plan.Run: {"+", "32"}, plan.Rerun: {"~", "33"}, plan.Attach: {">", "36"}, plan.Nothing: {"=", "2"},
		plan.Blocked: {"!", "31"}, plan.Deferred: {"?", "33"}, plan.Refused: {"x", "31"}, plan.Orphaned: {"-", "31"},
	}[a]
	return paint(v.t.Colour, m[1], m[0])
}

func (v human) item(i plan.Item) error {
	d := i.Wanted
	place := placeOf(i)
	if place == "" {
		place = fmt.Sprintf("one of %d places", len(i.Candidates))
	}
	title := fmt.Sprintf("  %s %s  on %s", v.mark(i.Action), v.bold(d.Job.Address), place)
	switch i.Action {
	case plan.Refused:
		fmt.Fprintln(v.t.Out, title+"  it cannot run")
		fmt.Fprintf(v.t.Err, "Error: %s: %v\n", d.Job.Address, i.Err)
		if len(i.Candidates) > 1 {
			return nil
		}
		return v.levels(i.Findings, d.Job.Placement.Accept, "      ")
	case plan.Blocked:
		fmt.Fprintf(v.t.Out, "%s  blocked: %s\n", title, strings.Join(i.Reasons, "; "))
		v.live(i.Live)
		return nil
	case plan.Deferred:
		fmt.Fprintf(v.t.Out, "%s  will run after %s: %s\n", title, strings.Join(i.WaitsFor, ", "), strings.Join(i.Reasons, "; "))
		if len(i.Candidates) > 1 {
			var places []string
			for _, c := range i.Candidates {
				places = append(places, c.Provider)
			}
			fmt.Fprintf(v.t.Out, "      %s  the first of %s that can run it\n", v.dim("place"), strings.Join(places, ", "))
		}
		fmt.Fprintf(v.t.Out, "      %s  -> %s\n", v.dim("result"), near(d.Identity().Destination))
		return nil
	}
	fmt.Fprintf(v.t.Out, "%s  run %.8s: %s\n", title, i.Run, strings.Join(i.Reasons, "; "))
	v.live(i.Live)
	if !i.Action.Begins() {
		return nil
	}
	if len(i.Candidates) > 1 {
		v.candidates(i.Candidates)
	}
	size := fmt.Sprintf("%s, %s", count(int64(len(d.Shards)), "shard"), bytesText(d.Shards.Bytes()))
	if i.Retried != nil {
		size += ", of which " + bytesText(i.Retried.Input) + " are read"
	}
	if i.Staged > 0 {
		size += ", to be staged"
	}
	if i.Counted > 0 {
		size += ", read here once to count its records"
	}
	fmt.Fprintf(v.t.Out, "      %s  %s -> %s\n", v.dim("input"), size, near(d.Identity().Destination))
	if i.Retried != nil {
		fmt.Fprintf(v.t.Out, "      %s  with the result of run %.8s, %s, which pass through this machine\n", v.dim("merge"), i.Retried.Run, bytesText(i.Retried.Result))
	}
	return v.levels(i.Findings, d.Job.Placement.Accept, "      ")
}

// live says how a run is doing that was asked about.
func (v human) live(r *broker.Run) {
	if r == nil {
		return
	}
	text := string(r.State)
	if r.Counts.In > 0 {
		text += ", " + count(r.Counts.In, "record")
	}
	if r.Unreachable != "" {
		text = "as far as the ledger knows: " + text + "; " + r.Unreachable
	}
	fmt.Fprintf(v.t.Out, "      %s   %s\n", v.dim("live"), text)
}

// candidates lists the places of a job, and why one is taken.
func (v human) candidates(list []plan.Candidate) {
	for _, c := range list {
		taken := "not taken"
		if c.Taken {
			taken = "taken"
		}
		fmt.Fprintf(v.t.Out, "      %s  %s  %s (price: %s): %s\n", v.dim("place"), c.Provider, taken, c.Price, c.Reason)
	}
}

// levels lists the findings of what is lost, and counts the others: a plan may have
// many jobs, and translate shows each finding of one.
func (v human) levels(findings []provider.Finding, accepted []string, indent string) error {
	n := map[provider.Level]int{}
	var lost []provider.Finding
	for _, f := range findings {
		if n[f.Level]++; f.Level == provider.Lost {
			lost = append(lost, f)
		}
	}
	if len(findings) > len(lost) {
		fmt.Fprintf(v.t.Out, "%s%s  %d fields exact, %d emulated, %d watched; `crossbatch translate` says how\n", indent, v.dim("holds"), n[provider.Exact], n[provider.Emulated], n[provider.Watched])
	}
	return v.findings(lost, accepted, indent)
}

// Ask asks whether runs are to be begun, at once and after others, and cancelled.
func Ask(t Terminal, begun, deferred, cancelled int) {
	what := fmt.Sprintf("begin %s", count(int64(begun), "run"))
	if deferred > 0 {
		what += fmt.Sprintf(", %d after others that they need,", deferred)
	}
	if cancelled > 0 {
		what += fmt.Sprintf(" and cancel %d", cancelled)
	}
	fmt.Fprintf(t.Err, "\n%s\n  crossbatch will %s.\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ", human{t}.bold("Do you want to perform these actions?"), what)
}

// Applied is what apply came to, in numbers of jobs.
type Applied struct{ Begun, Attached, Unchanged, Waiting int }

// ShowApplied says in one sentence what apply came to.
func ShowApplied(t Terminal, a Applied) {
	waiting := ""
	if a.Waiting > 0 {
		waiting = fmt.Sprintf(", %d not begun", a.Waiting)
	}
	fmt.Fprintf(t.Out, "Apply complete: %d run, %d attached, %d unchanged%s.\n", a.Begun, a.Attached, a.Unchanged, waiting)
}

// ShowWaiting says that a job was not begun, and what begins it.
func ShowWaiting(t Terminal, address string, waits []string) {
	h := human{t}
	fmt.Fprintf(t.Out, "%s  not begun\n", h.bold(address))
	fmt.Fprintf(t.Out, "  %s  %s, which has to end well first\n", h.dim("waits for"), strings.Join(waits, ", "))
	fmt.Fprintf(t.Out, "  %s  once that is over the next apply or submit begins it; one that waits does so by itself\n\n", h.dim("goes on  "))
}
