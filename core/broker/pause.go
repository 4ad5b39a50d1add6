package broker

import (
	"time"

	"github.com/crossbatch/crossbatch/core/provider"
)

// pause is how long a watcher waits between two rounds: short while runs change,
// longer and longer while they do not, and never two watchers alike.
type pause struct {
	min, max time.Duration
	now      time.Duration
	jitter   func() float64
}

func newPause(p provider.Poll, jitter func() float64) *pause {
	lo := max(p.Min, 50*time.Millisecond)
	return &pause{min: lo, max: max(p.Max, lo), now: lo, jitter: jitter}
}

// next is the pause after a round: within a fifth around a base that grows by
// half with each round in which nothing moved.
func (p *pause) next(moved bool) time.Duration {
	if moved {
		p.now = p.min
	} else {
		p.now = min(p.now+p.now/2, p.max)
	}
	return time.Duration(float64(p.now) * (0.8 + 0.4*p.jitter()))
}
