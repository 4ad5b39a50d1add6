package jobfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// input reads the input block; the spot is that of its sources.
func (l *loader) input(b *body) (job.Input, spot) {
	var in job.Input
	at := l.sources(b, &in)
	format, _, _ := b.text("format")
	in.Format = job.Format(format)
	in.Partitions, _, _ = b.text("partitions")
	in.Key = key(b)
	in.Empty, _, _ = b.text("empty")
	in.Staging, _, _ = b.text("staging")
	in.CSV = dialect(b)
	in.Tensors = tensors(b)
	partial, s, p := b.boolean("allow_partial")
	if in.AllowPartial = partial; partial && p == given && at.rng != b.at && len(in.From) == 0 {
		s.fail(s.path+" is about the results of other jobs, and source names no job.", "")
	}
	return in, at
}

// sources reads files, folders, globs, URIs and jobs, in their order.
func (l *loader) sources(b *body, in *job.Input) spot {
	v, s, p := b.within(b.sc.reading()).raw("source")
	switch {
	case p != given:
		return s
	case !v.Type().IsListType() && !v.Type().IsTupleType() && !v.Type().IsSetType():
		hint := ""
		if _, one := l.jobAddress(v); one || v.Type().IsPrimitiveType() {
			hint = "Put it in brackets: [...]."
		}
		s.fail(fmt.Sprintf("%s takes a %s, not %s.", s.path, StringsOrJobs, article(v.Type())), hint)
		return s
	case v.LengthInt() == 0:
		s.fail(s.path+" is empty.", "Name at least one file, folder, glob or job.")
	}
	in.Source = []string{}
	for _, e := range v.AsValueSlice() {
		address, one := l.jobAddress(e)
		switch {
		case one && slices.ContainsFunc(in.From, func(r job.JobRead) bool { return r.Job == address }):
			s.fail(fmt.Sprintf("%s names %s twice.", s.path, address), "")
		case one:
			in.From = append(in.From, job.JobRead{Job: address, After: len(in.Source)})
		case e.IsNull():
			s.fail(s.path+" holds a null element.", "")
		case !e.Type().IsPrimitiveType():
			s.fail(fmt.Sprintf("%s takes a %s, and holds %s.", s.path, StringsOrJobs, article(e.Type())), s.severalHint(e))
		default:
			if place, ok := l.sourcePlace(s, e); ok {
				in.Source = append(in.Source, place)
			}
		}
	}
	return s
}

// sourcePlace reads a file, folder, glob or URI.
func (l *loader) sourcePlace(s spot, v cty.Value) (string, bool) {
	v, err := convert.Convert(v, cty.String)
	if err != nil {
		s.fail(s.path+" holds what is no string.", "")
		return "", false
	}
	text := v.AsString()
	place, ok := s.place(text)
	if !ok {
		return "", false
	}
	_, uri := scheme(text)
	if hasGlob(text) && !uri && !filepath.IsAbs(text) && hasGlob(l.dir) {
		s.fail(fmt.Sprintf("The job file's folder %q has a wildcard in its name, so a glob in it would be misread.", l.dir), "Rename the folder, or write absolute paths.")
	}
	if checkGlob(text) != nil {
		s.fail(fmt.Sprintf("%s is not a glob: a bracket or a brace is not closed.", s.quote(text)), "")
	}
	return place, true
}

// key reads the fields that name a record: one, or a list of them.
func key(b *body) []string {
	v, s, p := b.raw("key")
	if p != given {
		return nil
	}
	if v.Type().IsPrimitiveType() {
		text, s, p := b.text("key")
		if p == given && text == "" {
			s.fail("key is an empty name.", "Leave it out to name records by shard and row.")
		}
		return []string{text}
	}
	list, _, p := b.texts("key")
	if p != given {
		return nil
	}
	if len(list) == 0 {
		s.fail("key names no field.", "Leave it out to name records by shard and row.")
	}
	s.names(list, true)
	return list
}

// names reports empty names and, where it matters, repeated ones.
func (s spot) names(list []string, once bool) {
	for i, name := range list {
		if name == "" {
			s.fail(s.path+" holds an empty name.", "")
		} else if once && slices.Contains(list[:i], name) {
			s.fail(fmt.Sprintf("%s names %s twice.", s.path, s.quote(name)), "")
		}
	}
}

// dialect reads the csv block. It may stand beside another format, since a
// variable can choose between them.
func dialect(in *body) job.Dialect {
	b := in.one("csv")
	var d job.Dialect
	d.Header, _, _ = b.boolean("header")
	text, s, p := b.text("delimiter")
	d.Delimiter = text
	if p == given && (len(text) != 1 || text[0] >= 0x80 || strings.ContainsAny(text, "\"\r\n\x00")) {
		s.fail(fmt.Sprintf("%s is not one ASCII character other than a quote or a line end.", s.quote(text)), `Write "," or ";" or "\t".`)
	}
	return d
}
