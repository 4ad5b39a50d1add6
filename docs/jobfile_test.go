package docs

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossbatch/crossbatch/core/jobfile"
)

var update = flag.Bool("update", false, "write jobfile.md anew from the schema in the code")

// The hand-written head of jobfile.md ends with this line.
const generated = "<!-- From here on this page is made from the schema in core/jobfile: go test ./docs -update -->"

// TestJobFilePage holds jobfile.md to the schema that job files are checked with.
func TestJobFilePage(t *testing.T) {
	const page = "jobfile.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), generated)
	if !ok {
		t.Fatalf("%s has no line %s", page, generated)
	}
	want := head + generated + "\n" + reference()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is stale; run: go test ./docs -update\n%s", page, cmp.Diff(want, string(text)))
	}
}

// reference writes every block of the language.
func reference() string {
	var b strings.Builder
	for _, block := range jobfile.Schema().Blocks {
		describe(&b, block, "")
	}
	return b.String()
}

func describe(b *strings.Builder, block jobfile.Block, within string) {
	name := block.Name
	for _, l := range block.Labels {
		name += fmt.Sprintf(" %q", strings.ToUpper(l))
	}
	level := "##"
	if within != "" {
		level = "###"
		name = within + " › " + name
	}
	fmt.Fprintf(b, "\n%s %s\n\n%s%s.\n", level, name, sentence(block.Doc), built(block.State))
	if block.Many {
		b.WriteString("Any number of them.\n")
	}
	if block.Open {
		b.WriteString("Any names.\n")
	}
	table(b, block.Fields)
	for _, v := range block.Variants {
		fmt.Fprintf(b, "\n%s# %s %q\n\n%s%s.\n", level, block.Name, v.Name, sentence(v.Doc), built(v.State))
		table(b, v.Fields)
	}
	for _, c := range block.Blocks {
		describe(b, c, name)
	}
}

func table(b *strings.Builder, fields []jobfile.Field) {
	if len(fields) == 0 {
		return
	}
	b.WriteString("\n| field | type | default | what it is |\n|---|---|---|---|\n")
	for _, f := range fields {
		def := "`" + f.Default + "`"
		switch {
		case f.Required:
			def = "**required**"
		case f.Default == "":
			def = "–"
		}
		doc := f.Doc
		if len(f.Values) > 0 {
			var values []string
			for _, v := range f.Values {
				text := "`" + v.Text + "`"
				if v.State == jobfile.NotYet && f.State != jobfile.NotYet {
					text += " (not yet built)"
				}
				values = append(values, text)
			}
			doc += ": " + strings.Join(values, ", ")
		}
		if f.State == jobfile.DefaultOnly {
			doc += " (not yet built: only the default is taken)"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s%s |\n", f.Name, strings.ReplaceAll(string(f.Type), "|", "\\|"), def, strings.ReplaceAll(doc, "|", "\\|"), built(f.State))
	}
}

func built(s jobfile.State) string {
	if s == jobfile.NotYet {
		return " (not yet built)"
	}
	return ""
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
