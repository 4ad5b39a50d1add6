package jobfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/hashicorp/hcl/v2"
)

const minimal = `
model "m" {
  artifact = "m.onnx"
}
job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out"
  }
}
`

func rendered(t *testing.T, set *jobfile.Set, diags jobfile.Diagnostics) string {
	t.Helper()
	var b bytes.Buffer
	if err := jobfile.Render(&b, set.Files, diags, 0, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestParseNeedsNoDisk(t *testing.T) {
	set, diags := jobfile.Parse(map[string][]byte{
		"a.crossbatch.hcl":      []byte(minimal),
		"b.crossbatch.hcl":      []byte("output \"o\" {\n  value = [file(\"x/y.txt\"), fileset(\"x\", \"*\"), var.v, var.w]\n}\nvariable \"v\" {\n}\nvariable \"w\" {\n}\n"),
		"x/y.txt":               []byte("text"),
		"x/no.crossbatch.hcl":   []byte("not { read"),
		"v.auto.cbvars":         []byte("v = \"auto\"\n"),
		"w.cbvars":              []byte("w = \"file\"\n"),
		".hid.crossbatch.hcl":   []byte("not { read"),
		"readme.md":             []byte("# not read"),
		"x/also.auto.cbvars":    []byte("v = \"not read\"\n"),
		"x/y/z.crossbatch.hcl":  []byte("not { read"),
		"x/deep/other.file.txt": []byte(""),
	}, "/jobs/nightly", jobfile.Options{VarFiles: []string{"w.cbvars"}})
	if len(diags) > 0 {
		t.Fatal(rendered(t, set, diags))
	}
	if set.Project != "nightly" || len(set.Jobs) != 1 || set.Jobs[0].Output.Destination != "/jobs/nightly/out/" {
		t.Errorf("set = %+v", set)
	}
	if got, want := string(set.Outputs[0].Value), `["text",["also.auto.cbvars","no.crossbatch.hcl","y.txt"],"auto","file"]`; got != want {
		t.Errorf("output = %s, want %s", got, want)
	}
	if r, ok := set.JobRange("job.j"); !ok || r.Filename != "a.crossbatch.hcl" || r.Start.Line != 5 {
		t.Errorf("JobRange = %v, %v", r, ok)
	}
	if got := set.Providers[0].Ref(); got != (job.ProviderRef{Kind: "local", Alias: "default"}) {
		t.Errorf("provider = %v", got)
	}
}

func TestRefusedFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, src []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, src, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe.crossbatch.hcl")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.crossbatch.hcl"): "no such file",
		filepath.Join(dir, "none"):                "no such file",
		t.TempDir():                               "holds no *.crossbatch.hcl and no",
		write("huge.crossbatch.hcl", bytes.Repeat([]byte("# x\n"), 2<<20)): "larger than 4 MiB",
		write("x.crossbatch.hcl.json", []byte("{}")):                       "There is no job block",
		write("x.hcl", []byte(minimal)):                                    "not named like a job file",
		pipe:                                                               "no regular file",
	} {
		set, diags := jobfile.Load(path, jobfile.Options{})
		if got := rendered(t, set, diags); !strings.Contains(got, want) || !diags.HasErrors() {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestRender(t *testing.T) {
	set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte("a = 1\r\n\tjob \"é\" {\n}\n")}, "/x", jobfile.Options{})
	var b bytes.Buffer
	if err := jobfile.Render(&b, set.Files, diags, 40, true); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "\x1b[1;31mError\x1b[0m") {
		t.Errorf("no colour in %q", b.String())
	}
	if err := jobfile.Render(broken{}, set.Files, diags, 0, false); !errors.Is(err, errBroken) {
		t.Errorf("err = %v", err)
	}
	// A diagnostic of someone else, without our notes, is shown all the same.
	other := jobfile.Diagnostics{{Severity: hcl.DiagWarning, Summary: "S", Detail: "D", Subject: &hcl.Range{Filename: "gone", Start: hcl.Pos{Line: 3, Byte: 99}}}}
	b.Reset()
	if err := jobfile.Render(&b, nil, other, 0, false); err != nil || b.String() != "Warning: S\n  on gone line 3\n\nD\n" {
		t.Errorf("%v, %q", err, b.String())
	}
	want := jobfile.Problem{Severity: "warning", Summary: "S", Detail: "D", File: "gone", Line: 3}
	if got := jobfile.Problems(other); len(got) != 1 || got[0] != want {
		t.Errorf("Problems = %+v", got)
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestFolderNames(t *testing.T) {
	for folder, want := range map[string]string{
		"/":       "Set crossbatch.project",
		"/a[1]/x": "reads its own destination",
	} {
		src := minimal
		if folder != "/" {
			src = strings.Replace(minimal, `"in.jsonl"`, `"out/in.jsonl", "x*"`, 1)
		}
		set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte(src)}, folder, jobfile.Options{})
		if folder != "/" && !strings.Contains(rendered(t, set, diags), "has a wildcard in its name") {
			t.Errorf("%s: a glob in a folder with a wildcard passed", folder)
		}
		if got := rendered(t, set, diags); !strings.Contains(got, want) {
			t.Errorf("%s: %s", folder, got)
		}
	}
}

// TestLongButPlain: what is long without being deep is fine.
func TestLongButPlain(t *testing.T) {
	var b strings.Builder
	b.WriteString("locals {\n  text = <<EOT\n" + strings.Repeat("line ${1}\n", 2000) + "EOT\n  list = [\n")
	b.WriteString(strings.Repeat("    1,\n", 10001) + "  ]\n  map = {\n")
	for i := range 10001 {
		fmt.Fprintf(&b, "    k%d : %d\n", i, i)
	}
	b.WriteString("  }\n}\n")
	set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte(b.String() + minimal)}, "/x", jobfile.Options{})
	if len(diags) > 0 {
		t.Error(rendered(t, set, diags))
	}
}

func TestManyInstances(t *testing.T) {
	src := strings.Replace(minimal, "model = model.m", "model = model.m\n  count = 1000", 1)
	_, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl": []byte(src)}, "/x", jobfile.Options{})
	if n := len(diags); n != 5 {
		t.Errorf("%d diagnostics for one destination of 1000 jobs, want 5", n)
	}
}

// checkSound is what every job of a set without errors holds.
func checkSound(t *testing.T, set *jobfile.Set) {
	t.Helper()
	for _, j := range set.Jobs {
		if at, _, _ := strings.Cut(j.Output.Destination, "?"); !strings.HasSuffix(at, "/") || len(j.Input.Sources()) == 0 || len(j.Placement.Providers) == 0 {
			t.Errorf("unsound job: %+v", j)
		}
	}
}

// FuzzLoad: no input makes the package panic, every problem has a place that
// can be shown, and a set without errors has sound jobs.
func FuzzLoad(f *testing.F) {
	for _, glob := range []string{"testdata/good/*.hcl", "testdata/bad/*.hcl", "testdata/sample.hcl", "testdata/*/*/*.hcl"} {
		paths, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range paths {
			src, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src, []byte("v = 1\n"), "day=2026-01-02")
		}
	}
	f.Fuzz(func(t *testing.T, src, vars []byte, flag string) {
		files := map[string][]byte{
			"a.crossbatch.hcl": src, "b.crossbatch.hcl": []byte(minimal), "a.auto.cbvars": vars, "v.json": vars,
			"features.json": []byte(`{"numeric": ["age"]}`),
		}
		set, diags := jobfile.Parse(files, "/jobs", jobfile.Options{Vars: []string{flag}, VarFiles: []string{"v.json"}, Environ: []string{"CROSSBATCH_VAR_v=" + flag}})
		rendered(t, set, diags)
		jobfile.Problems(diags)
		if diags.HasErrors() {
			return
		}
		checkSound(t, set)
	})
}

// FuzzLoadJSON is FuzzLoad for HCL's JSON syntax.
func FuzzLoadJSON(f *testing.F) {
	for _, glob := range []string{"testdata/*/*.json", "testdata/*/*/*.json"} {
		paths, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range paths {
			src, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		set, diags := jobfile.Parse(map[string][]byte{"a.crossbatch.hcl.json": src}, "/jobs", jobfile.Options{})
		rendered(t, set, diags)
		jobfile.Problems(diags)
		if !diags.HasErrors() {
			checkSound(t, set)
			set.Unbuilt(set.Jobs...)
		}
	})
}
