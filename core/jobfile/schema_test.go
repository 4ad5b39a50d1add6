package jobfile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// walk visits every block of the schema with the blocks around it.
func walk(b jobfile.Block, around []jobfile.Block, visit func(b jobfile.Block, around []jobfile.Block)) {
	visit(b, around)
	inner := append(append([]jobfile.Block(nil), around...), b)
	for _, c := range append(append([]jobfile.Block(nil), b.Blocks...), b.Variants...) {
		walk(c, inner, visit)
	}
}

// TestSchemaIsTotal: everything has a state and a doc, and a default is one of
// the values.
func TestSchemaIsTotal(t *testing.T) {
	known := map[jobfile.State]bool{jobfile.Built: true, jobfile.NotYet: true, jobfile.DefaultOnly: true}
	walk(jobfile.Schema(), nil, func(b jobfile.Block, _ []jobfile.Block) {
		if b.Doc == "" || !known[b.State] {
			t.Errorf("block %s: doc %q, state %q", b.Name, b.Doc, b.State)
		}
		for _, f := range b.Fields {
			if f.Doc == "" || f.Type == "" || !known[f.State] {
				t.Errorf("%s.%s: doc %q, type %q, state %q", b.Name, f.Name, f.Doc, f.Type, f.State)
			}
			if f.State == jobfile.DefaultOnly && f.Default == "" {
				t.Errorf("%s.%s has no default to keep to", b.Name, f.Name)
			}
			if len(f.Values) > 0 && f.Default != "" && !has(f.Values, f.Default) {
				t.Errorf("%s.%s: the default %q is none of its values", b.Name, f.Name, f.Default)
			}
		}
	})
}

func has(values []jobfile.Value, text string) bool {
	for _, v := range values {
		if v.Text == text {
			return true
		}
	}
	return false
}

// TestNotYet sets every field that is not built, and expects its name when the
// job is to be run: the schema's states, which the documentation shows, are
// what is refused.
func TestNotYet(t *testing.T) {
	covered := 0
	walk(jobfile.Schema(), nil, func(b jobfile.Block, around []jobfile.Block) {
		inner := append(append([]jobfile.Block(nil), around...), b)
		if len(inner) < 2 || inner[1].Name != "job" && inner[1].Name != "crossbatch" {
			return // models and providers are told of in testdata/later
		}
		for _, f := range b.Fields {
			var values []any
			switch f.State {
			case jobfile.NotYet:
				values = append(values, sample(t, f))
			case jobfile.DefaultOnly:
				values = append(values, other(f))
			}
			for _, v := range f.Values {
				if v.State == jobfile.NotYet && f.State == jobfile.Built {
					values = append(values, v.Text)
				}
			}
			for _, value := range values {
				covered++
				told(t, inner[1:], f.Name, value)
			}
		}
	})
	if covered == 0 {
		t.Error("no field was tried: all are built?")
	}
}

// told sets a field of a job, in HCL's JSON syntax, and looks for its name.
func told(t *testing.T, path []jobfile.Block, field string, value any) {
	t.Helper()
	j := map[string]any{
		"model": "${model.m}", "input": map[string]any{"source": []any{"in.jsonl"}}, "output": map[string]any{"destination": "out"},
	}
	doc := map[string]any{
		"model": map[string]any{"m": map[string]any{"artifact": "m.onnx"}},
		"job": map[string]any{"x": j, "y": map[string]any{
			"model": "${model.m}", "input": map[string]any{"source": []any{"in.jsonl"}}, "output": map[string]any{"destination": "y"},
		}},
	}
	at := j
	if path[0].Name != "job" {
		at = map[string]any{}
		doc[path[0].Name] = at
	}
	for _, b := range path[1:] {
		next, ok := at[b.Name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[b.Name] = next
		}
		at = next
		if b.Name == "override" {
			at["local"] = map[string]any{}
			at = at["local"].(map[string]any)
		}
	}
	at[field] = value
	if len(path) > 1 && path[1].Name == "placement" {
		doc["provider"] = map[string]any{"local": map[string]any{"here": map[string]any{}}}
		at["providers"] = []any{"${provider.local.here}"}
		doc["job"].(map[string]any)["y"].(map[string]any)["provider"] = "${provider.local.here}"
	}
	if field == "allow_partial" {
		at["source"] = []any{"${job.y}"}
	}
	src, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl.json": src}, "/x", jobfile.Options{})
	if len(diags) > 0 {
		t.Errorf("%s\n%s", src, rendered(t, set, diags))
		return
	}
	for _, j := range set.Jobs {
		for _, p := range jobfile.Problems(set.Unbuilt(j)) {
			if strings.Contains(p.Detail, "not yet") && strings.Contains(p.Detail, field) && p.Line > 0 {
				return
			}
		}
	}
	t.Errorf("not told: %s = %v in %s", field, value, src)
}

// sample is a sound value of a field.
func sample(t *testing.T, f jobfile.Field) any {
	t.Helper()
	if len(f.Values) > 0 {
		return f.Values[0].Text
	}
	switch f.Type {
	case jobfile.Bool:
		return f.Default != "true"
	case jobfile.Number:
		return 7
	case jobfile.Size:
		return "1MiB"
	case jobfile.Duration:
		return "1h"
	case jobfile.JobRefs:
		return []any{"${job.y}"}
	}
	t.Fatalf("no sample of the type %s, for %s", f.Type, f.Name)
	return nil
}

// other is a value of a field that is not its default.
func other(f jobfile.Field) any {
	for _, v := range f.Values {
		if v.Text != f.Default && v.Text != "snappy" {
			return v.Text
		}
	}
	return f.Default != "true"
}
