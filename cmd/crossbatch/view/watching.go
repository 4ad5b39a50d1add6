package view

import (
	"fmt"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/crossbatch/crossbatch/core/broker"
)

// Watching shows runs as a watcher sees them: a bar each on a terminal; a line
// when a run changes and every ten seconds elsewhere.
type Watching struct {
	t   Terminal
	now func() time.Time

	mu   sync.Mutex
	bars *mpb.Progress
	runs map[string]*watched
}

// watched is one run on the screen.
type watched struct {
	bar   *mpb.Bar
	state string // what was told last
	told  time.Time
	notes int

	mu  sync.Mutex // the bar's goroutine reads run
	run broker.Run
}

// NewWatching makes an empty view; now is the clock of plain lines.
func NewWatching(t Terminal, now func() time.Time) *Watching {
	return &Watching{t: t, now: now, runs: map[string]*watched{}}
}

// Report takes what a run looks like now.
func (v *Watching) Report(r broker.Run) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.runs[r.ID]
	if w == nil {
		w = &watched{}
		v.runs[r.ID] = w
	}
	w.mu.Lock()
	w.run = r
	w.mu.Unlock()
	for ; w.notes < len(r.Notes); w.notes++ {
		fmt.Fprintf(v.t.Err, "%s  %.8s  %s\n", r.Address, r.ID, r.Notes[w.notes])
	}
	if v.t.Bars {
		v.draw(w)
		return
	}
	v.tell(w)
}

func (v *Watching) draw(w *watched) {
	r := w.run
	if r.State.Over() {
		if w.bar != nil {
			w.bar.Abort(true)
			w.bar = nil
		}
		return
	}
	if w.bar == nil {
		if v.bars == nil {
			v.bars = mpb.New(mpb.WithOutput(v.t.Err), mpb.WithWidth(32), mpb.WithRefreshRate(100*time.Millisecond))
		}
		w.bar = v.bars.AddBar(100, mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return w.before() }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return w.behind() })))
	}
	w.bar.SetCurrent(min(percent(r), 99)) // taken away when the run is over, not when its input is read
}

func (w *watched) before() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return "  " + w.run.Address + "  " + stateText(w.run)
}

func (w *watched) behind() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run.Progress.All == 0 {
		return recordsText(w.run)
	}
	return fmt.Sprintf(" %3d %%%s", percent(w.run), recordsText(w.run))
}

// tell writes a line when there is something new, or nothing was said for long.
func (v *Watching) tell(w *watched) {
	r, now := w.run, v.now()
	state := stateText(r)
	if state == w.state && now.Sub(w.told) < plainEvery {
		return
	}
	w.state, w.told = state, now
	line := fmt.Sprintf("%s  %.8s  %s", r.Address, r.ID, state)
	if r.Progress.All > 0 && !r.State.Over() {
		line += fmt.Sprintf("  %d %%", percent(r))
	}
	fmt.Fprintf(v.t.Err, "%s%s\n", line, recordsText(r))
}

// Close takes the bars away. What is reported later brings new ones.
func (v *Watching) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.runs {
		if w.bar != nil {
			w.bar.Abort(true)
			w.bar = nil
		}
	}
	if v.bars != nil {
		v.bars.Wait()
		v.bars = nil
	}
}

func stateText(r broker.Run) string {
	s := string(r.State)
	if r.Staging {
		s = "staging"
	}
	if r.Attempt > 1 && !r.State.Over() {
		s += fmt.Sprintf(" (attempt %d; %s)", r.Attempt, shorten(r.Reason, 100))
	}
	if r.Unreachable != "" {
		s += ", provider not reached: " + shorten(r.Unreachable, 120)
	}
	return s
}

func recordsText(r broker.Run) string {
	if r.Counts.In == 0 {
		return ""
	}
	s := "  " + thousands(r.Counts.In) + " records"
	if r.Counts.Failed > 0 {
		s += ", " + thousands(r.Counts.Failed) + " failed"
	}
	if r.Counts.Skipped > 0 {
		s += ", " + thousands(r.Counts.Skipped) + " skipped"
	}
	return s
}

func percent(r broker.Run) int64 {
	if r.Progress.All == 0 {
		return 0
	}
	return r.Progress.Bytes * 100 / r.Progress.All
}
