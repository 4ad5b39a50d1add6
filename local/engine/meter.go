package engine

import "sync/atomic"

// newMeter adds up bytes and reports the sum each time that another 256 KiB
// came in. It may be called from several goroutines.
func newMeter(report func(total int64), sum *int64) func(n int) {
	return func(n int) {
		const step = 256 << 10
		now := atomic.AddInt64(sum, int64(n))
		if n == 0 || now/step != (now-int64(n))/step {
			report(now)
		}
	}
}
