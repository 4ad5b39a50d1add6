package parquet_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Files that another implementation wrote; testdata/README.md tells how.
func TestArrowFiles(t *testing.T) {
	want := [][]string{
		{"int -1", "uint 18446744073709551615", "f32 1.5", "f32 0.1", "null", "bool true", `string "a"`, "number -1.005", `string "2024-01-31"`,
			`string "2024-01-31T13:45:00.123456Z"`, `string "2024-01-31T13:45:00.500"`, `string "13:45:00.000001"`, "packed [1,0.5]", "array [[1,2],[],[3]]",
			`object {"k":0.5}`, `object {"x":1,"y":null}`},
		{"int 2", "uint 0", "f32 -2", "null", "f64 2.5", "bool false", "null", "number 20.000", `string "1969-12-31"`,
			`string "1969-12-31T23:59:59Z"`, `string "1970-01-01T00:00:00"`, `string "00:00:00"`, "null", "array []", "object {}", "null"},
		{"int 3", "uint 7", "f32 0", "f32 3", "f64 4", "bool true", `string "é"`, "number 0.001", `string "1970-01-01"`,
			`string "1970-01-01T00:00:00Z"`, `string "1970-01-01T00:00:01"`, `string "23:59:59"`, "array [null,1]", "array [[9]]", `object {"a":1,"b":2}`, `object {"x":null,"y":"z"}`},
	}
	schemas := map[string]bool{}
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v: %v", files, err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f := open(t, file)
		schemas[f.Schema()] = true
		for from := range want {
			if d := cmp.Diff(want[from:], mustRows(t, f, f.Fields(), int64(from), 2)); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
	}
	if len(schemas) != 1 {
		t.Errorf("the same columns have different schemas: %v", schemas)
	}
}
