//go:build unix

package backend

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// firstDone waits until the first shard is finished and the second one is not.
func (f *fixture) firstDone(n provider.Native) {
	f.Helper()
	f.wait("the first shard is finished", func() bool {
		return exists(filepath.Join(n.ID, resultsFolder), engine.SummaryName(0))
	})
}

func (f *fixture) running(n provider.Native) {
	f.Helper()
	f.until(n, "the job runs", func(o provider.Observation) bool { return o.State == provider.Running })
}

func (f *fixture) kill(n provider.Native, s syscall.Signal) {
	f.Helper()
	if err := syscall.Kill(f.marker(n).PID, s); err != nil {
		f.Fatal(err)
	}
}

func TestKilledWorker(t *testing.T) {
	for name, moment := range map[string]func(*fixture, provider.Native){
		"at once":             func(*fixture, provider.Native) {},
		"as it runs":          (*fixture).running,
		"with a shard behind": (*fixture).firstDone,
	} {
		t.Run(name, func(t *testing.T) {
			f := slow(t)
			n := f.send()
			moment(f, n)
			f.kill(n, syscall.SIGKILL)
			o := f.done(n)
			if o.State != provider.Failed || o.Code != provider.Internal || !strings.HasPrefix(o.Detail, "the worker died (killed, or out of memory)") {
				t.Errorf("observed %+v", o)
			}
			pieces := f.pieces(n)
			if name == "with a shard behind" && (len(pieces) != 1 || pieces[0].Shard != 0) {
				t.Errorf("pieces %+v", pieces)
			}
			_, err := f.b.Send(t.Context(), f.request())
			f.code(err, provider.AlreadyExists)
			if err := f.b.Cancel(t.Context(), n); err != nil {
				t.Error(err)
			}
			if again := f.describe(n); !cmp.Equal(again, o) {
				t.Errorf("what is over changed:\n%s", cmp.Diff(o, again))
			}
			if err := f.b.Delete(t.Context(), n); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a killed worker answered of a shard is not answered again: the next attempt
// takes it over, and its part is that of a run that nothing disturbed.
func TestNextAttemptGoesOn(t *testing.T) {
	f := slow(t)
	f.spec.Input.Take = []int{1}
	n := f.send()
	checkpoint := engine.CheckpointName(1)
	f.wait("a part of the shard is answered", func() bool {
		return exists(filepath.Join(n.ID, resultsFolder), checkpoint)
	})
	f.kill(n, syscall.SIGKILL)
	f.done(n)
	kept, err := engine.Unfinished(filepath.Join(n.ID, resultsFolder))
	if err != nil || kept.In == 0 {
		t.Fatalf("%+v are kept, %v", kept, err)
	}
	f.spec.Attempt = 2
	f.output()
	next := f.send()
	f.wait("more of the shard is answered", func() bool {
		now, err := engine.Unfinished(filepath.Join(next.ID, resultsFolder))
		return err == nil && now.In > kept.In
	})
	if exists(filepath.Join(n.ID, resultsFolder), checkpoint) {
		t.Error("the killed attempt has its checkpoint still")
	}
	if got := f.describe(next).Progress.Counts.In; got < kept.In {
		t.Errorf("the next attempt tells of %d records, %d were kept", got, kept.In)
	}
	if err := f.b.Cancel(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	f.done(next)
}

func TestCancelBeforeAWorkerBegan(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	if err := place(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	n := native(r.Target, r.Name)
	for range 2 {
		if err := f.b.Cancel(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	o := f.describe(n)
	if o.State != provider.Cancelled || o.Ended.IsZero() {
		t.Errorf("observed %+v", o)
	}
	_, err := f.b.Send(t.Context(), r)
	f.code(err, provider.AlreadyExists)
	if said, err := f.workHere(WorkerDeps{}); said != answerBusy || err != nil {
		t.Errorf("a worker said %q, %v", said, err)
	}
	if again := f.describe(n); !cmp.Equal(again, o) {
		t.Errorf("what is over changed:\n%s", cmp.Diff(o, again))
	}
}

func TestCancelOfARunningWorker(t *testing.T) {
	for name, cancel := range map[string]func(*fixture, provider.Native){
		"by request": func(f *fixture, n provider.Native) {
			f.code(f.b.Delete(f.Context(), n), provider.Conflict)
			for range 2 {
				if err := f.b.Cancel(f.Context(), n); err != nil {
					f.Fatal(err)
				}
			}
		},
		"by a signal": func(f *fixture, n provider.Native) { f.kill(n, syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			f := slow(t)
			n := f.send()
			f.firstDone(n)
			cancel(f, n)
			o := f.done(n)
			if o.State != provider.Cancelled || o.Ended.IsZero() || !strings.HasPrefix(o.Detail, "cancelled "+name) {
				t.Errorf("observed %+v", o)
			}
			if p := f.pieces(n); len(p) != 1 {
				t.Errorf("%d pieces, want the one that was finished", len(p))
			}
			if err := f.b.Cancel(t.Context(), n); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCancelRightAfterSend(t *testing.T) {
	f := slow(t)
	n := f.send()
	if err := f.b.Cancel(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if o := f.done(n); o.State != provider.Cancelled {
		t.Errorf("observed %+v", o)
	}
}

func TestBudget(t *testing.T) {
	f := slow(t)
	f.spec.Budget = time.Second
	n := f.send()
	o := f.done(n)
	if o.State != provider.Failed || o.Code != provider.Timeout || !strings.Contains(o.Detail, "limits.timeout is over: the worker had 1s") {
		t.Errorf("observed %+v", o)
	}
}

func TestHowItEnds(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*fixture)
		code  provider.Code
		words string
	}{
		"changed input": {func(f *fixture) { f.shard("in-0.jsonl", rows(11)) }, provider.Conflict, "changed"},
		"absent input": {func(f *fixture) {
			f.spec.Input.Shards[0].URI += ".gone"
		}, provider.NotFound, "in-0.jsonl.gone"},
		"changed model": {func(f *fixture) { f.spec.Model.Digest = strings.Repeat("0", 64) }, provider.Conflict, "the model changed"},
		"no model": {func(f *fixture) {
			f.spec.Job.Model.Artifact = f.spec.Job.Model.Artifact + ".gone"
		}, provider.NotFound, "m.onnx.gone"},
		"not a model": {func(f *fixture) { f.shard("m.onnx", "<html>") }, provider.ModelError, "not an ONNX model"},
		"mapping": {func(f *fixture) {
			f.spec.Job.Input.Tensors = []job.Tensor{{Input: "z", Field: "x", Null: job.Null{Policy: job.NullFail}}}
		}, provider.DataError, "no input"},
		"too many failures": {func(f *fixture) {
			f.spec.Input.Shards[0] = f.shard("in-0.jsonl", rows(500))
			f.spec.Job.Limits.FailedRecords = &job.Tolerance{Count: 1}
		}, provider.DataError, "failed_records allows 1"},
		"device": {func(f *fixture) {
			f.b = New(Config{Device: "cuda:77", Runs: f.b.config.Runs}, f.b.deps)
		}, provider.Unsupported, "cuda:77"},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, rows(10))
			c.spoil(f)
			o := f.done(f.send())
			if o.State != provider.Failed || o.Code != c.code || !strings.Contains(o.Detail, c.words) {
				t.Errorf("observed %+v, want %s and %q", o, c.code, c.words)
			}
		})
	}
}

func TestRequestOfAnotherVersion(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	r.Body = bytes.Replace(r.Body, []byte(`"format_version":1`), []byte(`"format_version":2`), 1)
	n, err := f.b.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if o := f.done(n); o.State != provider.Failed || o.Code != provider.Invalid || !strings.Contains(o.Detail, "version 2") {
		t.Errorf("observed %+v", o)
	}
}

func TestPanicIsAFailureThatSaysSo(t *testing.T) {
	f := setup(t, rows(1))
	var log bytes.Buffer
	said, err := f.workHere(WorkerDeps{Log: &log, Runtime: func(context.Context) (*onnx.Runtime, error) { panic("oh no") }})
	if said != answerReady || err == nil {
		t.Errorf("said %q, %v", said, err)
	}
	r := f.request()
	o := f.describe(native(r.Target, r.Name))
	if o.State != provider.Failed || o.Code != provider.Internal || !strings.Contains(o.Detail, "oh no") {
		t.Errorf("observed %+v", o)
	}
	if !strings.Contains(log.String(), "panic") || !strings.Contains(log.String(), "end_test.go") {
		t.Errorf("no stack in the log:\n%s", &log)
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	if err := os.WriteFile(filepath.Join(f.dir, "runs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := f.b.Send(t.Context(), r)
	f.code(err, provider.Conflict)
	if !strings.Contains(err.Error(), "making the run's folder") {
		t.Error(err)
	}
}

func TestFolderWithoutPermission(t *testing.T) {
	f := setup(t, rows(1))
	r := f.request()
	locked := filepath.Join(f.dir, "runs")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, above := range []string{f.dir, filepath.Dir(f.dir)} { // these are for their owner alone
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	defer asNobody(t)()
	_, err := f.b.Send(t.Context(), r)
	f.code(err, provider.PermissionDenied)
	if !strings.Contains(err.Error(), locked) {
		t.Errorf("%v does not say where", err)
	}
}

func TestLogs(t *testing.T) {
	f := setup(t, rows(10), rows(10))
	n := f.send()
	var all []provider.LogLine
	for line, err := range f.b.Logs(t.Context(), []provider.Native{n}, provider.LogOptions{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	var text strings.Builder
	for _, line := range all {
		if line.Time.IsZero() {
			t.Errorf("no time: %+v", line)
		}
		text.WriteString(line.Text + "\n")
	}
	for _, want := range []string{"msg=start", "msg=device", "msg=batch", "msg=shard number=0 in=10 ok=10 failed=0\n", "msg=shard number=1 in=10 ok=10 failed=0\n", "msg=end state=succeeded in=20 ok=20"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, &text)
		}
	}
	var last []provider.LogLine
	for line, err := range f.b.Logs(t.Context(), []provider.Native{n}, provider.LogOptions{Tail: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		last = append(last, line)
	}
	if diff := cmp.Diff(all[len(all)-2:], last); diff != "" {
		t.Errorf("tail (-want +got):\n%s", diff)
	}
}

func TestFollowingEnds(t *testing.T) {
	f := slow(t)
	n := f.send()
	f.firstDone(n)
	follow := func(ctx context.Context, b *Backend, seen func()) (err error) {
		for _, e := range b.Logs(ctx, []provider.Native{n}, provider.LogOptions{Follow: true}) {
			seen()
			err = e
		}
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := follow(ctx, f.b, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled follower: %v", err)
	}
	other := New(f.b.config, f.b.deps)
	if err := follow(t.Context(), other, func() { _ = other.Close() }); !errors.Is(err, provider.ErrClosed) {
		t.Errorf("a follower of a closed backend: %v", err)
	}
	if err := f.b.Cancel(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := follow(t.Context(), f.b, func() {}); err != nil {
		t.Error(err)
	}
}

func TestTail(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, logFile)
	text := ""
	tl := tail{dir: dir}
	defer tl.close()
	for _, c := range []struct {
		add  string
		keep int
		all  bool
		want []string
	}{
		{"", 0, false, nil},
		{"a\nb\nc\nd\ne", 3, false, []string{"b", "c", "d"}},
		{"e\nf\n", 0, false, []string{"ee", "f"}},
		{"g", 0, false, nil},
		{"", 0, true, []string{"g"}},
		{"", 0, true, nil},
	} {
		text += c.add
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line, err := range tl.read(c.keep, c.all) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, line.Text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", c.add, diff)
		}
	}
}

func TestProgressNeverGoesBack(t *testing.T) {
	clock := clockwork.NewFakeClock()
	dir := t.TempDir()
	r := reporter{dir: dir, clock: clock, state: provider.Preparing}
	r.scoring()
	at := func() int64 {
		_, p := reported(dir)
		return p.Bytes
	}
	send := func(bytes int64) { r.progress(engine.Progress{Phase: engine.Scoring, Bytes: bytes, All: 10}) }
	send(1)
	if at() != 0 {
		t.Error("the status is written too often")
	}
	clock.Advance(reportEvery)
	send(5)
	clock.Advance(reportEvery)
	send(3)
	if at() != 5 {
		t.Errorf("at %d, want 5", at())
	}
}
