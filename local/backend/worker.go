package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/gofrs/flock"
	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// What a worker answers to the process that started it.
const (
	answerReady = "ready\n" // it holds the attempt
	answerBusy  = "busy\n"  // another one does, or did, or the attempt was cancelled
)

// patience is how long a worker waits for a lock that nobody seems to have:
// those who look at an attempt hold it for a moment.
const patience = 5 * time.Second

// errBusy says that no worker may begin there any more.
var errBusy = errors.New("the attempt has a worker already")

// WorkerDeps are what a worker stands on. All of them but Ready and Step are
// required.
type WorkerDeps struct {
	Clock   clockwork.Clock
	Runtime func(context.Context) (*onnx.Runtime, error) // loads ONNX Runtime
	Version string                                       // of crossbatch
	Open    storage.Opener                               // of input and model; nil: folders of this machine
	Cache   string                                       // folder for models from elsewhere
	Log     io.Writer
	Ready   io.WriteCloser // told when the worker has begun; nil: nobody waits

	// Step is called before the first shard and after each that is finished, with
	// how many are. Tests make a worker stand still in it, until ctx ends.
	Step func(ctx context.Context, finished int)
}

// Work is what runs inside a worker process: it takes the attempt of a folder,
// scores its shards and writes how that ended. It returns nil once that is
// written, whatever it was. When ctx ends, the attempt is cancelled.
func Work(ctx context.Context, dir string, d WorkerDeps) error {
	if d.Ready == nil {
		d.Ready = nobody{}
	}
	defer d.Ready.Close()
	if d.Step == nil {
		d.Step = func(context.Context, int) {}
	}
	w := &worker{dir: dir, deps: d, log: slog.New(slog.NewTextHandler(d.Log, nil))}
	lock, err := claim(ctx, dir, d.Clock)
	if errors.Is(err, errBusy) {
		_, _ = io.WriteString(d.Ready, answerBusy)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if w.folder, err = storage.OpenFolder(dir); err != nil {
		return err
	}
	defer func() { _ = w.folder.Close() }()
	if err := w.begin(ctx); err != nil {
		return err
	}
	// Who started this may be gone already: that is no reason to stop.
	_, _ = io.WriteString(d.Ready, answerReady)
	_ = d.Ready.Close()

	e, broken := w.attempt(ctx)
	return errors.Join(broken, w.finish(e))
}

// nobody is whom a worker answers that was started by hand.
type nobody struct{}

func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) Close() error                { return nil }

// claim takes the lock of an attempt that no worker has begun.
func claim(ctx context.Context, dir string, clock clockwork.Clock) (*flock.Flock, error) {
	until := clock.Now().Add(patience)
	for {
		if settled(dir) {
			return nil, errBusy
		}
		lock := lockOf(dir)
		ok, err := lock.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("there is no run in %s", dir)
		case err != nil:
			return nil, fmt.Errorf("locking %s: %w", dir, err)
		case ok && settled(dir):
			_ = lock.Close()
			return nil, errBusy
		case ok && same(lock) && exists(dir, requestFile):
			return lock, nil
		case ok:
			_ = lock.Close()
			return nil, fmt.Errorf("there is no run in %s", dir)
		case clock.Now().After(until):
			return nil, fmt.Errorf("locking %s: another process holds the lock, and says nothing", dir)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-clock.After(5 * time.Millisecond):
		}
	}
}

// worker is one attempt as it runs.
type worker struct {
	dir     string
	deps    WorkerDeps
	log     *slog.Logger
	folder  *storage.Bucket
	started time.Time
	state   reporter
}

// begin says that this worker has the attempt: from here on no other will.
func (w *worker) begin(ctx context.Context) error {
	w.started = w.now()
	w.state = reporter{dir: w.dir, clock: w.deps.Clock, log: w.log, state: provider.Preparing}
	body, err := json.Marshal(marker{FormatVersion: documentVersion, PID: os.Getpid(), Started: w.started})
	if err != nil {
		return err
	}
	if err := w.folder.Replace(ctx, markerFile, append(body, '\n')); err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	w.log.Info("start", "pid", os.Getpid(), "crossbatch", w.deps.Version)
	return nil
}

func (w *worker) now() time.Time { return w.deps.Clock.Now().UTC().Round(0) }

// attempt runs the attempt. A panic in it becomes a failure that says so, and an
// error, so that the process ends as one that broke.
func (w *worker) attempt(ctx context.Context) (e end, broken error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("panic", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			broken = fmt.Errorf("the worker broke: %v", p)
			e = end{State: provider.Failed, Code: provider.Internal, Message: fmt.Sprintf("the worker broke (%v); %s holds the stack", p, filepath.Join(w.dir, logFile))}
		}
	}()
	return w.run(ctx), nil
}

// finish writes how the attempt ended, which is the last that a worker does
// while it holds the lock.
func (w *worker) finish(e end) error {
	e.FormatVersion, e.Started, e.Ended = documentVersion, w.started, w.now()
	e.Progress = w.state.last(e.Progress)
	args := []any{"state", string(e.State), "in", e.Progress.Counts.In, "ok", e.Progress.Counts.OK, "failed", e.Progress.Counts.Failed, "seconds", e.Ended.Sub(e.Started).Seconds()}
	if e.State == provider.Failed {
		args = append(args, "code", e.Code.String(), "reason", e.Message)
		w.log.Error("end", args...)
	} else {
		w.log.Info("end", args...)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	// Not under the attempt's context: it may be cancelled, and this must be said.
	if err := w.folder.Replace(context.Background(), endFile, append(body, '\n')); err != nil {
		w.log.Error("the end could not be written", "reason", err.Error())
		return err
	}
	return nil
}
