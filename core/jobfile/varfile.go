package jobfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
)

// varPath is where a variable file lies. A memory source has no current
// folder: there, paths start at the folder of the job files.
func (l *loader) varPath(path string) string {
	if _, ok := l.src.(memory); ok && !filepath.IsAbs(path) {
		return filepath.Join(l.dir, path)
	}
	return absolute(path)
}

// parseVars parses a variable file: HCL, or JSON when its name says so.
func (l *loader) parseVars(path string, src []byte) (hcl.Attributes, bool) {
	if d := invalidText(path, src); d != nil {
		l.add(d)
		return nil, false
	}
	l.files[path] = &hcl.File{Bytes: src}
	file, diags := parseFile(path, src)
	l.addHidden(diags)
	if file == nil || diags.HasErrors() {
		return nil, false
	}
	l.files[path] = file
	attrs, diags := file.Body.JustAttributes()
	l.addHidden(diags)
	return attrs, !diags.HasErrors()
}

// addHidden reports what is wrong with a variable file without its text: which
// of its values are sensitive is not known while it can not be read.
func (l *loader) addHidden(diags hcl.Diagnostics) {
	for _, d := range diags {
		if _, ours := d.Extra.(note); ours {
			l.add(d)
			continue
		}
		hidden := problem(*d.Subject, d.Summary, "A variable file holds lines NAME = VALUE, or one JSON object. What stands here is not shown: it could be sensitive.", "")
		hidden.Extra = note{secret: true}
		l.add(hidden)
	}
}

// shallowJSON refuses JSON that nests too deep for a recursive reader. What is
// wrong with it otherwise is for the reader to say.
func shallowJSON(src []byte) error {
	depth := 0
	for dec := json.NewDecoder(bytes.NewReader(src)); ; {
		t, err := dec.Token()
		if err != nil {
			break
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth > maxDepth {
			return errors.New("it nests too deep")
		}
	}
	return nil
}
