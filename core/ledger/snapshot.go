package ledger

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/record"
)

const snapshotsFolder = "snapshots/"

// snapshotEvery is how many events of finished runs may lie outside of the last
// snapshot.
const snapshotEvery = 1000

// Summary is a run in short.
type Summary struct {
	Key         Key           `json:"key"`
	Seq         int           `json:"seq"`             // of its last event
	Kind        Kind          `json:"kind"`            // of its last event
	State       Kind          `json:"state,omitempty"` // how it ended, forgotten if it was; empty while it lives, and in snapshots of earlier versions
	Destroyed   *Destruction  `json:"destroyed,omitempty"`
	Run         string        `json:"run"`
	Project     string        `json:"project"`
	Address     string        `json:"address"`
	Destination string        `json:"destination"`
	Provider    string        `json:"provider"` // KIND.ALIAS
	Fingerprint string        `json:"fingerprint"`
	Generation  int           `json:"generation"`
	Preview     bool          `json:"preview,omitempty"`
	Attempt     int           `json:"attempt"` // the last one's number
	NativeID    string        `json:"native_id"`
	Console     string        `json:"console_url"`
	Begun       time.Time     `json:"begun"`
	Ended       time.Time     `json:"ended"` // zero while it lives
	Totals      record.Counts `json:"totals"`
	Code        provider.Code `json:"code"`
	Reason      string        `json:"reason,omitempty"`
}

// Destruction says when a run was destroyed, and whether its results went, too.
type Destruction struct {
	Time    time.Time `json:"time"` // of the first time
	Results bool      `json:"results"`
}

// Add is what a further destroyed event makes of d, which may be nil.
func (d *Destruction) Add(e Event) *Destruction {
	out := Destruction{Time: e.Time, Results: e.Destroyed.Results}
	if d != nil {
		out.Time, out.Results = d.Time, out.Results || d.Results
	}
	return &out
}

// Summarise shortens a history; false without an intent.
func Summarise(k Key, events []Event) (Summary, bool) {
	if len(events) == 0 || events[0].Intent == nil {
		return Summary{}, false
	}
	in := events[0].Intent
	s := Summary{
		Key: k, Run: events[0].Run, Project: in.Job.Project, Address: in.Job.Address, Destination: in.Job.Output.Destination,
		Provider: in.Provider.String(), Fingerprint: in.Fingerprint, Generation: in.Generation, Preview: in.Preview, Begun: events[0].Time,
	}
	for _, e := range events {
		s.Seq, s.Kind = e.Seq, e.Kind
		s.Attempt = max(s.Attempt, e.Attempt)
		if e.Kind == Started && e.Native.Part == 0 {
			s.NativeID, s.Console = e.Native.ID, e.Native.Console
		}
		if e.Reason != "" {
			s.Reason = e.Reason
		}
		if e.Outcome != nil {
			s.Totals, s.Code = e.Outcome.Totals, e.Outcome.Code
			if e.Outcome.Reason != "" {
				s.Reason = e.Outcome.Reason
			}
		}
		if e.Kind.Over() && s.Ended.IsZero() {
			s.Ended, s.State = e.Time, e.Kind
		}
		switch e.Kind {
		case Forgotten:
			s.State = Forgotten
		case Destroyed:
			s.Destroyed = s.Destroyed.Add(e)
		}
	}
	return s, true
}

// snapshot is snapshots/<events>.json: the runs that were over when the ledger
// had that many events.
type snapshot struct {
	FormatVersion int       `json:"format_version"`
	Events        int       `json:"events"` // of the runs in it
	Runs          []Summary `json:"runs"`
}

// Summaries are the runs of entries in short. The bodies of runs that a snapshot
// holds are not read.
func (l *Ledger) Summaries(ctx context.Context, entries []Entry) ([]Summary, error) {
	snap, err := l.lastSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	return l.summaries(ctx, entries, snap)
}

func (l *Ledger) summaries(ctx context.Context, entries []Entry, snap snapshot) ([]Summary, error) {
	known := map[Key]Summary{}
	for _, s := range snap.Runs {
		known[s.Key] = s
	}
	out := make([]Summary, 0, len(entries))
	for _, e := range entries {
		if s, ok := known[e.Key]; ok && s.Seq == e.Seq {
			out = append(out, s)
			continue
		}
		events, err := l.History(ctx, e.Key)
		if err != nil {
			return nil, err
		}
		if s, ok := Summarise(e.Key, events); ok {
			out = append(out, s)
		}
	}
	return out, nil
}

func (l *Ledger) lastSnapshot(ctx context.Context) (snapshot, error) {
	last := ""
	for o, err := range l.b.Objects(ctx, l.prefix+snapshotsFolder) {
		if err != nil {
			return snapshot{}, err
		}
		if _, err := strconv.Atoi(strings.TrimSuffix(path.Base(o.Key), ".json")); err == nil {
			last = o.Key // keys have their numbers padded, so the last is the latest
		}
	}
	if last == "" {
		return snapshot{}, nil
	}
	body, err := l.b.Read(ctx, last)
	if err != nil {
		return snapshot{}, err
	}
	var s snapshot
	if err := decode(body, &s); err != nil {
		return snapshot{}, fmt.Errorf("%s: %w", l.b.URI(last), err)
	}
	return s, nil
}

// compact writes a snapshot when many events lie outside of the last one.
func (l *Ledger) compact(ctx context.Context) error {
	entries, err := l.Runs(ctx)
	if err != nil {
		return err
	}
	snap, err := l.lastSnapshot(ctx)
	if err != nil {
		return err
	}
	var over []Entry
	events := 0
	for _, e := range entries {
		if e.Kind.Over() {
			over = append(over, e)
			events += e.Seq
		}
	}
	if events-snap.Events < snapshotEvery {
		return nil
	}
	runs, err := l.summaries(ctx, over, snap)
	if err != nil {
		return err
	}
	body, err := provider.Canonical(snapshot{FormatVersion: FormatVersion, Events: events, Runs: runs})
	if err != nil {
		return err
	}
	_, err = l.create(ctx, fmt.Sprintf("%s%012d.json", snapshotsFolder, events), body)
	return err
}
