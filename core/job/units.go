package job

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
)

// Day is the longest unit of ParseDuration: always 24 hours, since a limit is
// measured on a monotonic clock, not on a calendar.
const Day = 24 * time.Hour

// The units of ParseSize, in bytes.
const (
	KB  int64 = 1000
	MB        = 1000 * KB
	GB        = 1000 * MB
	TB        = 1000 * GB
	KiB int64 = 1 << 10
	MiB       = 1 << 20
	GiB       = 1 << 30
	TiB       = 1 << 40
)

// ParseDuration reads a duration in s, m, h and d: "90s", "2h", "1.5h" or
// "1d12h". A number without a unit is refused, and so is a part of a nanosecond.
func ParseDuration(s string) (time.Duration, error) {
	units := map[string]int64{"s": int64(time.Second), "m": int64(time.Minute), "h": int64(time.Hour), "d": int64(Day)}
	total, rest := new(big.Rat), s
	for rest != "" {
		number, unit, tail := quantity(rest)
		part, ok := amount(number, units[unit])
		if !ok {
			return 0, badDuration(s)
		}
		total.Add(total, part)
		rest = tail
	}
	n, ok := whole(total)
	if s == "" || !ok {
		return 0, badDuration(s)
	}
	return time.Duration(n), nil
}

func badDuration(s string) error {
	return fmt.Errorf("%q is not a duration: write a number and a unit of s, m, h or d (like 90s, 2h or 1d)", s)
}

// ParseSize reads a number of bytes with its unit: decimal (KB, MB, GB, TB),
// binary (KiB, MiB, GiB, TiB) or B. The unit is required: 16 of what?
func ParseSize(s string) (int64, error) {
	units := map[string]int64{
		"B": 1, "KB": KB, "MB": MB, "GB": GB, "TB": TB, "KiB": KiB, "MiB": MiB, "GiB": GiB, "TiB": TiB,
	}
	number, unit, tail := quantity(s)
	size, ok := amount(number, units[unit])
	if ok && tail == "" {
		if n, ok := whole(size); ok {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is not a size: write a number and a unit (like 512KB, 6MiB or 16GiB)", s)
}

// quantity splits the first number and its unit off s.
func quantity(s string) (number, unit, tail string) {
	const digits = "0123456789."
	rest := strings.TrimLeft(s, digits)
	end := strings.IndexAny(rest, digits)
	if end < 0 {
		end = len(rest)
	}
	return s[:len(s)-len(rest)], rest[:end], rest[end:]
}

// amount is number times unit, exactly. The length is bounded because the
// text comes from a user and big numbers cost time.
func amount(number string, unit int64) (*big.Rat, bool) {
	if number == "" || len(number) > 40 || unit == 0 || number[0] == '.' || number[len(number)-1] == '.' {
		return nil, false
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok {
		return nil, false
	}
	return r.Mul(r, new(big.Rat).SetInt64(unit)), true
}

func whole(r *big.Rat) (int64, bool) {
	if !r.IsInt() || r.Num().Cmp(big.NewInt(math.MaxInt64)) > 0 {
		return 0, false
	}
	return r.Num().Int64(), true
}
