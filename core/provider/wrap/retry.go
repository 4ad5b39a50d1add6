package wrap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/crossbatch/crossbatch/core/provider"
)

// Policy bounds how often and how fast a call is made again.
type Policy struct {
	Attempts int           // calls in all; below 2: nothing is made again
	Base     time.Duration // the most that is waited before the second call; doubles from call to call
	Max      time.Duration // what the doubling stops at; 0: at Base
}

// Retry makes calls again that a service refused for now (Throttled,
// Unavailable), after a random wait of up to the policy's, and of no less than
// the error's RetryAfter. jitter gives numbers in [0, 1) and is safe for
// concurrent use.
//
// A start on a service that has no key for it (Lookup) is made once, whatever
// comes back: its reply may be lost while its job runs. On the others a second
// one may answer AlreadyExists to a start of our own, which Find tells apart.
func Retry(b provider.Backend, p Policy, clock clockwork.Clock, jitter func() float64) provider.Backend {
	keyless := b.Capabilities().Guarantee == provider.Lookup
	return &surrounded{Backend: b, around: func(ctx context.Context, c call, do func() error) error {
		for n := 1; ; n++ {
			err := do()
			if err == nil || n >= p.Attempts || keyless && c.start() || ctx.Err() != nil || !b.Code(err).Resend() {
				return err
			}
			if late := wait(ctx, clock, max(p.pause(n, jitter()), asked(err))); late != nil {
				return fmt.Errorf("%w: %w", late, err)
			}
		}
	}}
}

// pause is the wait after call n: from nothing up to a bound that doubles. All
// of it is random, so that many clients that failed together come back apart.
func (p Policy) pause(n int, jitter float64) time.Duration {
	most := p.Base
	for i := 1; i < n && most < p.Max; i++ {
		if most > p.Max/2 {
			most = p.Max // doubling might overflow
			break
		}
		most *= 2
	}
	if p.Max > 0 {
		most = min(most, p.Max)
	}
	return max(0, time.Duration(float64(most)*jitter))
}

// asked is how long the service asks to wait.
func asked(err error) time.Duration {
	var e *provider.Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
