package contracttests

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"
)

// held is a clock whose waits begin when something has happened.
type held struct {
	clockwork.Clock
	ctx   context.Context // of the invariant: it ends all waits
	until <-chan struct{}
}

func (h held) After(d time.Duration) <-chan time.Time {
	c := make(chan time.Time, 1)
	go func() {
		select {
		case <-h.until:
		case <-h.ctx.Done():
			return
		}
		select {
		case now := <-h.Clock.After(d):
			c <- now
		case <-h.ctx.Done():
		}
	}()
	return c
}
