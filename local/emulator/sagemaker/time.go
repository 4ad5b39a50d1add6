package sagemaker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// epoch is a time as it goes over the wire: seconds, with milliseconds as their
// fraction.
type epoch time.Time

func (e epoch) MarshalJSON() ([]byte, error) {
	ms := time.Time(e).UnixMilli()
	return fmt.Appendf(nil, "%d.%03d", ms/1000, ms%1000), nil
}

func (e *epoch) UnmarshalJSON(text []byte) error {
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	seconds, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || seconds < -1e11 || seconds > 1e11 {
		return refusal("SerializationException", "%s is not a time in seconds", n)
	}
	*e = epoch(time.UnixMicro(int64(seconds * 1e6)).UTC().Round(time.Millisecond))
	return nil
}

// when is a time that may be absent.
func when(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	e := epoch(t)
	return &e
}
