//go:build unix

package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

// claimAlone leaves what a process leaves that dies right after its claim.
func claimAlone(t *testing.T, dir string, l *ledger.Ledger) (ledger.Key, []ledger.Event) {
	t.Helper()
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	events, err := l.History(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"runs", "ids"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if events, err := l.History(t.Context(), key); events != nil || err != nil {
		t.Fatalf("%v, %v", events, err)
	}
	return key, events
}

func TestAClaimWithoutItsRunIsCompleted(t *testing.T) {
	for name, by := range map[string]func(t *testing.T, l *ledger.Ledger, key ledger.Key){
		"by another run, which is blocked": func(t *testing.T, l *ledger.Ledger, key ledger.Key) {
			_, err := begin(t.Context(), l, print16(2), 0)
			var b *ledger.Blocked
			if !errors.As(err, &b) || b.Key != key || b.Run != job.RunID(l.ID(), identity, print16(1), 0) {
				t.Errorf("%v", err)
			}
		},
		"by the same run, which joins": func(t *testing.T, l *ledger.Ledger, key ledger.Key) {
			got, joined, err := ledgertest.Begin(t.Context(), l, print16(1), 0)
			if got != key || !joined || err != nil {
				t.Errorf("%s, %v, %v", got, joined, err)
			}
		},
		"by watch": func(t *testing.T, l *ledger.Ledger, _ ledger.Key) {
			if err := l.Unfinished(t.Context()); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			key, want := claimAlone(t, dir, l)
			by(t, l, key)
			got, err := l.History(t.Context(), key)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v, %v", got, want, err)
			}
			sound(t, l)
		})
	}
}

// Whoever is interrupted while a run begins has begun it whole, or not at all. So it is
// with its events.
func TestInterruptedWhileARunBegins(t *testing.T) {
	for stop := 1; ; stop++ {
		b, err := storage.OpenFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		steps, at := 0, ""
		l, err := ledger.Open(t.Context(), b, "", ledger.Options{Clock: clockwork.NewFakeClock(), Step: func(point string) {
			if steps++; steps == stop {
				at = point
				interrupt()
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		key := ledger.KeyOf(identity, print16(1), 0)
		if _, err = begin(ctx, l, print16(1), 0); err == nil {
			_, err = l.Append(ctx, key, ledger.Event{Seq: 2, Kind: ledger.Sent, Run: job.RunID(l.ID(), identity, print16(1), 0)})
		}
		if at == "" {
			if err != nil || stop < 10 {
				t.Errorf("%d steps, %v", stop-1, err)
			}
			return
		}
		held, err := l.Holder(t.Context(), identity.Destination)
		if err != nil {
			t.Fatal(err)
		}
		events, err := l.History(t.Context(), key)
		if err != nil || (held != nil) != (len(events) > 0) {
			t.Errorf("%s: %v holds the destination, and there are the events %v, %v", at, held, events, err)
		}
		sound(t, l)
	}
}

// The run of an older claim is there, so counting runs finds the last one alone.
func TestTheLastClaimOfMany(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for f := range 3 {
		key, err := begin(t.Context(), l, print16(f), 0)
		if err == nil {
			err = ledgertest.Finish(t.Context(), l, key)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := begin(t.Context(), l, print16(3), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(string(key)))); err != nil {
		t.Fatal(err)
	}
	if err := l.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	if events, err := l.History(t.Context(), key); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	sound(t, l)
}

// What is over is over for each kind that says so, and for no other.
func TestWhenTheNextRunMayBegin(t *testing.T) {
	for kind, free := range map[ledger.Kind]bool{
		ledger.Succeeded: true, ledger.Partial: true, ledger.Failed: true, ledger.Cancelled: true, ledger.Forgotten: true, ledger.Destroyed: true,
		ledger.Staged: false, ledger.Sent: false, ledger.Abandoned: false, ledger.CancelRequested: false,
	} {
		l := open(t, t.TempDir())
		key, err := begin(t.Context(), l, print16(1), 0)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := l.Append(t.Context(), key, ledger.Event{Seq: 2, Kind: kind, Run: "r"}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		_, err = begin(t.Context(), l, print16(2), 0)
		var b *ledger.Blocked
		if free && err != nil || !free && (!errors.As(err, &b) || b.Kind != kind) {
			t.Errorf("after %s: %v", kind, err)
		}
	}
}

// Holder tells who holds a destination, as long as that lives, and writes nothing.
func TestHolder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	held := func(want ledger.Key) {
		t.Helper()
		h, err := l.Holder(t.Context(), identity.Destination)
		if err != nil || (h == nil) != (want == "") || h != nil && (h.Key != want || h.Address != identity.Address) {
			t.Errorf("%+v, %v, want %q", h, err, want)
		}
	}
	held("")
	key, _ := claimAlone(t, dir, l)
	held(key)
	if events, err := l.History(t.Context(), key); events != nil || err != nil {
		t.Errorf("%v, %v: it wrote", events, err)
	}
	if _, err := begin(t.Context(), l, print16(1), 0); err != nil {
		t.Fatal(err)
	}
	held(key)
	if err := ledgertest.Finish(t.Context(), l, key); err != nil {
		t.Fatal(err)
	}
	held("")
}
