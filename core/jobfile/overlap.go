package jobfile

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// checkPlaces reports jobs that would write into each other's results, or read
// their own.
func (l *loader) checkPlaces() {
	owners := map[string]*resolved{}
	for _, r := range l.resolved {
		dest := ordered(r.job.Output.Destination)
		if dest == "" {
			continue
		}
		if first := owners[dest]; first != nil {
			l.clash(r, first, "the same destination as")
		} else {
			owners[dest] = r
		}
		l.checkOwnSource(r)
	}
	for _, r := range l.resolved {
		for up := parent(ordered(r.job.Output.Destination)); up != ""; up = parent(up) {
			if outer := owners[up]; outer != nil {
				l.clash(r, outer, "a destination inside that of")
			}
		}
	}
}

func (l *loader) clash(r, other *resolved, how string) {
	detail := fmt.Sprintf("%s has %s %s (%s).", r.job.Address, how, other.job.Address, place(other.destination.rng))
	hint := "Give each job a folder of its own."
	if r.decl == other.decl {
		hint = "Use each.key or count.index in the destination."
	}
	d := problem(r.destination.rng, "Destinations overlap", detail, hint)
	d.Extra = note{hint: hint, secret: r.destination.secret}
	l.add(d)
}

// parent is the folder around a folder; both end in a slash.
func parent(folder string) string {
	i := strings.LastIndexByte(strings.TrimSuffix(folder, "/"), '/')
	return folder[:i+1]
}

func (l *loader) checkOwnSource(r *resolved) {
	for _, src := range r.job.Input.Source {
		if !overlaps(ordered(src), ordered(r.job.Output.Destination)) {
			continue
		}
		r.source.fail(fmt.Sprintf("%s reads its own destination: the source %s and the destination %s overlap.",
			r.job.Address, r.source.quote(src), r.destination.quote(r.job.Output.Destination)), "Let it write beside its input, not into it.")
	}
}

// overlaps says whether a source can name an object below a destination. A
// source without wildcards can be a folder; a glob names objects only. Where a
// pattern can cross folders, it is taken to overlap.
func overlaps(source, destination string) bool {
	folder := strings.TrimSuffix(source, "/") + "/"
	if strings.HasPrefix(folder, destination) || strings.HasPrefix(destination, folder) {
		return true
	}
	if !hasGlob(source) {
		return false
	}
	pattern := globParts(source)
	folders := strings.Split(strings.TrimSuffix(destination, "/"), "/")
	for i, name := range folders {
		switch {
		case i >= len(pattern):
			return false
		case pattern[i] == "**" || strings.Contains(pattern[i], "/"):
			return true
		case !doublestar.MatchUnvalidated(pattern[i], name):
			return false
		}
	}
	return len(pattern) > len(folders)
}

// globParts splits a pattern at its slashes; braces with a slash stay whole.
func globParts(pattern string) []string {
	var out []string
	depth, start := 0, 0
	for i := range len(pattern) {
		switch pattern[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				out = append(out, pattern[start:i])
				start = i + 1
			}
		}
	}
	return append(out, pattern[start:])
}
