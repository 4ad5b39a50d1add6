package job

import (
	"fmt"
	"strconv"
	"strings"
)

// Tolerance is limits.failed_records: a count of records, or a percentage of
// the records read.
type Tolerance struct {
	Count     int64   `json:"count,omitempty"`
	Percent   float64 `json:"percent,omitempty"`
	IsPercent bool    `json:"is_percent,omitempty"`
}

// ParseTolerance reads "N" or "P%". N is a whole number, P from 0 to 100.
func ParseTolerance(s string) (Tolerance, error) {
	if p, ok := strings.CutSuffix(s, "%"); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil || !(f >= 0 && f <= 100) {
			return Tolerance{}, fmt.Errorf("%q is not a percentage from 0%% to 100%%", s)
		}
		return Tolerance{Percent: f, IsPercent: true}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return Tolerance{}, fmt.Errorf("%q is neither a count of records nor a percentage (like 100 or 1%%)", s)
	}
	return Tolerance{Count: n}, nil
}

// Allows says whether failed records of in are within the tolerance.
func (t Tolerance) Allows(failed, in int64) bool {
	if t.IsPercent {
		return float64(failed)*100 <= t.Percent*float64(in)
	}
	return failed <= t.Count
}

// ExceededBy says whether failed records break the tolerance whatever follows:
// only a count can be judged before the end.
func (t Tolerance) ExceededBy(failed int64) bool {
	return !t.IsPercent && failed > t.Count
}

// String is the form that ParseTolerance reads.
func (t Tolerance) String() string {
	if t.IsPercent {
		return strconv.FormatFloat(t.Percent, 'f', -1, 64) + "%"
	}
	return strconv.FormatInt(t.Count, 10)
}
