// Package logs reads what log services keep of native jobs, once or until they are
// over: entries that may come late and are asked for again.
//
// It must not know any service: how a job and its entries are asked for, the
// provider says.
package logs

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Entry is what a log service keeps under an id of its own: a line, or several.
type Entry struct {
	ID   string
	Time time.Time
	Text string
}

// Log is the log of one native job. It is used by one reader at a time.
type Log interface {
	// Over says whether the job is over. It is asked before each reading, so that the
	// last one reads to the end.
	Over(ctx context.Context) (bool, error)

	// Entries yields those from a time on, in the order that the service has; of zero
	// all. The times of an entry that it yields twice are equal.
	Entries(ctx context.Context, since time.Time) iter.Seq2[Entry, error]
}

const (
	// every is how often a followed log is read.
	every = 5 * time.Second

	// late is how much later than others an entry may show in a followed log.
	late = time.Minute

	// remembered is of how many entries it is known that they were read, at least; of
	// those that may come again, all.
	remembered = 20_000
)

// Read yields the lines of the jobs' logs, one job after the other, as a backend's
// Logs does. Errors of a Log end it and come as they are.
func Read(ctx context.Context, clock clockwork.Clock, natives []provider.Native, o provider.LogOptions, open func(provider.Native) Log) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		for _, n := range natives {
			t := tail{log: open(n), part: n.Part, seen: map[string]time.Time{}}
			if !t.follow(ctx, clock, o, yield) {
				return
			}
		}
	}
}

// tail is a log that grows.
type tail struct {
	log    Log
	part   int
	latest time.Time
	seen   map[string]time.Time
}

// follow yields the log's lines; false when the consumer has seen enough or an error
// ended it.
func (t *tail) follow(ctx context.Context, clock clockwork.Clock, o provider.LogOptions, yield func(provider.LogLine, error) bool) bool {
	for keep := o.Tail; ; keep = 0 {
		over, err := t.log.Over(ctx)
		if err != nil {
			yield(provider.LogLine{}, err)
			return false
		}
		for line, err := range t.read(ctx, keep) {
			if !yield(line, err) || err != nil {
				return false
			}
		}
		if !o.Follow || over {
			return true
		}
		select {
		case <-ctx.Done():
			yield(provider.LogLine{}, ctx.Err())
			return false
		case <-clock.After(every):
		}
	}
}

// read yields the lines of entries that came since the last call, only the last keep
// of them unless keep is 0. The memory that it takes is that of late.
func (t *tail) read(ctx context.Context, keep int) iter.Seq2[provider.LogLine, error] {
	return func(yield func(provider.LogLine, error) bool) {
		var held []provider.LogLine
		var since time.Time
		if !t.latest.IsZero() {
			since = t.latest.Add(-late)
		}
		for e, err := range t.log.Entries(ctx, since) {
			if err != nil {
				yield(provider.LogLine{}, err)
				return
			}
			if !t.fresh(e) {
				continue
			}
			for text := range strings.SplitSeq(strings.TrimRight(e.Text, "\r\n"), "\n") {
				line := provider.LogLine{Part: t.part, Time: e.Time, Text: strings.TrimSuffix(text, "\r")}
				switch {
				case keep > 0:
					if held = append(held, line); len(held) > 2*keep {
						held = append(held[:0], held[len(held)-keep:]...)
					}
				case !yield(line, nil):
					return
				}
			}
		}
		for _, line := range held[max(len(held)-keep, 0):] {
			if !yield(line, nil) {
				return
			}
		}
	}
}

// fresh says whether an entry was not read before.
func (t *tail) fresh(e Entry) bool {
	if _, ok := t.seen[e.ID]; ok {
		return false
	}
	t.seen[e.ID] = e.Time
	if e.Time.After(t.latest) {
		t.latest = e.Time
	}
	if len(t.seen) > remembered {
		for id, at := range t.seen {
			if at.Before(t.latest.Add(-late)) {
				delete(t.seen, id)
			}
		}
	}
	return true
}
