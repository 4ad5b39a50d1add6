package jobfile

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// mark is the type of what cty values are marked with.
type mark string

// sensitive marks what came from a sensitive variable; cty carries it along.
const sensitive mark = "sensitive"

// scope is what an expression may refer to.
type scope struct {
	roots []string
	reads bool      // jobs are meant as what is read or waited for, not by their values
	each  cty.Value // an object of key and value, or NilVal outside for_each
	count cty.Value // an object of index, or NilVal outside count
}

// The roots of references.
const (
	rootVar      = "var"
	rootLocal    = "local"
	rootModel    = "model"
	rootProvider = "provider"
	rootJob      = "job"
	rootEach     = "each"
	rootCount    = "count"
)

func declared() scope { return scope{roots: []string{rootVar, rootLocal, rootModel, rootProvider}} }

// eval computes an expression. The result is unknown where an error, which is
// reported, stands behind it; so nothing is reported twice.
func (l *loader) eval(expr hcl.Expression, sc scope) cty.Value {
	ctx, ok := l.context(expr, sc)
	if !ok {
		return cty.DynamicVal
	}
	v, diags := expr.Value(ctx)
	for _, d := range diags {
		unknownFunction(d, keysOf(l.functions))
		if secretIn(ctx) {
			// A message of a function may quote what it was given.
			d = problem(*d.Subject, d.Summary, "The reason is not shown, because the expression uses a sensitive value.", "")
		}
		l.add(d)
	}
	if diags.HasErrors() {
		return cty.DynamicVal
	}
	return v
}

func secretIn(ctx *hcl.EvalContext) bool {
	for _, v := range ctx.Variables {
		if v.ContainsMarked() {
			return true
		}
	}
	return false
}

// context holds exactly what expr refers to, resolved on the way.
func (l *loader) context(expr hcl.Expression, sc scope) (*hcl.EvalContext, bool) {
	variables := expr.Variables()
	if len(variables) == 0 {
		return &l.plain, true
	}
	found := map[string]map[string]cty.Value{}
	ctx := &hcl.EvalContext{Functions: l.functions, Variables: map[string]cty.Value{}}
	good := true
	for _, t := range variables {
		r := reference{t}
		if d := l.refuse(r, sc); d != nil {
			l.add(d)
			good = false
			continue
		}
		root := t.RootName()
		switch root {
		case rootEach:
			ctx.Variables[root] = sc.each
			continue
		case rootCount:
			ctx.Variables[root] = sc.count
			continue
		}
		if found[root] == nil {
			found[root] = map[string]cty.Value{}
		}
		l.collect(found[root], r, sc)
	}
	for root, values := range found {
		ctx.Variables[root] = l.object(root, values)
	}
	return ctx, good
}

// object is the value of a root. The one of a single name is kept: most
// expressions refer to few things, and many to the same.
func (l *loader) object(root string, values map[string]cty.Value) cty.Value {
	if len(values) > 1 || root == rootJob {
		return cty.ObjectVal(values)
	}
	for name := range values {
		key := root + "." + name
		v, ok := l.single[key]
		if !ok {
			v = cty.ObjectVal(values)
			l.single[key] = v
		}
		return v
	}
	return cty.EmptyObjectVal
}

// collect adds the value that r refers to; r is known to exist.
func (l *loader) collect(into map[string]cty.Value, r reference, sc scope) {
	name, _ := r.name(1)
	if _, there := into[name]; there && r.RootName() != rootProvider {
		return
	}
	switch r.RootName() {
	case rootVar:
		into[name] = l.variables[name].value
	case rootLocal:
		into[name] = l.local(name)
	case rootModel:
		into[name] = l.model(name)
	case rootJob:
		into[name] = l.jobs[name].value
		if sc.reads {
			into[name] = l.jobRef(l.jobs[name])
		}
	case rootProvider:
		into[name] = l.providerKind(name)
	}
}

// reference is an absolute traversal, such as var.day or provider.local.here.
type reference struct{ hcl.Traversal }

// name is step i when it names something: .NAME or ["NAME"].
func (r reference) name(i int) (string, bool) {
	if i >= len(r.Traversal) {
		return "", false
	}
	switch s := r.Traversal[i].(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// reading is a scope in which jobs can be named as what is read or waited for.
func (s scope) reading() scope {
	s.roots, s.reads = append(slices.Clone(s.roots), rootJob), true
	return s
}

// allows says whether a scope knows a root.
func (s scope) allows(root string) bool {
	switch root {
	case rootEach:
		return s.each != cty.NilVal
	case rootCount:
		return s.count != cty.NilVal
	}
	return slices.Contains(s.roots, root)
}
