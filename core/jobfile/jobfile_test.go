package jobfile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

var update = flag.Bool("update", false, "write the goldens")

// options reads the options of a case from comment lines of its first file:
// "# --var k=v", "# --var-file f", "# env K=V" and "# version v".
func options(t *testing.T, path string) jobfile.Options {
	t.Helper()
	dir := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, path = path, filepath.Join(path, "main.crossbatch.hcl")
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return jobfile.Options{}
	}
	var o jobfile.Options
	for _, line := range strings.Split(string(src), "\n") {
		if v, ok := strings.CutPrefix(line, "# --var "); ok {
			o.Vars = append(o.Vars, v)
		}
		if v, ok := strings.CutPrefix(line, "# --var-file "); ok {
			o.VarFiles = append(o.VarFiles, filepath.Join(dir, v))
		}
		if v, ok := strings.CutPrefix(line, "# env "); ok {
			o.Environ = append(o.Environ, v)
		}
		if v, ok := strings.CutPrefix(line, "# version "); ok {
			o.Version = v
		}
	}
	return o
}

// cases lists the job files and folders of a folder of testdata.
func cases(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".golden") && !strings.HasSuffix(e.Name(), ".cbvars") && strings.Contains(e.Name(), ".hcl") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out
}

// golden compares got with the golden of a case. This machine's folder is
// written as /WORK.
func golden(t *testing.T, path, got string) {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	got = strings.ReplaceAll(got, wd, "/WORK")
	file := strings.TrimSuffix(path, jobfile.Suffix) + ".golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBroken(t *testing.T) {
	all := cases(t, "testdata/bad")
	if len(all) < 120 {
		t.Fatalf("%d cases, want at least 120", len(all))
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			set, diags := jobfile.Load(path, options(t, path))
			if !diags.HasErrors() {
				t.Fatal("no error")
			}
			if len(set.Jobs) > 0 {
				t.Errorf("there are jobs in spite of errors")
			}
			var b bytes.Buffer
			if err := jobfile.Render(&b, set.Files, diags, 0, false); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), "hunter2") {
				t.Errorf("a sensitive value is shown:\n%s", b.String())
			}
			text, err := json.Marshal(jobfile.Problems(diags))
			if err != nil || bytes.Contains(text, []byte("hunter2")) {
				t.Errorf("as JSON: %v, %s", err, text)
			}
			golden(t, path, b.String())
		})
	}
}

func TestGood(t *testing.T) {
	for _, path := range cases(t, "testdata/good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			set, diags := jobfile.Load(path, options(t, path))
			var b bytes.Buffer
			if err := jobfile.Render(&b, set.Files, diags, 0, false); err != nil {
				t.Fatal(err)
			}
			if diags.HasErrors() {
				t.Fatal(b.String())
			}
			text, err := json.MarshalIndent(set, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, path, b.String()+string(text)+"\n")
		})
	}
}
