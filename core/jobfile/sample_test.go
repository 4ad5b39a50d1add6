package jobfile_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

// TestSample loads the sample of the language's page, its variables given in
// every way: it is sound, and resolves to the same each time.
func TestSample(t *testing.T) {
	src, err := os.ReadFile("testdata/sample.hcl")
	if err != nil {
		t.Fatal(err)
	}
	const day = "2026-01-02"
	for _, env := range []string{"dev", "prod"} {
		lines := "day = \"" + day + "\"\nenv = \"" + env + "\"\n"
		for how, given := range map[string]struct {
			opts jobfile.Options
			auto string
		}{
			"--var":        {opts: jobfile.Options{Vars: []string{"day=" + day, "env=" + env}}},
			"environment":  {opts: jobfile.Options{Environ: []string{"CROSSBATCH_VAR_day=" + day, "CROSSBATCH_VAR_env=" + env}}},
			"--var-file":   {opts: jobfile.Options{VarFiles: []string{"given.cbvars"}}, auto: "day = \"none\"\n"},
			"auto.cbvars":  {auto: lines},
			"both, partly": {opts: jobfile.Options{Vars: []string{"day=" + day}, Environ: []string{"CROSSBATCH_VAR_day=x", "CROSSBATCH_VAR_env=" + env}}},
		} {
			files := map[string][]byte{
				"sample.crossbatch.hcl": src, "features.json": []byte(`{"numeric": ["age", "income"]}`),
				"given.cbvars": []byte(lines), "x.auto.cbvars": []byte(given.auto),
			}
			set, diags := jobfile.Parse(files, "/jobs", given.opts)
			if len(diags) > 0 {
				t.Errorf("env %s by %s:\n%s", env, how, rendered(t, set, diags))
				continue
			}
			golden(t, "testdata/sample-"+env+jobfile.Suffix, indented(t, set))
		}
	}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// TestJobs resolves the job files that a team might have.
func TestJobs(t *testing.T) {
	all := cases(t, "testdata/jobs")
	if len(all) < 10 {
		t.Fatalf("%d job files, want at least 10", len(all))
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			set, diags := jobfile.Load(path, options(t, path))
			if len(diags) > 0 {
				t.Fatal(rendered(t, set, diags))
			}
			golden(t, path, indented(t, set))
		})
	}
}

// TestUnbuilt: what can be read and not run yet is told by name and place, for
// each job by itself.
func TestUnbuilt(t *testing.T) {
	for _, path := range cases(t, "testdata/later") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			set, diags := jobfile.Load(path, options(t, path))
			if len(diags) > 0 {
				t.Fatal(rendered(t, set, diags))
			}
			var b bytes.Buffer
			for _, j := range set.Jobs {
				b.WriteString("== " + j.Address + "\n")
				if err := jobfile.Render(&b, set.Files, set.Unbuilt(j), 0, false); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, path, b.String())
		})
	}
	// Whatever a folder of good files holds that this version runs is not told.
	for _, name := range []string{"minimal.crossbatch.hcl", "instances.crossbatch.hcl"} {
		path := filepath.Join("testdata/good", name)
		set, _ := jobfile.Load(path, options(t, path))
		for _, j := range set.Jobs {
			if diags := set.Unbuilt(j); len(diags) > 0 {
				t.Errorf("%s: %s", name, rendered(t, set, diags))
			}
		}
	}
}
