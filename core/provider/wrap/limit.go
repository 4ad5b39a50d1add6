package wrap

import (
	"context"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/time/rate"

	"github.com/crossbatch/crossbatch/core/provider"
)

// LongestWait is how long Limit holds a call back at most. One that would wait
// longer is not made: it fails as Throttled, with the wait as RetryAfter.
const LongestWait = time.Minute

// Limit keeps the calls to a service within its rates (Capabilities.Rate, and
// Starts), in the order in which they come. All users of one service must share the backend
// that Limit returns. Without a rate it is the backend itself.
func Limit(b provider.Backend, clock clockwork.Clock) provider.Backend {
	r := b.Capabilities().Rate
	if r.PerSecond <= 0 {
		return b
	}
	all, starts := limiter(r), limiter(b.Capabilities().Starts)
	return &surrounded{Backend: b, around: func(ctx context.Context, c call, do func() error) error {
		if c.start() && starts != nil {
			if err := turn(ctx, clock, starts, c); err != nil {
				return err
			}
		}
		if err := turn(ctx, clock, all, c); err != nil {
			return err
		}
		return do()
	}}
}

// limiter is nil without a rate.
func limiter(r provider.Rate) *rate.Limiter {
	if r.PerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
}

// turn waits until the call may be made. Who gives up gives the turn back.
func turn(ctx context.Context, clock clockwork.Clock, bucket *rate.Limiter, c call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := clock.Now()
	place := bucket.ReserveN(now, 1)
	delay := place.DelayFrom(now)
	// A start is not turned away: its attempt may be recorded as sent already,
	// and would be given up for a call that was never made.
	if delay > LongestWait && !c.start() {
		place.CancelAt(now)
		return &provider.Error{
			Code:       provider.Throttled,
			Message:    fmt.Sprintf("too many calls are waiting for the service: the next one's turn comes in %s", delay.Round(time.Second)),
			RetryAfter: delay,
		}
	}
	if err := wait(ctx, clock, delay); err != nil {
		place.CancelAt(clock.Now())
		return err
	}
	return nil
}
