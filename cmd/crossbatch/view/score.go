package view

import (
	"fmt"
	"time"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/direct"
)

// Scoring is what is known of a run before it begins.
type Scoring struct {
	Address, Provider, Device, Library string // Library: the version of ONNX Runtime
	Destination                        string
}

// Score shows a run without a ledger. Progress may be called from several
// goroutines; the rest comes from one.
type Score struct {
	*progress
	human
	json  bool
	about Scoring
}

// NewScore makes a view; now is the clock of plain progress lines.
func NewScore(t Terminal, asJSON bool, now func() time.Time, about Scoring) *Score {
	v := &Score{progress: newProgress(t, now), human: human{t}, json: asJSON, about: about}
	v.Begin(about.Address)
	return v
}

// Started shows what is about to be scored.
func (v *Score) Started(s direct.Start) {
	if v.json {
		return
	}
	v.finish()
	out := v.human.t.Out
	fmt.Fprintf(out, "%s  run %s\n", v.bold(v.about.Address), s.Run)
	fmt.Fprintf(out, "  on %s (%s, ONNX Runtime %s), %s, %s, %s\n", v.about.Provider, v.about.Device, v.about.Library,
		count(int64(s.Shards), "shard"), bytesText(s.Bytes), batchText(s.Batch))
	if s.Records > 0 {
		fmt.Fprintf(out, "  resumes: %s of an earlier run are kept\n", count(s.Records, "record"))
	}
	if len(s.Coupled) > 0 {
		c := s.Coupled[0]
		fmt.Fprintf(out, "  one record at a time, because records of a batch could change each other: %s (%s)", c.Reason, c.Op)
		if more := len(s.Coupled) - 1; more > 0 {
			fmt.Fprintf(out, " and %d more", more)
		}
		fmt.Fprintf(out, "; set batching { records = N } if you know better\n")
	}
}

// scoreJSON is a run as --json shows it.
type scoreJSON struct {
	Address     string         `json:"address"`
	Run         string         `json:"run,omitempty"`
	Attempt     int            `json:"attempt,omitempty"`
	Provider    string         `json:"provider,omitempty"`
	NativeID    string         `json:"native_id"`
	ConsoleURL  string         `json:"console_url"`
	State       string         `json:"state"`
	Reason      string         `json:"reason,omitempty"`
	Counts      *record.Counts `json:"counts,omitempty"`
	Seconds     float64        `json:"seconds,omitempty"`
	Destination string         `json:"destination"`
	Error       string         `json:"error,omitempty"`
}

// Finished shows how the run ended.
func (v *Score) Finished(r *direct.Result) error {
	v.finish()
	if v.json {
		return v.print(scoreJSON{
			Address: v.about.Address, Run: r.Run, Attempt: 1, Provider: v.about.Provider, State: string(r.State), Reason: r.Reason,
			Counts: &r.Counts, Seconds: r.Seconds, Destination: v.about.Destination,
		})
	}
	v.report(Report{
		State: string(r.State), Reason: r.Reason, Counts: r.Counts, Scored: r.Scored, Seconds: r.Seconds,
		Destination: v.about.Destination, Manifest: r.Manifest, Failures: r.Failures,
	})
	return nil
}

// Broken shows why a run could not begin or go on.
func (v *Score) Broken(err error) error {
	v.finish()
	if v.json {
		return v.print(scoreJSON{Address: v.about.Address, State: "error", Destination: v.about.Destination, Error: err.Error()})
	}
	_, werr := fmt.Fprintf(v.human.t.Err, "Error: %s: %v\n", v.about.Address, err)
	return werr
}

func (v *Score) print(r scoreJSON) error {
	return printJSON(v.human.t.Out, struct {
		FormatVersion int         `json:"format_version"`
		Runs          []scoreJSON `json:"runs"`
	}{FormatVersion, []scoreJSON{r}})
}
