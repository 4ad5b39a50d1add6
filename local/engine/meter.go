package engine

import "sync/atomic"

// NewMeter adds up bytes and reports the sum each time that another 256 KiB
// came in, and with 0 bytes always. It may be called from several goroutines.
func NewMeter(report func(total int64)) func(n int) {
	var sum atomic.Int64
	return func(n int) {
		const step = 256 << 10
		now := sum.Add(int64(n))
		if n == 0 || now/step != (now-int64(n))/step {
			report(now)
		}
	}
}
