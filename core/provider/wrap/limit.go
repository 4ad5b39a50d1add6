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

// Limit keeps the calls to a service within its rate (Capabilities.Rate), in
// the order in which they come. All users of one service must share the backend
// that Limit returns. Without a rate it is the backend itself.
func Limit(b provider.Backend, clock clockwork.Clock) provider.Backend {
	r := b.Capabilities().Rate
	if r.PerSecond <= 0 {
		return b
	}
	bucket := rate.NewLimiter(rate.Limit(r.PerSecond), max(r.Burst, 1))
	return &surrounded{Backend: b, around: func(ctx context.Context, c call, do func() error) error {
		if err := turn(ctx, clock, bucket, c); err != nil {
			return err
		}
		return do()
	}}
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
