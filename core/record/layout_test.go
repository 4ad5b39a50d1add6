package record_test

import (
	"testing"

	"github.com/crossbatch/crossbatch/core/record"
)

// The names are read by people and by other tools, and parts of two runs must
// not meet: they are fixed to the byte.
func TestNames(t *testing.T) {
	const run = "0123abcd-4567-89ef"
	for _, tt := range []struct{ got, want string }{
		{record.ManifestName, "_manifest.json"},
		{record.PartName(0, 3, run, "jsonl", "none"), "part-00000-of-00003.0123abcd.jsonl"},
		{record.PartName(2, 3, run, "csv", "gzip"), "part-00002-of-00003.0123abcd.csv.gz"},
		{record.PartName(123456, 1000000, run, "jsonl", "none"), "part-123456-of-1000000.0123abcd.jsonl"},
		{record.PartName(0, 1, "short", "csv", "none"), "part-00000-of-00001.short.csv"},
		{record.FailedName(1, 3, run), "failed-00001-of-00003.0123abcd.jsonl"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
}
