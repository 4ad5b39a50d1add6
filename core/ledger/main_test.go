//go:build unix

package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"
	"go.uber.org/goleak"

	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

// These make the test binary a process of its own that begins a run.
const (
	dirEnv   = "CROSSBATCH_TEST_LEDGER"
	printEnv = "CROSSBATCH_TEST_FINGERPRINT"
	killEnv  = "CROSSBATCH_TEST_KILL" // the step at which it kills itself, from 1

	// keyEnv makes it one that appends events to this run; nameEnv is in them.
	keyEnv  = "CROSSBATCH_TEST_KEY"
	nameEnv = "CROSSBATCH_TEST_NAME"
)

// appends is how many events each of them appends.
const (
	appends   = 20
	appenders = 16
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirEnv); dir != "" {
		if err := child(dir, os.Getenv(printEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

var identity = ledgertest.Identity()

// child begins a run and prints its key or that it was blocked; with killEnv it
// goes on to end the run.
func child(dir, fingerprint string) error {
	ctx := context.Background()
	b, err := storage.OpenFolder(dir)
	if err != nil {
		return err
	}
	kill, _ := strconv.Atoi(os.Getenv(killEnv))
	steps := 0
	l, err := ledger.Open(ctx, b, "", ledger.Options{Clock: clockwork.NewRealClock(), Step: func(string) {
		if steps++; steps == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}})
	if err != nil {
		return err
	}
	if key := os.Getenv(keyEnv); key != "" {
		return appendMany(ctx, l, ledger.Key(key), os.Getenv(nameEnv))
	}
	key, joined, err := ledgertest.Begin(ctx, l, fingerprint, 0)
	var blocked *ledger.Blocked
	if errors.As(err, &blocked) {
		fmt.Print("blocked by " + blocked.Key)
		return nil
	}
	if err != nil {
		return err
	}
	if !joined {
		fmt.Print("new ")
	}
	fmt.Print(key)
	if kill == 0 {
		return nil
	}
	return ledgertest.Finish(ctx, l, key)
}

// appendMany appends events, each as often as it takes.
func appendMany(ctx context.Context, l *ledger.Ledger, key ledger.Key, name string) error {
	events, err := l.History(ctx, key)
	if err != nil {
		return err
	}
	seq := len(events)
	for i := range appends {
		for ok := false; !ok; {
			seq++ // who loses an event tries the one after it
			kind := ledger.Sent
			if i%2 == 0 {
				kind = ledger.Abandoned
			}
			ok, err = l.Append(ctx, key, ledger.Event{
				Seq: seq, Kind: kind, Run: events[0].Run, Request: fmt.Sprintf("%s/%d", name, i),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func begin(ctx context.Context, l *ledger.Ledger, fingerprint string, generation int) (ledger.Key, error) {
	key, _, err := ledgertest.Begin(ctx, l, fingerprint, generation)
	return key, err
}
