package collect_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/collect"
	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		limit               string
		ok, failed, skipped int64
		want                record.State
		reason              string
	}{
		{"", 0, 0, 0, record.Succeeded, ""},
		{"0", 0, 0, 0, record.Succeeded, ""},
		{"0%", 0, 0, 0, record.Succeeded, ""},
		{"", 5, 0, 0, record.Succeeded, ""},
		{"", 4, 1, 0, record.Partial, ""},
		{"", 4, 0, 1, record.Partial, ""},
		{"", 1, 8, 1, record.Partial, ""},
		{"", 0, 5, 0, record.Failed, "no record was scored"},
		{"", 0, 0, 5, record.Failed, "no record was scored"},
		{"0", 5, 0, 0, record.Succeeded, ""},
		{"0", 4, 1, 0, record.Failed, "1 of 5 records failed, failed_records allows 0"},
		{"0", 4, 0, 1, record.Failed, "1 of 5 records were skipped, and failed_records is set"},
		{"2", 3, 2, 0, record.Succeeded, ""},
		{"2", 2, 3, 0, record.Failed, "3 of 5 records failed, failed_records allows 2"},
		{"2", 3, 1, 1, record.Failed, "1 of 5 records were skipped, and failed_records is set"},
		{"9", 0, 5, 0, record.Failed, "no record was scored"},
		{"9", 0, 0, 5, record.Failed, "5 of 5 records were skipped, and failed_records is set"},
		{"10%", 9, 1, 0, record.Succeeded, ""},
		{"10%", 89, 11, 0, record.Failed, "11 of 100 records failed, failed_records allows 10%"},
		{"0.5%", 199, 1, 0, record.Succeeded, ""},
		{"0.5%", 198, 1, 0, record.Failed, "1 of 199 records failed, failed_records allows 0.5%"},
		{"0%", 4, 1, 0, record.Failed, "1 of 5 records failed, failed_records allows 0%"},
		{"50%", 4, 0, 1, record.Failed, "1 of 5 records were skipped, and failed_records is set"},
		{"100%", 1, 4, 0, record.Succeeded, ""},
		{"100%", 0, 5, 0, record.Failed, "no record was scored"},
	} {
		var limit *job.Tolerance
		if c.limit != "" {
			l, err := job.ParseTolerance(c.limit)
			if err != nil {
				t.Fatal(err)
			}
			limit = &l
		}
		counts := record.Counts{In: c.ok + c.failed + c.skipped, OK: c.ok, Failed: c.failed, Skipped: c.skipped}
		state, reason := collect.Judge(limit, counts)
		if state != c.want || reason != c.reason {
			t.Errorf("limit %q, %+v: %s (%s), want %s (%s)", c.limit, counts, state, reason, c.want, c.reason)
		}
	}
}
