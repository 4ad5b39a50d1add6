package jobfile

import (
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// later keeps, by subject, what this version can read and not run. A subject is
// the address of a job, one with a slash and an override's provider, model.NAME, provider.KIND.ALIAS, or empty for the
// settings of the whole set.
type later struct {
	subject string
	found   map[string][]*hcl.Diagnostic
}

// about makes subject what is being read, until the function that it returns is
// called.
func (l *later) about(subject string) func() {
	before := l.subject
	l.subject = subject
	return func() { l.subject = before }
}

func (l *later) notYet(rng hcl.Range, what string) {
	if l.found == nil {
		l.found = map[string][]*hcl.Diagnostic{}
	}
	d := notYet(rng, what)
	if !slices.ContainsFunc(l.found[l.subject], func(o *hcl.Diagnostic) bool { return keyOf(o) == keyOf(d) }) {
		l.found[l.subject] = append(l.found[l.subject], d)
	}
}

// notYet makes the error for what the language knows and this version can not
// run.
func notYet(rng hcl.Range, what string) *hcl.Diagnostic {
	return problem(rng, "Not built yet: "+what,
		fmt.Sprintf("Known, but not yet built in this version of crossbatch: %s.", what), "")
}

func (s spot) notYet(what string) {
	s.l.notYet(s.rng, what)
}

// checkState notes a field that is set to what can not be run yet.
func checkState(f Field, s spot, v cty.Value) {
	text := ""
	if v.Type().IsPrimitiveType() {
		if t, err := convert.Convert(v, cty.String); err == nil {
			text = t.AsString()
		}
	}
	shown := s.bare(text)
	if f.Type == String {
		shown = s.quote(text)
	}
	switch {
	case f.Default != "" && text == f.Default:
	case f.State == NotYet:
		s.notYet(s.path)
	case f.State == DefaultOnly, slices.Contains(f.Values, Value{Text: text, State: NotYet}):
		s.notYet(fmt.Sprintf("%s = %s", s.path, shown))
	}
}

// Unbuilt says what of some jobs this version can not run, where it stands in
// the files, and by name. Their placement may have been changed since they were
// loaded.
func (s *Set) Unbuilt(jobs ...job.Job) Diagnostics {
	var out log
	out.add(s.later[""]...)
	for _, j := range jobs {
		out.add(s.later[j.Address]...)
		out.add(s.later["model."+j.Model.Name]...)
		for _, ref := range j.Placement.Providers {
			for _, name := range []string{ref.Kind, ref.String()} {
				out.add(s.later[j.Address+"/"+name]...) // of the overrides that are merged there
			}
			out.add(s.unbuiltPlace(j, ref)...)
		}
		if len(j.Placement.Providers) > 1 && j.Placement.Strategy == job.StrategyCheapest {
			out.add(notYet(s.ranges[j.Address], "the cheapest of several providers (placement.strategy)"))
		}
	}
	return out.sorted()
}

func (s *Set) unbuiltPlace(j job.Job, ref job.ProviderRef) []*hcl.Diagnostic {
	kind, _ := providerBlock().variant(ref.Kind)
	if kind.State != NotYet {
		return s.later["provider."+ref.String()]
	}
	at := s.ranges[j.Address]
	for _, p := range s.Providers {
		if p.Ref() == ref {
			at = p.Range
		}
	}
	return []*hcl.Diagnostic{notYet(at, fmt.Sprintf("%s (provider.%s)", kind.Doc, ref))}
}
