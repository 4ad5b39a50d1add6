package jobfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

func TestFormat(t *testing.T) {
	got, _, diags := jobfile.Format("a"+jobfile.Suffix, []byte("job \"a\" {\nmodel=model.m # why\n  input {\n source = [ \"x\" ]\n   key=\"id\"\n}\n\n}\n"))
	want := "job \"a\" {\n  model = model.m # why\n  input {\n    source = [\"x\"]\n    key    = \"id\"\n  }\n\n}\n"
	if len(diags) > 0 || string(got) != want {
		t.Errorf("%v\n%s", diags, cmp.Diff(want, string(got)))
	}
	if got, _, diags := jobfile.Format("a", []byte("job {")); got != nil || !diags.HasErrors() {
		t.Errorf("a file with a syntax error became %q, %v", got, diags)
	}
}

func TestFormattable(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b" + jobfile.Suffix, "a" + jobfile.Suffix, "x.auto.cbvars", "c" + jobfile.JSONSuffix, "other.hcl", ".hidden" + jobfile.Suffix} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := jobfile.Formattable(dir)
	want := []string{filepath.Join(dir, "a"+jobfile.Suffix), filepath.Join(dir, "b"+jobfile.Suffix), filepath.Join(dir, "x.auto.cbvars")}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := jobfile.Formattable(filepath.Join(dir, "c"+jobfile.JSONSuffix)); err == nil {
		t.Error("JSON is taken for HCL")
	}
	if _, err := jobfile.Formattable(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there is formatted")
	}
}

// TestFormatRefuses: what is too deep for the parser, and what no one may see.
func TestFormatRefuses(t *testing.T) {
	if _, _, diags := jobfile.Format("a"+jobfile.Suffix, []byte("a = "+strings.Repeat("[", 1e6))); !diags.HasErrors() {
		t.Error("a file of a million brackets is formatted")
	}
	if _, _, diags := jobfile.Format("a"+jobfile.Suffix, []byte("a = \"\xff\"\n")); !diags.HasErrors() {
		t.Error("a file that is not UTF-8 is formatted")
	}
	const name = "a.auto.cbvars"
	_, parsed, diags := jobfile.Format(name, []byte("token = \"hunter2\n"))
	var b strings.Builder
	if err := jobfile.Render(&b, map[string]*hcl.File{name: parsed}, diags, 0, false); err != nil || !diags.HasErrors() {
		t.Fatal(err, diags)
	}
	if strings.Contains(b.String(), "hunter2") {
		t.Errorf("a value of a variable file is shown:\n%s", b.String())
	}
}

// tokens are what a text means to the parser: all of it but the spaces between.
func tokens(src []byte) string {
	var b strings.Builder
	found, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	for _, t := range found {
		fmt.Fprintf(&b, "%s %q\n", t.Type, t.Bytes)
	}
	return b.String()
}

// FuzzFormat: formatting twice is formatting once, and the parser gets the same
// from what is written.
func FuzzFormat(f *testing.F) {
	for _, glob := range []string{"testdata/good/*.hcl", "testdata/bad/*.hcl", "testdata/sample.hcl"} {
		names, err := filepath.Glob(glob)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		once, _, diags := jobfile.Format("f"+jobfile.Suffix, src)
		if diags.HasErrors() {
			return
		}
		twice, _, diags := jobfile.Format("f"+jobfile.Suffix, once)
		if diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("formatted again it is\n%q\nbefore it was\n%q\n%v", twice, once, diags)
		}
		if d := cmp.Diff(tokens(src), tokens(once)); d != "" {
			t.Fatalf("%q means something else than %q\n%s", once, src, d)
		}
	})
}
