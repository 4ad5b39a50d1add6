package jobfile_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// TestSample loads the sample of the language's page: what is not built is
// refused by name, and nothing else is wrong with it.
func TestSample(t *testing.T) {
	src, err := os.ReadFile("testdata/sample.hcl")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		"sample.crossbatch.hcl": src,
		"features.json":         []byte(`{"numeric": ["age", "income"]}`),
	}
	for _, env := range []string{"dev", "prod"} {
		set, diags := jobfile.Parse(files, "/jobs", jobfile.Options{Vars: []string{"day=2026-01-02", "env=" + env}})
		var b bytes.Buffer
		if err := jobfile.Render(&b, set.Files, diags, 100, false); err != nil {
			t.Fatal(err)
		}
		for _, p := range jobfile.Problems(diags) {
			if !strings.Contains(p.Detail, "not yet") {
				t.Errorf("env %s: line %d: %s: %s", env, p.Line, p.Summary, p.Detail)
			}
		}
		golden(t, "testdata/sample-"+env+jobfile.Suffix, b.String())
	}
}
