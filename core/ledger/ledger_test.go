//go:build unix

package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/ledger"
	"github.com/crossbatch/crossbatch/core/ledger/ledgertest"
	"github.com/crossbatch/crossbatch/core/storage"
)

func open(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	b, err := storage.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	l, err := ledger.Open(t.Context(), b, "", ledger.Options{Clock: clockwork.NewFakeClock()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func print16(i int) string { return strings.Repeat(fmt.Sprintf("%x", i%16), 64) }

// sound fails when fsck finds anything.
func sound(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	problems, err := l.Fsck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("fsck: %s: %s", p.Object, p.Message)
	}
}

// children starts n processes at once and gives what each printed.
func children(t *testing.T, dir string, n int, fingerprint func(i int) string, env ...string) []string {
	t.Helper()
	cmds, outs := make([]*exec.Cmd, n), make([]bytes.Buffer, n)
	for i := range cmds {
		cmds[i] = exec.Command(os.Args[0])
		cmds[i].Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", dirEnv+"="+dir, printEnv+"="+fingerprint(i), fmt.Sprintf("%s=%d", nameEnv, i))
		cmds[i].Env = append(cmds[i].Env, env...)
		cmds[i].Stdout, cmds[i].Stderr = &outs[i], os.Stderr
		if err := cmds[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for i, c := range cmds {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
		got = append(got, outs[i].String())
	}
	return got
}

func TestSixteenProcessesBeginOneRun(t *testing.T) {
	dir := t.TempDir()
	want := string(ledger.KeyOf(identity, print16(1), 0))
	begun := 0
	for _, got := range children(t, dir, 16, func(int) string { return print16(1) }) {
		key, isNew := strings.CutPrefix(got, "new ")
		if isNew {
			begun++
		}
		if key != want {
			t.Errorf("%q, want %q", key, want)
		}
	}
	if begun != 1 {
		t.Errorf("%d processes began it, the others joined", begun)
	}
	l := open(t, dir)
	if events, err := l.History(t.Context(), ledger.Key(want)); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	sound(t, l)
}

func TestTwoFingerprintsOneDestination(t *testing.T) {
	dir := t.TempDir()
	holders := map[string]bool{}
	blocked := 0
	for _, got := range children(t, dir, 16, func(i int) string { return print16(i % 2) }) {
		key, was := strings.CutPrefix(strings.TrimPrefix(got, "new "), "blocked by ")
		if was {
			blocked++
		}
		holders[key] = true
	}
	if len(holders) != 1 || blocked != 8 {
		t.Fatalf("holders %v, %d blocked", holders, blocked)
	}
	l := open(t, dir)
	sound(t, l)
	runs, err := l.Runs(t.Context())
	if err != nil || len(runs) != 1 || !holders[string(runs[0].Key)] {
		t.Fatalf("%+v, %v", runs, err)
	}
	if err := ledgertest.Finish(t.Context(), l, runs[0].Key); err != nil {
		t.Fatal(err)
	}
	if key, err := begin(t.Context(), l, print16(2), 0); err != nil || key == runs[0].Key {
		t.Errorf("after the end: %s, %v", key, err)
	}
	// The first run again: it is there, so nothing is claimed for it.
	_, err = begin(t.Context(), l, print16(3), 0)
	var b *ledger.Blocked
	if !errors.Is(err, ledger.ErrBlocked) || !errors.As(err, &b) || b.Address != identity.Address || b.Kind != ledger.Intent || b.Run == "" {
		t.Errorf("%v", err)
	}
	sound(t, l)
}

func TestAnEndedRunIsJoinedNotClaimedAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	for _, f := range []int{1, 2, 1} {
		key, err := begin(t.Context(), l, print16(f), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := ledgertest.Finish(t.Context(), l, key); err != nil {
			t.Fatal(err)
		}
	}
	if claims, _ := filepath.Glob(filepath.Join(dir, "destinations", "*", "*")); len(claims) != 2 {
		t.Errorf("claims: %v", claims)
	}
}

// TestKilledAtEveryStep kills a process before and after each object that it
// writes; another goes on.
func TestKilledAtEveryStep(t *testing.T) {
	for step := 1; ; step++ {
		dir := t.TempDir()
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", dirEnv+"="+dir, printEnv+"="+print16(1), fmt.Sprintf("%s=%d", killEnv, step))
		err := c.Run()
		if err == nil {
			if step < 20 { // mark, input, claim, id and three events of two objects
				t.Fatalf("only %d steps", step)
			}
			return
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v", step, err)
		}
		l := open(t, dir)
		if err := l.Unfinished(t.Context()); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		sound(t, l)
		key, err := begin(t.Context(), l, print16(1), 0)
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := ledgertest.Finish(t.Context(), l, key); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		sound(t, l)
		events, err := l.History(t.Context(), key)
		if err != nil || len(events) != 3 {
			t.Errorf("step %d: %d events, %v", step, len(events), err)
		}
		runs, err := l.RunsOf(t.Context(), identity)
		if err != nil || len(runs) != 1 || runs[0].Kind != ledger.Cancelled || runs[0].Seq != 3 {
			t.Errorf("step %d: %+v, %v", step, runs, err)
		}
	}
}

func TestAppendKeepsTheOrder(t *testing.T) {
	l := open(t, t.TempDir())
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []ledger.Event{
		{Seq: 1, Kind: ledger.Sent, Run: "r"}, {Seq: 3, Kind: ledger.Sent, Run: "r"}, {Seq: 2, Run: "r"},
		{Seq: 2, Kind: ledger.Sent}, {Seq: 2, Kind: "lock", Run: "r"}, {Seq: 2, Kind: ledger.Intent, Run: "r"},
	} {
		if ok, err := l.Append(t.Context(), key, e); ok || err == nil {
			t.Errorf("%d %s was taken", e.Seq, e.Kind)
		}
	}
	e := ledger.Event{Seq: 2, Kind: ledger.CancelRequested, Run: "r"}
	for _, want := range []bool{true, false} {
		if ok, err := l.Append(t.Context(), key, e); ok != want || err != nil {
			t.Errorf("%v, %v; want %v", ok, err, want)
		}
		e.Kind = ledger.Sent // another kind of the same seq loses as well
	}
}

func TestResolveAndShards(t *testing.T) {
	l := open(t, t.TempDir())
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	run := job.RunID(l.ID(), identity, print16(1), 0)
	for start, want := range map[string]int{run: 1, run[:6]: 1, "": 1, "../": 0, "zz": 0, run + "0": 0} {
		if got, err := l.Resolve(t.Context(), start); err != nil || len(got) != want || want == 1 && got[0] != key {
			t.Errorf("%q: %v, %v", start, got, err)
		}
	}
	if s, err := l.Shards(t.Context(), job.Shards(nil).Digest()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("%v, %v", s, err)
	}
}

func TestVersionsAreRefused(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.FromSlash(string(key)), "000001.intent")
	if err := os.WriteFile(path, []byte(`{"format_version":2}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.History(t.Context(), key); !errors.Is(err, ledger.ErrFormat) || !strings.Contains(err.Error(), "format_version is 2") {
		t.Errorf("%v", err)
	}
}

func TestFsckFinds(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(run, root string) error
		want  string
	}{
		"a hole": {func(run, _ string) error {
			return errors.Join(os.Remove(run+"/000002.lock"), os.Remove(run+"/000002.sent"))
		}, "event 2 is missing"},
		"a lock alone":  {func(run, _ string) error { return os.Remove(run + "/000002.sent") }, "was not written"},
		"no lock":       {func(run, _ string) error { return os.Remove(run + "/000002.lock") }, "without its lock"},
		"another event": {func(run, _ string) error { return os.WriteFile(run+"/000002.sent", []byte("{}"), 0o644) }, "differs from its lock"},
		"two kinds":     {func(run, _ string) error { return os.WriteFile(run+"/000003.failed", []byte("{}"), 0o644) }, "two events"},
		"another version": {func(run, _ string) error {
			return os.WriteFile(run+"/000002.lock", []byte(`{"format_version":9}`), 0o644)
		}, "format_version is 9"},
		"no id":    {func(_, root string) error { return os.RemoveAll(root + "/ids") }, "ids/"},
		"no input": {func(_, root string) error { return os.RemoveAll(root + "/inputs") }, "inputs/"},
		"no run":   {func(run, _ string) error { return os.RemoveAll(run) }, "was not begun"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir)
			key, err := begin(t.Context(), l, print16(1), 0)
			if err == nil {
				err = ledgertest.Finish(t.Context(), l, key)
			}
			if err == nil {
				err = tt.spoil(filepath.Join(dir, filepath.FromSlash(string(key))), dir)
			}
			if err != nil {
				t.Fatal(err)
			}
			problems, err := l.Fsck(t.Context())
			if err != nil || !strings.Contains(fmt.Sprint(problems), tt.want) {
				t.Errorf("%v, %v; want %q", problems, err, tt.want)
			}
		})
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"seq":2,"kind":"sent","run":"r","time":"2026-01-01T00:00:00Z","nonce":"0"}`))
	f.Add([]byte(`{"format_version":2}`))
	f.Add([]byte(`{"format_version":1,"seq":1,"kind":"intent","run":"r"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := ledger.ParseEvent(body)
		if err != nil && !errors.Is(err, ledger.ErrFormat) {
			t.Errorf("%v is not ErrFormat", err)
		}
		if err == nil && (e.FormatVersion != ledger.FormatVersion || e.Seq < 1 || e.Run == "" || e.Kind == "") {
			t.Errorf("accepted %+v", e)
		}
	})
}
