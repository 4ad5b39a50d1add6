package jobfile

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossbatch/crossbatch/core/job"
)

// input reads the input block; the spot is that of its sources.
func (l *loader) input(b *body) (job.Input, spot) {
	var in job.Input
	var at spot
	in.Source, at = l.sources(b)
	format, _, _ := b.text("format")
	in.Format = job.Format(format)
	in.Key = key(b)
	in.Empty, _, _ = b.text("empty")
	in.Staging, _, _ = b.text("staging")
	in.CSV = dialect(b, in.Format)
	in.Tensors = tensors(b)
	return in, at
}

func (l *loader) sources(b *body) ([]string, spot) {
	list, s, p := b.texts("source")
	if p != given {
		return nil, s
	}
	if len(list) == 0 {
		s.fail(s.path+" is empty.", "Name at least one file, folder or glob.")
	}
	var out []string
	for _, text := range list {
		path, ok := s.localPath(text)
		if !ok {
			continue
		}
		if hasGlob(text) && !filepath.IsAbs(text) && hasGlob(l.dir) {
			s.fail(fmt.Sprintf("The job file's folder %q has a wildcard in its name, so a glob in it would be misread.", l.dir), "Rename the folder, or write absolute paths.")
		}
		if checkGlob(text) != nil {
			s.fail(fmt.Sprintf("%s is not a glob: a bracket or a brace is not closed.", s.quote(text)), "")
		}
		for _, suffix := range []string{".parquet", ".gz", ".zst"} {
			if strings.HasSuffix(strings.ToLower(path), suffix) {
				s.notYet(s.path + " ending in " + suffix)
			}
		}
		out = append(out, path)
	}
	return out, s
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

// dialect reads the csv block.
func dialect(in *body, format job.Format) job.Dialect {
	b := in.one("csv")
	if in.has("csv") && format != "" && format != job.CSV {
		in.l.add(problem(b.at, "A csv block for "+string(format), "The csv block is only for input in the format csv.", ""))
	}
	var d job.Dialect
	d.Header, _, _ = b.boolean("header")
	text, s, p := b.text("delimiter")
	d.Delimiter = text
	if p == given && (len(text) != 1 || text[0] >= 0x80 || strings.ContainsAny(text, "\"\r\n\x00")) {
		s.fail(fmt.Sprintf("%s is not one ASCII character other than a quote or a line end.", s.quote(text)), `Write "," or ";" or "\t".`)
	}
	return d
}
