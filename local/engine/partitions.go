package engine

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/crossbatch/crossbatch/core/record"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/scorer"
)

// hiveNull is what Hive and its kin write where a partition's value is null.
const hiveNull = "__HIVE_DEFAULT_PARTITION__"

// partitions are the fields that k=v folders of a path name, as Hive lays tables
// out. Nothing is known of their types: values are strings.
func partitions(path string) map[string]record.Value {
	found := map[string]record.Value{}
	folders := strings.Split(filepath.ToSlash(filepath.Dir(path)), "/")
	for _, folder := range folders {
		k, v, ok := strings.Cut(folder, "=")
		if !ok || k == "" {
			continue
		}
		value := record.Value{Kind: record.Null}
		if v != hiveNull {
			value = record.Value{Kind: record.String, Raw: record.AppendString(nil, unescaped(v))}
		}
		found[unescaped(k)] = value
	}
	return found
}

// unescaped undoes the %XX that Hive writes for what a folder's name may not hold.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

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
	for i, name := range r.input.names {
		if u, err := storage.ParseURI(name); err == nil {
			name = u.Key
		}
		r.input.partitions[i] = partitions(name)
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
