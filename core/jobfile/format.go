package jobfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format writes HCL in its canonical layout: indents of two spaces, equal signs
// of neighbours in one column. What the file means does not change. A file with a
// syntax error is left to its author: diagnostics, and no text.
func Format(name string, src []byte) ([]byte, *hcl.File, Diagnostics) {
	l := loader{}
	for _, check := range []func(string, []byte) *hcl.Diagnostic{invalidText, tooDeep} {
		if d := check(name, src); d != nil { // the parser goes as deep as a file does
			l.add(d)
			return nil, &hcl.File{Bytes: src}, l.sorted()
		}
	}
	f, found := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	if strings.HasSuffix(name, ".cbvars") { // of --var-file, too
		l.addHidden(found)
	} else {
		l.add(found...)
	}
	if l.failed() {
		return nil, f, l.sorted()
	}
	return hclwrite.Format(src), f, nil
}

// Formattable lists the files at a path that Format is for: the file itself, or
// the job files and variable files of a folder, by name. Files in HCL's JSON
// syntax are none.
func Formattable(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if strings.HasSuffix(path, ".json") {
			return nil, fmt.Errorf("%s is JSON, which has no canonical HCL layout", path)
		}
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || strings.HasPrefix(name, ".") || !strings.HasSuffix(name, Suffix) && !strings.HasSuffix(name, varsSuffix) {
			continue
		}
		out = append(out, filepath.Join(path, name))
	}
	slices.Sort(out)
	return out, nil
}
