package view

import (
	"io"
	"time"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/local/engine"
)

// Start is a run that is about to score.
type Start struct {
	Address, Run, Provider, Device, Library string
	Shards, Finished                        int // Finished: by an earlier process, which was stopped
	Bytes                                   int64
	Batch, AskedRecords                     int
	Coupled                                 []model.Coupling // why records run one at a time, unasked
}

// Report is a run that is over.
type Report struct {
	Address, Run, Provider string
	State, Reason          string
	Counts                 record.Counts
	Scored                 int64   // records, in this process
	Seconds                float64 // for these
	Destination            string
	Manifest               *record.Manifest // nil: nothing was published
	Failures               []string         // the first failed records, as JSON lines
}

// Runs shows runs as they go. Progress may be called from several goroutines;
// the rest comes from one.
type Runs interface {
	Begin(address string) // a job whose input is to be checked
	Started(Start)
	Progress(engine.Progress)
	Finished(Report)
	Broken(address, destination string, err error) // a run that could not begin or go on
	Close() error
}

// Terminal is where people read.
type Terminal struct {
	Out, Err io.Writer
	Bars     bool // Err moves its cursor
	Colour   bool // Out shows colours
}

// NewRuns picks the view. now is the clock of plain progress lines.
func NewRuns(t Terminal, asJSON bool, now func() time.Time) Runs {
	p := newProgress(t, now)
	if asJSON {
		return &runsJSON{t: t, progress: p}
	}
	return &runsHuman{t: t, progress: p}
}

// runsJSON gathers runs and prints one object at the end.
type runsJSON struct {
	t Terminal
	*progress
	runs []runJSON
}

type runJSON struct {
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

func (v *runsJSON) Started(Start) {}

func (v *runsJSON) Finished(r Report) {
	v.finish()
	v.runs = append(v.runs, runJSON{
		Address: r.Address, Run: r.Run, Attempt: 1, Provider: r.Provider, State: r.State, Reason: r.Reason,
		Counts: &r.Counts, Seconds: r.Seconds, Destination: r.Destination,
	})
}

func (v *runsJSON) Broken(address, destination string, err error) {
	v.finish()
	v.runs = append(v.runs, runJSON{Address: address, State: "error", Destination: destination, Error: err.Error()})
}

func (v *runsJSON) Close() error {
	return printJSON(v.t.Out, struct {
		FormatVersion int       `json:"format_version"`
		Runs          []runJSON `json:"runs"`
	}{FormatVersion, v.runs})
}
