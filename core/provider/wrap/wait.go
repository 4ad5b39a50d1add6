package wrap

import (
	"context"
	"time"

	"github.com/jonboulle/clockwork"
)

// wait lets d pass on the clock, or until ctx is done, whose error it returns.
func wait(ctx context.Context, clock clockwork.Clock, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.Chan():
		return nil
	}
}
