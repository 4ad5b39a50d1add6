package jobfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Diagnostics are the problems found in job files, sorted by file and position.
type Diagnostics = hcl.Diagnostics

// note travels in a diagnostic's Extra.
type note struct {
	hint   string
	secret bool // the source line holds a sensitive value: it is not shown
}

func noteOf(d *hcl.Diagnostic) note {
	n, _ := d.Extra.(note)
	return n
}

// problem makes an error. Hint may be empty.
func problem(rng hcl.Range, summary, detail, hint string) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Extra: note{hint: hint}}
	if rng.Filename != "" {
		d.Subject = &rng
	}
	return d
}

// diagKey tells two reports of one problem apart from two problems. The
// instance is no part of it: a fault in a for_each job is one fault.
type diagKey struct {
	file, summary, detail string
	start, end            int
}

func keyOf(d *hcl.Diagnostic) diagKey {
	k := diagKey{summary: d.Summary, detail: d.Detail}
	if d.Subject != nil {
		k.file, k.start, k.end = d.Subject.Filename, d.Subject.Start.Byte, d.Subject.End.Byte
	}
	return k
}

// maxAlike bounds the reports of one problem at one place: an expression can
// fail for each of ten thousand instances.
const maxAlike = 5

// log collects diagnostics, each once.
type log struct {
	seen  map[diagKey]bool
	alike map[diagKey]int // by key without detail
	list  hcl.Diagnostics
}

func (l *log) add(diags ...*hcl.Diagnostic) {
	if l.seen == nil {
		l.seen, l.alike = map[diagKey]bool{}, map[diagKey]int{}
	}
	for _, d := range diags {
		k := keyOf(d)
		if l.seen[k] {
			continue
		}
		l.seen[k] = true
		k.detail = ""
		if l.alike[k]++; d.Subject != nil && l.alike[k] > maxAlike {
			continue
		}
		l.list = append(l.list, withHint(d))
	}
}

// join adds what another log has collected.
func (l *log) join(o *log) {
	l.add(o.list...)
	for k, n := range o.alike {
		if more := n - maxAlike; more > 0 {
			l.alike[k] += more // that are not in the list
		}
	}
}

// sorted returns everything by file and position.
func (l *log) sorted() Diagnostics {
	out := slices.Clone(l.list)
	for i, d := range slices.Backward(out) {
		k := keyOf(d)
		k.detail = ""
		if n := l.alike[k] - maxAlike; d.Subject != nil && n > 0 && !slices.ContainsFunc(out[i+1:], func(o *hcl.Diagnostic) bool {
			other := keyOf(o)
			other.detail = ""
			return other == k
		}) {
			last := *d
			last.Detail += fmt.Sprintf(" There are %d more such errors here.", n)
			out[i] = &last
		}
	}
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int {
		x, y := keyOf(a), keyOf(b)
		return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.start, y.start), cmp.Compare(x.end, y.end),
			cmp.Compare(x.summary, y.summary), cmp.Compare(x.detail, y.detail))
	})
	return out
}

// withHint moves the suggestion that HCL writes into the detail to its own
// place, so that a reader of the JSON form finds all hints there.
func withHint(d *hcl.Diagnostic) *hcl.Diagnostic {
	if _, ours := d.Extra.(note); ours {
		return d
	}
	out := *d
	n := note{}
	if i := strings.Index(out.Detail, " Did you mean "); i >= 0 {
		out.Detail, n.hint = out.Detail[:i], strings.TrimSpace(out.Detail[i:])
	}
	out.Extra = n
	return &out
}

// unknownFunction rewrites HCL's report of an unknown function: its own
// suggestion depends on the order of a map.
func unknownFunction(d *hcl.Diagnostic, names []string) {
	u, ok := d.Extra.(hclsyntax.FunctionCallUnknownDiagExtra)
	if !ok {
		return
	}
	name := u.CalledFunctionNamespace() + u.CalledFunctionName()
	hint := ""
	if n := nearest(name, names); n != "" {
		hint = fmt.Sprintf("Did you mean %s()?", n)
	}
	if name == "timestamp" || name == "plantimestamp" || name == "uuid" {
		hint = "A plan is reproducible, so no function gives another value each time. Pass the value in with --var."
	}
	d.Summary = "Unknown function"
	d.Detail = fmt.Sprintf("There is no function named %q.", name)
	d.Extra = note{hint: hint}
}

// place is a range as text: FILE:LINE.
func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
