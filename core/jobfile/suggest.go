package jobfile

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Names come from users: long ones are no typing errors, and many candidates
// cost more than a hint is worth.
const (
	maxSuggestName  = 64
	maxSuggestNames = 2000
)

// nearest is the candidate that name was most likely meant to be, or "".
func nearest(name string, candidates []string) string {
	if len(name) > maxSuggestName || len(candidates) > maxSuggestNames {
		return ""
	}
	sorted := slices.Sorted(slices.Values(candidates))
	best, limit := "", max(2, len(name)/3)
	for _, c := range sorted {
		if len(c) > maxSuggestName {
			continue
		}
		d := levenshtein.Distance(name, c, nil)
		better := d < limit || best == "" || commonStart(name, c) > commonStart(name, best)
		if d <= limit && d < len(c) && better {
			best, limit = c, d
		}
	}
	if best != "" || len(name) < 3 {
		return best
	}
	for _, c := range sorted {
		if strings.HasPrefix(c, name) {
			return c
		}
	}
	return ""
}

// commonStart counts the bytes that two names begin with alike: who misspells a
// name mostly gets its start right.
func commonStart(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// didYouMean is a hint: the nearest name, else the names there are.
func didYouMean(name string, candidates []string, format func(string) string) string {
	if n := nearest(name, candidates); n != "" {
		return "Did you mean " + format(n) + "?"
	}
	if len(candidates) == 0 || len(candidates) > 12 {
		return ""
	}
	all := slices.Sorted(slices.Values(candidates))
	for i, c := range all {
		all[i] = format(c)
	}
	return "Known here: " + listed(all) + "."
}

// listed joins names as a sentence does.
func listed(names []string) string {
	switch n := len(names); n {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

// eitherOf joins alternatives as a sentence does.
func eitherOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// prefixed returns a function that puts a prefix before a name.
func prefixed(prefix string) func(string) string {
	return func(name string) string { return prefix + name }
}
