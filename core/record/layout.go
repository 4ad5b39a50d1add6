package record

import "fmt"

// ManifestName is the object whose writing publishes a result.
const ManifestName = "_manifest.json"

// PartName is the object that holds the predictions of a shard. run is the run
// id; its first 8 digits stand in the name, so that the parts of two runs never
// meet.
func PartName(shard, of int, run string, extension string) string {
	return fmt.Sprintf("part-%05d-of-%05d.%.8s.%s", shard, of, run, extension)
}

// FailedName is the object that names the failed records of a shard.
func FailedName(shard, of int, run string) string {
	return fmt.Sprintf("failed-%05d-of-%05d.%.8s.jsonl", shard, of, run)
}
