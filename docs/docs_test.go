// Package docs holds the project's pages. Its test proves that they are true
// where a machine can tell.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/crossbatch/crossbatch/core/jobfile"
	"github.com/crossbatch/crossbatch/core/record"
)

// pages are all Markdown files of the project.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../*.md", "*.md", "providers/*.md", "../examples/*/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			b, err := os.ReadFile(n)
			if err != nil {
				t.Fatal(err)
			}
			out[n] = string(b)
		}
	}
	if len(out) < 8 {
		t.Fatalf("found only %d pages", len(out))
	}
	return out
}

// TestJobFilesInDocs validates every hcl block.
func TestJobFilesInDocs(t *testing.T) {
	blocks := 0
	for page, text := range pages(t) {
		for i, m := range regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(text, -1) {
			blocks++
			name := fmt.Sprintf("block%d%s", i, jobfile.Suffix)
			set, diags := jobfile.Parse(map[string][]byte{name: []byte(m[1])}, "/docs", jobfile.Options{})
			if diags.HasErrors() {
				var b strings.Builder
				_ = jobfile.Render(&b, set.Files, diags, 0, false)
				t.Errorf("%s, block %d:\n%s", page, i, b.String())
			}
		}
	}
	if blocks == 0 {
		t.Error("no hcl block was found")
	}
}

// TestLinksInDocs follows every relative link.
func TestLinksInDocs(t *testing.T) {
	for page, text := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}

// TestFailureCodesAreDocumented holds the table of results.md against the code.
func TestFailureCodesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("results.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []record.Code{
		record.Malformed, record.InvalidUTF8, record.TooLong, record.FieldCount, record.MissingField,
		record.MissingKey, record.WrongType, record.OutOfRange, record.WrongShape, record.ModelError,
	} {
		if !strings.Contains(string(b), "| `"+string(c)+"` |") {
			t.Errorf("results.md does not explain the code %s", c)
		}
	}
}

// TestDependenciesHaveReasons holds dependencies.md against go.mod.
func TestDependenciesHaveReasons(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") && !strings.Contains(line, "// indirect") && !strings.Contains(string(page), fields[0]) {
			t.Errorf("dependencies.md has no reason for %s", fields[0])
		}
	}
}
