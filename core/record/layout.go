package record

import (
	"fmt"

	"github.com/crossbatch/crossbatch/core/compress"
)

// ManifestName is the object whose writing publishes a result.
const ManifestName = "_manifest.json"

// PartName is the object that holds the predictions of a shard. run is the run
// id; its first 8 digits stand in the name, so that the parts of two runs never
// meet. How a file is compressed stands behind its format; Parquet compresses
// its own pages.
func PartName(shard, of int, run, format, compression string) string {
	if format == "parquet" {
		compression = compress.None
	}
	return fmt.Sprintf("part-%05d-of-%05d.%.8s.%s%s", shard, of, run, format, compress.Suffix(compression))
}

// FailedName is the object that names the failed records of a shard.
func FailedName(shard, of int, run string) string {
	return fmt.Sprintf("failed-%05d-of-%05d.%.8s.jsonl", shard, of, run)
}
