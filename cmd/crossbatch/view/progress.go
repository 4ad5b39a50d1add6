package view

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/crossbatch/crossbatch/local/engine"
)

// plainEvery is how often progress is told where there is no terminal.
const plainEvery = 10 * time.Second

// progress shows how far a run is: a bar on a terminal, a line now and then
// elsewhere. It is safe for concurrent use.
type progress struct {
	t   Terminal
	now func() time.Time

	mu    sync.Mutex
	name  string
	bars  *mpb.Progress
	bar   *mpb.Bar
	phase engine.Phase
	last  time.Time

	latest atomic.Pointer[engine.Progress] // without mu: the bar's goroutine reads it
}

func newProgress(t Terminal, now func() time.Time) *progress {
	return &progress{t: t, now: now, last: now()}
}

// Begin names the job whose progress follows.
func (p *progress) Begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.name = name
	p.last = p.now()
}

// Progress shows one state.
func (p *progress) Progress(s engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latest.Store(&s)
	if !p.t.Bars {
		if now := p.now(); now.Sub(p.last) >= plainEvery {
			p.last = now
			fmt.Fprintf(p.t.Err, "%s: %s, %s of %s, %s records\n", p.name, s.Phase, bytesText(s.Bytes), bytesText(s.All), thousands(s.Counts.In))
		}
		return
	}
	if p.phase != s.Phase {
		p.stop()
		p.phase = s.Phase
		p.bars = mpb.New(mpb.WithOutput(p.t.Err), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
		p.bar = p.bars.AddBar(s.All,
			mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name("  "+string(s.Phase), decor.WC{W: 18, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), decor.Any(p.text, decor.WC{W: 4})))
	}
	p.bar.SetCurrent(min(s.Bytes, max(s.All-1, 0))) // completed by finish, which may come first
}

// text is what stands behind the bar; mpb calls it from a goroutine of its own.
func (p *progress) text(decor.Statistics) string {
	latest := p.latest.Load()
	if latest == nil || latest.Counts.In == 0 {
		return ""
	}
	s := fmt.Sprintf("  %s records", thousands(latest.Counts.In))
	if latest.Counts.Failed > 0 {
		s += fmt.Sprintf(", %s failed", thousands(latest.Counts.Failed))
	}
	return s
}

// finish takes the bar away.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	p.phase = ""
}

func (p *progress) stop() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
	p.bar, p.bars = nil, nil
}

// Checking shows how far the reading of a job's input is, before a run is begun.
type Checking struct{ *progress }

// NewChecking makes a view; now is the clock of plain lines.
func NewChecking(t Terminal, now func() time.Time) Checking { return Checking{newProgress(t, now)} }

// Close takes the bar away.
func (c Checking) Close() { c.finish() }
