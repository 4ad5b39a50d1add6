package job_test

import (
	"testing"
	"time"

	"github.com/crossbatch/crossbatch/core/job"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"2h": 2 * time.Hour, "1d": job.Day, "90s": 90 * time.Second, "15m": 15 * time.Minute,
		"1.5h": 90 * time.Minute, "1d12h": 36 * time.Hour, "0s": 0, "0.5s": 500 * time.Millisecond,
	} {
		got, err := job.ParseDuration(in)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "2", "h", "-1h", "+1h", "1 h", " 1h", "1h ", "2H", "2w", "2ms", "1.h", ".5h", "1..5h", "1e3s",
		"200000d", "0.0000000001s", "1h30", "NaN", "99999999999999999999999999999999999999999999s",
	} {
		if got, err := job.ParseDuration(in); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", in, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"6MiB": 6 << 20, "16GiB": 16 << 30, "512KB": 512000, "1TB": 1e12, "1TiB": 1 << 40,
		"0B": 0, "17B": 17, "1.5KiB": 1536, "0.5GB": 5e8, "1KiB": 1024, "2MB": 2e6,
	} {
		got, err := job.ParseSize(in)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "16", "GiB", "-1GB", "1 GB", "1gb", "1GiBs", "1.5B", "1GB1MB", "9999999TiB", "1.GB", ".5GB", "0x10B", "1_0B",
	} {
		if got, err := job.ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %v, want an error", in, got)
		}
	}
}
