package docs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// schemaPage is the JSON schema of job files in HCL's JSON syntax, for editors.
const schemaPage = "jobfile.schema.json"

// TestJSONSchema holds the JSON schema to the schema that job files are checked with.
func TestJSONSchema(t *testing.T) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(jsonSchema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaPage, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(schemaPage)
	if err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is stale (%v); run: go test ./docs -update\n%s", schemaPage, err, cmp.Diff(string(have), b.String()))
	}
}

// TestJSONSchemaJudges: what an editor accepts and what it underlines.
func TestJSONSchemaJudges(t *testing.T) {
	text, err := os.ReadFile(schemaPage)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaPage, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaPage)
	if err != nil {
		t.Fatal(err)
	}
	const good = `{
  "//": "a comment",
  "variable": {"day": {"default": "2026-11-01", "validation": {"condition": "${var.day != \"\"}", "error_message": "say which"}}},
  "locals": {"regions": ["us", "eu"]},
  "provider": {"local": {"here": {"device": "cpu"}}},
  "model": {"m": {"artifact": "m.onnx"}},
  "job": {"score": [{
    "for_each": "${toset(local.regions)}",
    "model": "${model.m}",
    "provider": "${provider.local.here}",
    "input": {"source": ["${each.key}/*.jsonl"], "format": "jsonl", "tensor": {"x": {"fields": ["a", "b"], "null": 0}}},
    "output": {"destination": "out/${each.key}/", "select": {"score": "y[0]"}, "format": "${var.day == \"x\" ? \"csv\" : \"jsonl\"}"},
    "batching": {"records": 256}, "limits": {"timeout": "2h", "failed_records": "1%"}
  }]},
  "output": {"where": {"value": 1}}
}`
	cases := []struct {
		name, from, to string
		valid          bool
	}{
		{"as it is", "", "", true},
		{"typo in a field", `"destination"`, `"destnation"`, false},
		{"typo in a block", `"batching"`, `"batchin"`, false},
		{"typo at the top", `"locals"`, `"local"`, false},
		{"typo below a label", `"fields"`, `"feilds"`, false},
		{"unknown kind of provider", `{"local": {`, `{"locla": {`, false},
		{"field of no provider", `"device"`, `"devise"`, false},
		{"value that is none of the set", `"format": "jsonl"`, `"format": "jsnl"`, false},
		{"number for a list", `"source": ["${each.key}/*.jsonl"]`, `"source": 1`, false},
		{"text for a number", `"records": 256`, `"records": "many"`, false},
		{"template for a number", `"records": 256`, `"records": "${local.n}"`, true},
		{"null is unset", `"records": 256`, `"records": null`, true},
		{"required field is gone", `"model": "${model.m}",`, ``, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(good, tc.from, tc.to, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(doc); (err == nil) != tc.valid {
				t.Errorf("valid is %v: %v", err == nil, err)
			}
		})
	}
}

// TestJSONSchemaTakesJobFiles: what the loader takes, the schema takes.
func TestJSONSchemaTakesJobFiles(t *testing.T) {
	c := jsonschema.NewCompiler()
	schema, err := c.Compile(schemaPage)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../core/jobfile/testdata/jobs/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no job file in JSON: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

type object = map[string]any

// definitions are the bodies of blocks by their dotted names. A body stands
// there once, though it may be written alone or in a list.
type definitions object

func jsonSchema() object {
	defs := definitions{}
	root := defs.body(jobfile.Schema(), "")
	root["$defs"] = defs
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "crossbatch job file in HCL's JSON syntax"
	return root
}

// body is the object that holds a block's fields and blocks. Anything an author
// computes stands there as a "${...}" template.
func (d definitions) body(b jobfile.Block, path string, more ...jobfile.Field) object {
	if b.Open {
		return object{"type": "object"}
	}
	properties, required := object{"//": true}, []string{}
	for _, f := range append(append([]jobfile.Field(nil), b.Fields...), more...) {
		properties[f.Name] = described(value(f), f.Doc, f.State)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	for _, c := range b.Blocks {
		properties[c.Name] = described(d.labelled(c, strings.TrimPrefix(path+"."+c.Name, ".")), c.Doc, c.State)
		if c.Required {
			required = append(required, c.Name)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	// A provider block that no job reaches may lack anything.
	if len(required) > 0 && !strings.HasPrefix(path, "provider") {
		out["required"] = required
	}
	return out
}

// labelled wraps a block's body in one object for each of its labels. At every
// level HCL takes a list of objects for the objects in it.
func (d definitions) labelled(b jobfile.Block, path string) object {
	if len(b.Variants) > 0 {
		kinds := object{"//": true}
		for _, v := range b.Variants {
			at := path + "." + v.Name
			kinds[v.Name] = described(d.listed(at+".alias", byName(d.listed(at, d.body(v, at, b.Fields...)))), v.Doc, v.State)
		}
		return d.listed(path+".kinds", object{"type": "object", "properties": kinds, "additionalProperties": false})
	}
	out := d.listed(path, d.body(b, path))
	for _, label := range b.Labels {
		out = d.listed(path+"."+strings.ReplaceAll(label, " ", "_"), byName(out))
	}
	return out
}

func byName(of object) object {
	return object{"type": "object", "properties": object{"//": true}, "additionalProperties": of}
}

// listed defines what may stand alone or in a list.
func (d definitions) listed(name string, of object) object {
	d[name] = of
	ref := object{"$ref": "#/$defs/" + name}
	return object{"anyOf": []any{ref, object{"type": "array", "items": ref}}}
}

func described(schema object, doc string, s jobfile.State) object {
	schema["description"] = sentence(doc) + built(s)
	return schema
}

// template is a string with something to compute in it, which may come to a
// value of any type.
func template() object { return object{"type": "string", "pattern": `\$\{|%\{`} }

// value is what a field takes: a literal of its type, a template, or null, which
// is unset.
func value(f jobfile.Field) object {
	var forms []any
	switch {
	case len(f.Values) > 0:
		texts := []any{}
		for _, v := range f.Values {
			texts = append(texts, v.Text)
		}
		forms = []any{object{"enum": texts}}
	default:
		forms = literals(f.Type)
	}
	if forms == nil {
		return object{}
	}
	return object{"anyOf": append(forms, template(), object{"type": "null"})}
}

// numeric is text that HCL takes for a number.
var numeric = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// literals are the forms of a type in JSON; none for a type of any form.
func literals(t jobfile.Type) []any {
	text := object{"type": "string"}
	number := object{"type": "number"}
	boolean := object{"type": "boolean"}
	list := object{"type": "array", "items": text}
	anyList := object{"type": "array"}
	texts := object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean", "null"}}}
	switch t {
	case jobfile.String, jobfile.Duration, jobfile.Size, jobfile.TypeExpr, jobfile.ModelRef, jobfile.ProviderRef:
		return []any{text}
	case jobfile.Number:
		return []any{number, object{"type": "string", "pattern": numeric.String()}}
	case jobfile.Bool:
		return []any{boolean, object{"enum": []any{"true", "false"}}}
	case jobfile.Strings, jobfile.ProviderRefs, jobfile.JobRefs:
		return []any{list}
	case jobfile.StringMap:
		return []any{texts}
	case jobfile.StringOrList:
		return []any{text, list}
	case jobfile.ListOrMap:
		return []any{list, texts}
	case jobfile.NumberOrString:
		return []any{number, text}
	case jobfile.Literal:
		return []any{text, number, boolean}
	case jobfile.LiteralOrMap:
		return []any{text, number, boolean, texts}
	case jobfile.MapOrSet:
		return []any{object{"type": "object"}, anyList}
	}
	if strings.HasPrefix(string(t), "list(") {
		return []any{anyList}
	}
	return nil
}
