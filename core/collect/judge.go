package collect

import (
	"fmt"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/record"
)

// Judge says how a run ended by its records, and why when it failed. Records are
// skipped when the run ended before they were answered.
func Judge(limit *job.Tolerance, c record.Counts) (record.State, string) {
	switch {
	case c.In == 0:
		return record.Succeeded, ""
	case limit != nil && !limit.Allows(c.Failed, c.In):
		return record.Failed, fmt.Sprintf("%d of %d records failed, failed_records allows %s", c.Failed, c.In, limit)
	case limit != nil && c.Skipped > 0:
		return record.Failed, fmt.Sprintf("%d of %d records were skipped, and failed_records is set", c.Skipped, c.In)
	case c.OK == 0:
		return record.Failed, "no record was scored"
	case c.Failed > 0 && limit == nil, c.Skipped > 0:
		return record.Partial, ""
	}
	return record.Succeeded, ""
}
