package jobfile

import (
	"fmt"
	"slices"

	"github.com/crossbatch/crossbatch/core/job"
	"github.com/hashicorp/hcl/v2"
)

// refuse says what is wrong with a reference before it is evaluated, since
// HCL's own message knows neither the scope nor the nearest name.
func (l *loader) refuse(r reference, sc scope) *hcl.Diagnostic {
	root := r.RootName()
	roots := []string{rootVar, rootLocal, rootModel, rootProvider, rootJob, rootEach, rootCount}
	if !slices.Contains(roots, root) {
		return l.unknownRoot(r, roots)
	}
	if !sc.allows(root) {
		return l.outOfScope(r, sc)
	}
	if root == rootEach || root == rootCount {
		return nil
	}
	name, ok := r.name(1)
	if !ok {
		return problem(r.SourceRange(), "Incomplete reference", fmt.Sprintf("%s alone has no value.", root),
			fmt.Sprintf("Name one: %s.", example(root)))
	}
	known, names := l.names(root)
	if root == rootProvider {
		return l.refuseProvider(r, name)
	}
	if !known(name) {
		return problem(r.SourceRange(), "Unknown "+what(root), fmt.Sprintf("There is no %s %q.", what(root), name),
			didYouMean(name, names(), prefixed(root+".")))
	}
	if d := l.refuseInstance(r, root, name); d != nil {
		return d
	}
	if root == rootJob && sc.reads && r.takesApart() {
		return problem(r.SourceRange(), "A job is named whole here",
			"Its result is known only once it has run, so the job itself is named, and nothing of it.", "Write job."+name+", without what follows.")
	}
	return nil
}

// refuseInstance reports job.NAME["KEY"] or model.NAME[0] where there is none.
func (l *loader) refuseInstance(r reference, root, name string) *hcl.Diagnostic {
	if len(r.Traversal) < 3 || root != rootJob && root != rootModel {
		return nil
	}
	step, ok := r.Traversal[2].(hcl.TraverseIndex)
	if !ok || !step.Key.IsKnown() || step.Key.IsNull() || !step.Key.Type().IsPrimitiveType() {
		return nil
	}
	var set *instances
	if root == rootModel {
		l.model(name)
		set = l.models[name].set
	} else if all, ok := l.jobInstances(l.jobs[name]); ok {
		set = &all
	}
	if set == nil {
		return nil // its own error is reported
	}
	suffix := "[" + quoted(step.Key) + "]"
	if slices.ContainsFunc(set.list, func(in instance) bool { return in.suffix == suffix }) {
		return nil
	}
	all := make([]string, len(set.list))
	for i, in := range set.list {
		all[i] = root + "." + name + in.suffix
	}
	return problem(r.SourceRange(), "Unknown "+root, fmt.Sprintf("There is no %s.%s%s.", root, name, suffix),
		didYouMean(root+"."+name+suffix, all, func(n string) string { return n }))
}

// takesApart says whether a reference to a job goes on to one of its parts.
func (r reference) takesApart() bool {
	for _, step := range r.Traversal[2:] {
		if a, ok := step.(hcl.TraverseAttr); ok && (a.Name == "output" || a.Name == "input") {
			return true
		}
	}
	return false
}

func (l *loader) unknownRoot(r reference, roots []string) *hcl.Diagnostic {
	root := r.RootName()
	hint := ""
	if n := nearest(root, roots); n != "" {
		hint = fmt.Sprintf("Did you mean %s?", n)
	} else if len(r.Traversal) == 1 {
		hint = fmt.Sprintf("Text stands in quotes: %q.", root)
	}
	return problem(r.SourceRange(), "Unknown reference", fmt.Sprintf("%q is nothing that an expression can refer to.", root), hint)
}

func (l *loader) outOfScope(r reference, sc scope) *hcl.Diagnostic {
	root := r.RootName()
	switch {
	case root == rootEach:
		return problem(r.SourceRange(), "each is not known here", "each is known only inside a job or model that has for_each.", "")
	case root == rootCount:
		return problem(r.SourceRange(), "count is not known here", "count is known only inside a job or model that has count.", "")
	case root == rootJob && len(sc.roots) > 0:
		return problem(r.SourceRange(), "Reference out of scope", "job can not be used here.",
			"A job is named in input.source, to read its result, in depends_on, to wait for it, and in output blocks.")
	case len(sc.roots) == 0:
		return problem(r.SourceRange(), "No references here", "This value is needed before anything else is known, so it can not refer to "+root+".", "")
	}
	return problem(r.SourceRange(), "Reference out of scope", fmt.Sprintf("%s can not be used here.", root),
		fmt.Sprintf("Here may stand %s.", listed(sc.roots)))
}

// names are what a root offers: a test for one name, and all of them.
func (l *loader) names(root string) (known func(string) bool, all func() []string) {
	switch root {
	case rootVar:
		return lookup(l.variables)
	case rootLocal:
		return lookup(l.locals)
	case rootModel:
		return lookup(l.models)
	default:
		return lookup(l.jobs)
	}
}

func lookup[V any](m map[string]V) (known func(string) bool, all func() []string) {
	return func(name string) bool { _, ok := m[name]; return ok }, func() []string { return keysOf(m) }
}

func (l *loader) refuseProvider(r reference, kind string) *hcl.Diagnostic {
	alias, ok := r.name(2)
	if !ok {
		return problem(r.SourceRange(), "Incomplete reference", "A provider is named by its kind and its alias.", "Write "+example(rootProvider)+".")
	}
	ref := job.ProviderRef{Kind: kind, Alias: alias}
	if _, ok := l.providers[ref]; ok {
		return nil
	}
	var all []string
	for k := range l.providers {
		all = append(all, k.String())
	}
	hint := didYouMean(ref.String(), all, prefixed("provider."))
	if len(all) == 0 {
		hint = fmt.Sprintf("Add: provider %q %q { }", kind, alias)
	}
	return problem(r.SourceRange(), "Unknown provider", fmt.Sprintf("There is no provider %q %q.", kind, alias), hint)
}

func what(root string) string {
	if root == rootVar {
		return "variable"
	}
	return root
}

func example(root string) string {
	if root == rootProvider {
		return "provider.KIND.ALIAS"
	}
	return root + ".NAME"
}
