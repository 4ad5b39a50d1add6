package broker

import (
	"context"
	"slices"

	"github.com/crossbatch/crossbatch/core/ledger"
)

// ListOptions choose runs.
type ListOptions struct {
	Most    int       // 0: all
	Project string    // empty: all
	State   ListState // empty: all
}

// ListState chooses runs by what the ledger alone tells: a state that ends a run, Alive
// or Destroyed. A destroyed run is also in the state in which it ended.
type ListState string

// The states that are no State.
const (
	Alive     ListState = "live"
	Destroyed ListState = "destroyed"
)

// ListStates are all that runs can be chosen by.
func ListStates() []ListState {
	return []ListState{Alive, ListState(Succeeded), ListState(Partial), ListState(Failed), ListState(Cancelled), ListState(Forgotten), Destroyed}
}

// shows says whether a run is chosen.
func (o ListOptions) shows(s ledger.Summary) bool {
	if o.Project != "" && s.Project != o.Project {
		return false
	}
	switch o.State {
	case "":
		return true
	case Alive:
		return !s.Kind.Over()
	case Destroyed:
		return s.Destroyed != nil
	}
	return s.Kind.Over() && short(s).State == State(o.State)
}

// List tells what the ledger says of runs, the one that changed last first, and
// how many more there are. It asks no provider.
func (b *Broker) List(ctx context.Context, o ListOptions) (runs []Run, more int, err error) {
	entries, err := b.o.Ledger.Runs(ctx)
	if err != nil {
		return nil, 0, err
	}
	slices.Reverse(entries)
	all := o.Project == "" && o.State == ""
	if all && o.Most > 0 && len(entries) > o.Most { // no other need be read
		entries, more = entries[:o.Most], len(entries)-o.Most
	}
	summaries, err := b.o.Ledger.Summaries(ctx, entries)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range summaries {
		switch {
		case !o.shows(s):
		case o.Most > 0 && len(runs) == o.Most:
			more++
		case s.Kind.Over():
			runs = append(runs, short(s))
		default:
			r, err := b.Recorded(ctx, s.Key)
			if err != nil {
				return nil, 0, err
			}
			runs = append(runs, r)
		}
	}
	return runs, more, nil
}
