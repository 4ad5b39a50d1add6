package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/storage"
)

// How many write at once, and how many events each appends.
const (
	writers = 16
	appends = 2
)

// Writer is one of the writers that race. It does its work in a goroutine, or in
// a process of its own, to which it travels as JSON.
type Writer struct {
	Print string     `json:"print"`          // the fingerprint of the run that it begins
	Key   ledger.Key `json:"key,omitempty"`  // or the run that it appends to
	Name  string     `json:"name,omitempty"` // which is in its events
}

// Run does the work on a ledger below a prefix of a bucket. What it prints is for
// the suite that started it.
func (w Writer) Run(ctx context.Context, b *storage.Bucket, prefix string, out io.Writer) error {
	l, err := ledger.Open(ctx, b, prefix, ledger.Options{Clock: clockwork.NewRealClock()})
	if err != nil {
		return err
	}
	if w.Key != "" {
		return w.append(ctx, l)
	}
	key, joined, err := Begin(ctx, l, w.Print, 0)
	var blocked *ledger.Blocked
	switch {
	case errors.As(err, &blocked):
		_, err = fmt.Fprintf(out, "blocked %s", blocked.Key)
	case err != nil:
	case joined:
		_, err = fmt.Fprintf(out, "joined %s", key)
	default:
		_, err = fmt.Fprintf(out, "began %s", key)
	}
	return err
}

// append appends events, each as often as it takes.
func (w Writer) append(ctx context.Context, l *ledger.Ledger) error {
	events, err := l.History(ctx, w.Key)
	if err != nil {
		return err
	}
	seq := len(events)
	for i := range appends {
		for ok := false; !ok; {
			seq++ // who loses an event tries the one after it
			ok, err = l.Append(ctx, w.Key, ledger.Event{Seq: seq, Kind: ledger.Sent, Run: events[0].Run, Request: fmt.Sprintf("%s/%d", w.Name, i)})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Identity is the job of all runs that Begin begins.
func Identity() job.Identity {
	return job.Identity{Project: "p", Address: "job.x", Destination: "file:///out/"}
}

// fingerprint number i.
func fingerprint(i int) string { return strings.Repeat(fmt.Sprintf("%x", i%16), 64) }

// Begin begins the run of a fingerprint, with one file as its input, or joins it.
func Begin(ctx context.Context, l *ledger.Ledger, print string, generation int) (ledger.Key, bool, error) {
	identity := Identity()
	digest, err := l.PutShards(ctx, job.Shards{{URI: "file:///in/a.jsonl", Size: 3, Digest: "00"}})
	if err != nil {
		return "", false, err
	}
	return l.Begin(ctx, identity, ledger.IntentBody{
		Job:         job.Job{Project: identity.Project, Address: identity.Address, Output: job.Output{Destination: identity.Destination}},
		Fingerprint: print, Generation: generation, Input: digest,
	}, job.RunID(l.ID(), identity, print, generation))
}

// Finish brings a run to its end from wherever its history stands.
func Finish(ctx context.Context, l *ledger.Ledger, key ledger.Key) error {
	for {
		events, err := l.History(ctx, key)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("%s has no history", key)
		}
		if events[len(events)-1].Kind.Over() {
			return nil
		}
		next := ledger.Sent // kinds on both sides of "lock" in a listing
		if len(events) == 2 {
			next = ledger.Cancelled
		}
		if _, err := l.Append(ctx, key, ledger.Event{Seq: len(events) + 1, Kind: next, Run: events[0].Run}); err != nil {
			return err
		}
	}
}
