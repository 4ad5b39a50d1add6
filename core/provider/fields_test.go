package provider_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/provider"
)

// unanswered are the fields of a job that no backend answers for.
var unanswered = map[string]string{
	"project":             "identity: in run ids and names, never acted on",
	"address":             "identity: in run ids and names, never acted on",
	"model.name":          "a label of the job file",
	"placement.providers": "read before a backend is chosen",
	"placement.strategy":  "read before a backend is chosen",
	"placement.accept":    "read where findings are judged",
	"input.from":          "shards by the time a backend sees the job",
	"input.allow_partial": "judged before the job starts",
	"depends_on":          "judged before the job starts",
	"overrides":           "merged before a backend sees the job",
}

// spelled are fields whose path in the job file is not that of the value.
var spelled = map[string]string{
	"input.tensors": "input.tensor", // a block of the job file, repeated
}

// leaves are the paths of a type's values that are structs no more, but for
// those below a path that stop knows.
func leaves(t reflect.Type, path string, stop func(string) bool) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := spelled[path]; ok {
		path = name
	}
	if stop(path) || t.Kind() != reflect.Struct {
		return []string{path}
	}
	var all []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name == "" && !f.Anonymous {
			name = f.Name
		}
		all = append(all, leaves(f.Type, strings.TrimPrefix(strings.TrimSuffix(path+"."+name, "."), "."), stop)...)
	}
	return all
}

// A new field of a job stands in Fields, or above with the reason why not.
func TestFieldsCoverTheJob(t *testing.T) {
	fields := provider.Fields()
	known := func(path string) bool { return slices.Contains(fields, path) || unanswered[path] != "" }
	found := leaves(reflect.TypeFor[job.Job](), "", known)
	for _, path := range found {
		if !known(path) {
			t.Errorf("%s is a field of job.Job and neither in Fields nor excepted here", path)
		}
		if slices.Contains(fields, path) && unanswered[path] != "" {
			t.Errorf("%s is in Fields and excepted", path)
		}
	}
	for _, path := range fields {
		if !slices.Contains(found, path) {
			t.Errorf("%s is in Fields and no field of job.Job", path)
		}
	}
	for path := range unanswered {
		if !slices.Contains(found, path) {
			t.Errorf("%s is excepted and no field of job.Job", path)
		}
	}
}

func TestFieldsAreDistinctAndTheCallersOwn(t *testing.T) {
	fields := provider.Fields()
	seen := map[string]bool{}
	for i, f := range fields {
		if seen[f] {
			t.Errorf("%s twice", f)
		}
		seen[f] = true
		fields[i] = ""
	}
	if slices.Contains(provider.Fields(), "") {
		t.Error("what a caller changes, all see")
	}
}
