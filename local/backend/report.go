package backend

import (
	"log/slog"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/engine"
)

// reportEvery is the least time between two writings of status.json.
const reportEvery = 500 * time.Millisecond

// reporter tells whoever looks how far a worker is. A disk that does not take it
// is no reason to end the work.
type reporter struct {
	dir   string
	clock clockwork.Clock
	log   *slog.Logger

	mu    sync.Mutex
	state provider.State
	seen  provider.Progress // the furthest
	wrote time.Time
	mute  bool // writing failed once, and that was said
}

// scoring says that records are read from now on.
func (r *reporter) scoring() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = provider.Running
	r.write()
}

// progress is called by the engine, often, from several goroutines, and so not
// always in order.
func (r *reporter) progress(p engine.Progress) {
	if !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if p.Phase != engine.Scoring || p.Counts.In < r.seen.Counts.In || p.Bytes < r.seen.Bytes {
		return
	}
	r.seen = provider.Progress{Counts: p.Counts, Bytes: p.Bytes, All: p.All}
	if r.clock.Since(r.wrote) >= reportEvery {
		r.write()
	}
}

// last completes what is known at the end. A result counts every record; where
// there is none, what was seen last must do.
func (r *reporter) last(p provider.Progress) provider.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Counts.In < r.seen.Counts.In {
		p.Counts = r.seen.Counts
	}
	p.Bytes, p.All = max(p.Bytes, r.seen.Bytes), max(p.All, r.seen.All)
	return p
}

func (r *reporter) write() {
	r.wrote = r.clock.Now()
	err := replaceQuietly(r.dir, statusFile, status{FormatVersion: documentVersion, State: r.state, Progress: r.seen})
	if err != nil && !r.mute {
		r.mute = true
		r.log.Warn("the status cannot be written", "reason", err.Error())
	}
}
