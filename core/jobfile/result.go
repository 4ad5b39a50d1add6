package jobfile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/crossbatch/crossbatch/core/job"
)

// result reads the output block of a job; the spot is that of its destination.
func (l *loader) result(b *body) (job.Output, spot) {
	var out job.Output
	text, s, p := b.text("destination")
	if p == given {
		out.Destination, _ = s.folderPlace(text)
	}
	format, _, _ := b.text("format")
	out.Format = job.Format(format)
	out.Compression = compression(b, out.Format)
	out.Existing, _, _ = b.text("existing")
	out.Keep = keep(b)
	out.Select = selection(b, out.Format)
	return out, s
}

// compression is what the field says, or the format's default.
func compression(b *body, format job.Format) string {
	text, s, p := b.text("compression")
	switch {
	case p == given && text == job.CompressionSnappy && format != job.Parquet:
		s.fail(fmt.Sprintf("%s can not be snappy for the format %s: it is Parquet's own.", s.path, format), "Write gzip or zstd.")
	case p == absent && format == job.Parquet:
		return job.CompressionZstd
	}
	return text
}

// pairs reads a list of names, or a map from new names; a list names things as
// they are. A map comes sorted by name.
func (b *body) pairs(field string) (names, targets []string, s spot, p presence) {
	v, s, p := b.raw(field)
	if p != given {
		return nil, nil, s, p
	}
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		list, s, p := b.texts(field)
		return list, list, s, p
	}
	m, s, p := b.textMap(field)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		names, targets = append(names, name), append(targets, m[name])
	}
	return names, targets, s, p
}

// keep reads the input fields that are carried along.
func keep(b *body) []job.Rename {
	names, fields, s, p := b.pairs("keep")
	if p != given {
		return nil
	}
	s.names(names, true)
	var out []job.Rename
	for i, name := range names {
		if fields[i] == "" && name != "" {
			s.fail(fmt.Sprintf("%s carries no field.", s.quote(name)), "")
		}
		if reserved(name) {
			s.fail(fmt.Sprintf("A kept field can not be named %s: a result has a column of that name.", s.quote(name)),
				"Rename it with a map: keep = { NAME = FIELD }.")
		}
		out = append(out, job.Rename{Name: name, Field: fields[i]})
	}
	return out
}

// reserved says whether a result may have a column of this name itself.
func reserved(name string) bool {
	if rest, ok := strings.CutPrefix(name, "key_"); ok && digits(rest) {
		return true
	}
	return name == "key" || name == "error" || name == "prediction" || strings.HasPrefix(name, "prediction.")
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// selection reads the model outputs that are published.
func selection(b *body, format job.Format) []job.Selection {
	names, paths, s, p := b.pairs("select")
	if p != given {
		return nil
	}
	if len(names) == 0 {
		s.fail(s.path+" is empty: there would be no prediction.", "Leave it out to publish every output of the model.")
	}
	s.names(names, true)
	var out []job.Selection
	for i, name := range names {
		if paths[i] != "" {
			checkSelect(s, name, paths[i])
		} else if name != "" {
			s.fail(fmt.Sprintf("%s selects nothing.", s.quote(name)), "")
		}
		out = append(out, job.Selection{Name: name, Path: paths[i]})
	}
	if format == job.CSV {
		flatNames(s, names)
	}
	return out
}

// selectSyntax is an output's name with any number of picks.
var selectSyntax = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[^\[\]]+((?:\[(?:[0-9]{1,9}|"(?:[^"\\]|\\.)*")\])*)$`)
})

// checkSelect checks an output's name with its picks.
func checkSelect(s spot, name, path string) {
	m := selectSyntax().FindStringSubmatch(path)
	switch {
	case m == nil:
		s.fail(fmt.Sprintf("%s does not select an output or an element of it.", s.quote(path)), `Write NAME, NAME[0] or NAME["key"].`)
	case name == path && m[1] != "":
		s.fail(fmt.Sprintf("The element %s needs a name of its own.", s.quote(path)), "Write select = { NAME = "+strconv.Quote("OUTPUT"+m[1])+" }.")
	}
}

// flatNames reports outputs that could share a CSV column: a vector v is
// written as v_0, v_1, ...
func flatNames(s spot, names []string) {
	for _, name := range names {
		i := strings.LastIndexByte(name, '_')
		if i > 0 && digits(name[i+1:]) && slices.Contains(names, name[:i]) {
			s.fail(fmt.Sprintf("In CSV, %s can be a column of %s too.", s.quote(name), s.quote(name[:i])), "Give one of them another name.")
		}
	}
}
