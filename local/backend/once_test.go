//go:build unix

package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
)

func TestSixteenSendersOneWorker(t *testing.T) {
	f := setup(t, rows(20))
	r := f.request()
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.dir, "request")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	const senders = 16
	var out [senders]bytes.Buffer
	var starts []io.Closer
	var all sync.WaitGroup
	for i := range senders {
		c := process("sender", path)
		c.Stdout, c.Stderr = &out[i], &out[i]
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		starts = append(starts, in)
		all.Go(func() { _ = c.Wait() })
	}
	for _, s := range starts {
		_ = s.Close()
	}
	all.Wait()
	codes := map[string]int{}
	for i := range out {
		codes[out[i].String()]++
	}
	if codes["ok"] != 1 || codes["already_exists"] != senders-1 {
		t.Fatalf("the senders were told %v", codes)
	}
	n, err := f.b.Find(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if o := f.done(n); o.State != provider.Succeeded {
		t.Errorf("observed %+v", o)
	}
	if got := strings.Count(f.logs(), "msg=start"); got != 1 {
		t.Errorf("%d workers began", got)
	}
}

func TestAnotherSpecificationIsConflict(t *testing.T) {
	f := setup(t, rows(1))
	n := f.send()
	f.spec.Job.Labels = map[string]string{"a": "b"}
	_, err := f.b.Send(t.Context(), f.request())
	f.code(err, provider.Conflict)
	_, err = f.b.Find(t.Context(), f.request())
	f.code(err, provider.Conflict)
	if o := f.done(n); o.State != provider.Succeeded {
		t.Errorf("observed %+v", o)
	}
}

// A sender that died between its request and its worker left something that the
// next one finishes.
func TestRequestWithoutWorker(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	if err := place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	n := native(r.Target, r.Name)
	if o := f.describe(n); o.State != provider.Queued {
		t.Errorf("observed %+v", o)
	}
	_, err := f.b.Find(t.Context(), r)
	f.code(err, provider.NotFound)
	f.send()
	if o := f.done(n); o.State != provider.Succeeded {
		t.Errorf("observed %+v", o)
	}
}

func TestCancelledContextCreatesNothing(t *testing.T) {
	f := setup(t, rows(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.b.Send(ctx, f.request())
	f.code(err, provider.Canceled)
	if _, err := os.Stat(filepath.Join(f.dir, "runs")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was made: %v", err)
	}
}

func TestRequestsThatNoTranslateMade(t *testing.T) {
	f := setup(t, rows(1))
	for _, spoil := range []func(*provider.Request){
		func(r *provider.Request) { r.Op = "other" },
		func(r *provider.Request) { r.Target = "relative" },
		func(r *provider.Request) { r.Body = json.RawMessage("{") },
		func(r *provider.Request) { r.Name = "other" },
	} {
		r := f.request()
		spoil(&r)
		_, err := f.b.Send(t.Context(), r)
		f.code(err, provider.Invalid)
		_, err = f.b.Find(t.Context(), r)
		f.code(err, provider.Invalid)
	}
	f.spec.Output = "s3://bucket/x/"
	_, err := f.b.Translate(f.spec)
	f.code(err, provider.Invalid)
}

func TestWorkerThatCannotStart(t *testing.T) {
	f := setup(t, rows(1))
	broken := New(f.b.config, deps("broken"))
	_, err := broken.Send(t.Context(), f.request())
	f.code(err, provider.Internal)
	for _, want := range []string{"did not start", "exit status 3", "no space left for jokes"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	// Nothing runs, so the next Send may.
	n := f.send()
	if o := f.done(n); o.State != provider.Succeeded {
		t.Errorf("observed %+v", o)
	}
}

func TestLookersDoNotDisturb(t *testing.T) {
	f := setup(t, rows(5))
	ctx, stop := context.WithCancel(t.Context())
	var lookers sync.WaitGroup
	r := f.request()
	if err := place(ctx, r); err != nil {
		t.Fatal(err)
	}
	n := native(r.Target, r.Name)
	failed := make(chan provider.Observation, 8)
	for range 8 {
		lookers.Go(func() {
			for ctx.Err() == nil {
				if o, err := f.b.Describe(context.WithoutCancel(ctx), n); err == nil && o.State == provider.Failed {
					select {
					case failed <- o:
					default:
					}
				}
			}
		})
	}
	f.send()
	o := f.done(n)
	stop()
	lookers.Wait()
	close(failed)
	for bad := range failed {
		t.Fatalf("a live worker was taken for %+v", bad)
	}
	if o.State != provider.Succeeded {
		t.Errorf("observed %+v", o)
	}
}

// workHere runs a worker inside of this process.
func (f *fixture) workHere(d WorkerDeps) (string, error) {
	f.Helper()
	r := f.request()
	if err := place(f.Context(), r); err != nil {
		f.Fatal(err)
	}
	var said answer
	d.Ready = &said
	if d.Runtime == nil {
		d.Runtime = load
	}
	if d.Clock == nil {
		d.Clock = clockwork.NewRealClock()
	}
	if d.Log == nil {
		d.Log = io.Discard
	}
	err := Work(f.Context(), r.Target, d)
	if !said.closed {
		f.Error("who waits for the worker is not released")
	}
	return said.String(), err
}

type answer struct {
	bytes.Buffer
	closed bool
}

func (a *answer) Close() error { a.closed = true; return nil }

func TestWorkerWaitsForTheLockButNotForever(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	if err := place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	lock := lockOf(r.Target)
	if ok, err := lock.TryLock(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if o := f.describe(native(r.Target, r.Name)); o.State != provider.Preparing {
		t.Errorf("observed %+v", o)
	}
	clock := clockwork.NewFakeClock()
	done := make(chan error)
	go func() {
		_, err := claim(t.Context(), r.Target, clock)
		done <- err
	}()
	if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(patience + time.Second)
	if err := <-done; err == nil || !strings.Contains(err.Error(), "another process holds the lock") {
		t.Errorf("claim: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if said, err := f.workHere(WorkerDeps{}); said != answerReady || err != nil {
		t.Errorf("said %q, %v", said, err)
	}
	if said, err := f.workHere(WorkerDeps{}); said != answerBusy || err != nil {
		t.Errorf("a second worker said %q, %v", said, err)
	}
}

func TestWorkerWithoutRun(t *testing.T) {
	err := Work(t.Context(), t.TempDir(), WorkerDeps{Clock: clockwork.NewRealClock(), Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "no run") {
		t.Errorf("%v", err)
	}
}

func TestTranslate(t *testing.T) {
	f := setup(t, rows(1), rows(2))
	f.spec.Job.Env = map[string]string{"b": "<2>", "a": "1"}
	first, again := f.request(), f.request()
	if !bytes.Equal(first.Body, again.Body) {
		t.Error("equal specs give other bodies")
	}
	canonical, err := provider.Canonical(first.Body)
	if err != nil || !bytes.Equal(canonical, first.Body) {
		t.Errorf("the body is not canonical: %v", err)
	}
	f.spec.Input.Take[0] = 1
	if slices.Equal(first.Body, f.request().Body) {
		t.Error("other shards give the same body")
	}
	f.spec.Input.Take = nil
	if !strings.Contains(string(f.request().Body), `"take":[]`) {
		t.Error("no shards are written as all of them")
	}
}
