package view

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/crossbatch/crossbatch/core/broker"
	"github.com/crossbatch/crossbatch/core/provider"
)

// ShowRemovals prints what destroying runs will take away.
func ShowRemovals(t Terminal, removals []broker.Removal, results bool, now time.Time) {
	v := human{t}
	live, refused, published := 0, 0, 0
	objects := map[string]bool{}
	for _, r := range removals {
		v.removal(r, results, now)
		switch {
		case r.Err != nil:
			refused++
			continue
		case !r.Run.State.Over():
			live++
		}
		if r.Results != nil {
			published++
		}
		for _, o := range r.Objects {
			if len(o.Users) == 0 {
				objects[o.Kind+" "+o.ID] = true
			}
		}
	}
	s := fmt.Sprintf("\nDestroy: %s", count(int64(len(removals)-refused), "run"))
	if live > 0 {
		s += fmt.Sprintf(" (%d live, cancelled first)", live)
	}
	if len(objects) > 0 {
		s += ", " + count(int64(len(objects)), "owned object")
	}
	if results {
		s += ", " + count(int64(published), "result")
	}
	if refused > 0 {
		s += fmt.Sprintf("; %s cannot be destroyed", count(int64(refused), "run"))
	}
	fmt.Fprintln(t.Out, s+".")
}

func (v human) removal(r broker.Removal, results bool, now time.Time) {
	mark := paint(v.t.Colour, "31", "-")
	if r.Err != nil {
		mark = paint(v.t.Colour, "31", "x")
	}
	state := LifeText(r.Run)
	if !r.Run.State.Over() {
		state += ": it is cancelled first"
	}
	if r.Run.Preview {
		state = "preview, " + state
	}
	fmt.Fprintf(v.t.Out, "  %s %s  on %s  run %.8s, begun %s  %s\n", mark, v.bold(r.Run.Address), r.Run.Provider, r.Run.ID, ago(now.Sub(r.Run.Begun)), state)
	row := func(name, text string) {
		fmt.Fprintf(v.t.Out, "      %s  %s\n", v.dim(fmt.Sprintf("%-7s", name)), text)
	}
	if r.Err != nil {
		row("stays", r.Err.Error())
		return
	}
	const few = 3
	for _, n := range r.Natives[:min(len(r.Natives), few)] {
		row("native", n.Name)
	}
	if more := len(r.Natives) - few; more > 0 {
		row("native", fmt.Sprintf("and %d more", more))
	}
	for _, o := range r.Objects {
		text := o.Kind + " " + o.Name
		if n := len(o.Users); n > 0 {
			text += fmt.Sprintf(" stays: %s", usedBy(n))
		}
		row("object", text)
	}
	if r.Staging != "" {
		row("staging", nearURI(r.Staging))
	}
	switch {
	case r.Results != nil:
		row("results", fmt.Sprintf("%s (%s, _manifest.json)", near(r.Run.Destination), count(int64(len(r.Results.Files())), "file")))
	case results:
		row("results", "none of this run at "+near(r.Run.Destination))
	}
}

func usedBy(n int) string {
	if n == 1 {
		return "another run uses it"
	}
	return fmt.Sprintf("%d other runs use it", n)
}

// AskToDestroy asks whether runs are to be destroyed. want is the answer that says so.
func AskToDestroy(t Terminal, runs int, want string) {
	them := "them"
	if runs == 1 {
		them = "it"
	}
	ask := "Only 'yes' will be accepted to approve."
	if want != "yes" {
		ask = fmt.Sprintf("Type %s to destroy %s.", want, them)
	}
	fmt.Fprintf(t.Err, "\n%s\n  crossbatch will destroy %s. There is no undo.\n  %s\n\n  Enter a value: ", human{t}.bold("Do you really want to destroy?"), count(int64(runs), "run"), ask)
}

// Destroying shows how far a destruction is.
type Destroying struct {
	t     Terminal
	live  *Watching
	mu    sync.Mutex
	n, of int
}

// NewDestroying makes a view; now is the clock of plain lines.
func NewDestroying(t Terminal, now func() time.Time) *Destroying {
	t.Bars = false // lines of what is done would run through them
	return &Destroying{t: t, live: NewWatching(t, now)}
}

// Begin says of how many runs it will be told.
func (v *Destroying) Begin(runs int) { v.of = runs }

// Seen takes what a run looks like that is to end.
func (v *Destroying) Seen(r broker.Run) { v.live.Report(r) }

// Done takes what became of a run.
func (v *Destroying) Done(d broker.Removed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.n++
	what := "destroyed"
	if d.Err != nil {
		what = "not destroyed"
	}
	fmt.Fprintf(v.t.Err, "%s  %.8s  %s (%d of %d)\n", d.Run.Address, d.Run.ID, what, v.n, v.of)
}

// Close ends it.
func (v *Destroying) Close() { v.live.Close() }

// removedObject is a run that was to be destroyed, as programs read it.
type removedObject struct {
	broker.Run
	ResultsRemoved bool              `json:"results_removed"`
	Kept           []provider.Native `json:"kept"` // owned objects that other runs use
	Error          string            `json:"error,omitempty"`
	Code           provider.Code     `json:"error_code,omitempty"`
}

// ShowDestroyed says what became of runs that were to be destroyed.
func ShowDestroyed(t Terminal, asJSON bool, done []broker.Removed) error {
	if asJSON {
		runs := []removedObject{}
		for _, d := range done {
			r := removedObject{Run: d.Run, ResultsRemoved: d.Results, Kept: []provider.Native{}}
			for _, o := range d.Kept {
				r.Kept = append(r.Kept, o.Native)
			}
			if d.Err != nil {
				r.Error, r.Code = d.Err.Error(), provider.CodeOf(d.Err)
			}
			runs = append(runs, r)
		}
		return printJSON(t.Out, struct {
			FormatVersion int             `json:"format_version"`
			Runs          []removedObject `json:"runs"`
		}{FormatVersion, runs})
	}
	if len(done) == 0 {
		_, err := fmt.Fprintln(t.Out, "Nothing to destroy: of the runs of these jobs nothing is left, or there were none.")
		return err
	}
	n := 0
	for _, d := range done {
		if d.Err != nil {
			fmt.Fprintf(t.Err, "Error: %s: run %s is not destroyed: %v\n", d.Run.Address, d.Run.ID, d.Err)
			continue
		}
		n++
	}
	s := fmt.Sprintf("Destroy complete: %s destroyed.", count(int64(n), "run"))
	if n < len(done) {
		s = fmt.Sprintf("Destroy incomplete: %s destroyed, %d not. The same command tries again.", count(int64(n), "run"), len(done)-n)
	}
	_, err := fmt.Fprintln(t.Out, s)
	return err
}

// life is LifeText with the state's colour.
func (v human) life(r broker.Run) string {
	return v.state(string(r.State)) + strings.TrimPrefix(LifeText(r), string(r.State))
}

// LifeText is a run's state in words, and whether it was destroyed since.
func LifeText(r broker.Run) string {
	s := string(r.State)
	if d := r.Destroyed; d != nil {
		if s += ", destroyed"; d.Results {
			s += " with its results"
		}
	}
	return s
}
