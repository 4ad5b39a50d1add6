package engine

import (
	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/staging"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// placed is records some of whose fields are told by where they lie. Such a field
// hides one of the same name in the records.
type placed struct {
	scorer.Records
	values []record.Value // by field; Missing: the record tells
}

func (p placed) Values(i int, values []record.Value) *record.Failure {
	fail := p.Records.Values(i, values)
	for i, v := range p.values {
		if v.Kind != record.Missing {
			values[i] = v
		}
	}
	return fail
}

// place finds the fields that the paths of shards tell.
func (r *Run) place() {
	if r.job.Input.Partitions != "hive" {
		return
	}
	r.input.partitions = make([]map[string]record.Value, len(r.input.names))
	for i, s := range r.task.Shards {
		r.input.partitions[i] = staging.Partitions(s.URI)
	}
}

// told says whether a shard's path tells a field.
func (in input) told(shard int, field string) bool {
	if in.partitions == nil {
		return false
	}
	_, ok := in.partitions[shard][field]
	return ok
}

// fromPath adds to records of a shard what its path tells of fields.
func (in input) fromPath(shard int, fields []string, r scorer.Records) scorer.Records {
	if in.partitions == nil || len(in.partitions[shard]) == 0 {
		return r
	}
	values := make([]record.Value, len(fields))
	for i, f := range fields {
		values[i] = in.partitions[shard][f]
	}
	return placed{r, values}
}
