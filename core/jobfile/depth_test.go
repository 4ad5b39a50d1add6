package jobfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzDepth: whatever nests too deep is refused, though small files are not
// always lexed to find that out.
func FuzzDepth(f *testing.F) {
	for _, s := range []string{
		"a = " + strings.Repeat("[", 110) + strings.Repeat("]", 110) + "\n",
		"a = " + strings.Repeat("(", 99) + "1" + strings.Repeat(")", 99) + "\n",
		"a = " + strings.Repeat(`"${`, 60) + "1" + strings.Repeat(`}"`, 60) + "\n",
		"a = " + strings.Repeat(`"%{if true}${`, 40) + "1" + strings.Repeat(`}%{endif}"`, 40) + "\n",
		strings.Repeat("a {\n", 105) + strings.Repeat("}\n", 105),
		"a = " + strings.Repeat("{ a = ", 101) + "1" + strings.Repeat(" }", 101) + "\n",
		"a = " + strings.Repeat("f(", 101) + strings.Repeat(")", 101) + "\n",
		"a = " + strings.Repeat("x[", 101) + "0" + strings.Repeat("]", 101) + "\n",
		"a = " + strings.Repeat("[for k in ", 101) + "x" + strings.Repeat(": k]", 101) + "\n",
		"a = " + strings.Repeat("(-", 101) + "1" + strings.Repeat(")", 101) + "\n",
		"a = 1e99999\n", "a = [1E+0010000]\n", "a = <<E\n" + strings.Repeat("${[", 60) + strings.Repeat("]}", 60) + "\nE\n",
		"a = 1" + strings.Repeat("+1", 5001) + "\n",
	} {
		f.Add([]byte(s))
	}
	paths, err := filepath.Glob("testdata/*/*.hcl")
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
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > smallFile {
			return
		}
		_, diags := parseNative("a", src)
		want := tooDeep("a", src)
		if want == nil || want.Summary == "Expression too long" && !diags.HasErrors() {
			return // what is long and not deep is harmless here
		}
		if !diags.HasErrors() {
			t.Errorf("passed, and tooDeep says: %s", want.Summary)
		}
	})
}
