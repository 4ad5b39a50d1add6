package jobfile

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// resolveOutputs evaluates the output blocks, after the jobs.
func (l *loader) resolveOutputs() []Output {
	sc := declared()
	sc.roots = append(sc.roots, rootJob)
	var out []Output
	for _, name := range l.order.outputs {
		b := l.outputs[name].within(sc)
		if a, ok := b.attrs["value"]; ok {
			if o, ok := l.output(name, a, sc); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

func (l *loader) output(name string, a *hcl.Attribute, sc scope) (Output, bool) {
	v := l.eval(a.Expr, sc)
	secret := v.ContainsMarked()
	v, _ = v.UnmarkDeep()
	if !v.IsWhollyKnown() {
		l.poisoned = true
		return Output{}, false
	}
	if holdsProvider(v.Type()) {
		l.add(problem(a.Expr.Range(), "Invalid output "+name, "A provider is no value that can be shown.", ""))
		return Output{}, false
	}
	text, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		l.add(problem(a.Expr.Range(), "Invalid output "+name, fmt.Sprintf("The value has no JSON form: %s.", err), ""))
		return Output{}, false
	}
	return Output{Name: name, Value: text, Sensitive: secret}, true
}

// holdsProvider finds opaque values: they have no text form.
func holdsProvider(t cty.Type) bool {
	switch {
	case t.IsCapsuleType():
		return true
	case t.IsCollectionType():
		return holdsProvider(t.ElementType())
	case t.IsTupleType():
		for _, e := range t.TupleElementTypes() {
			if holdsProvider(e) {
				return true
			}
		}
	case t.IsObjectType():
		for _, e := range t.AttributeTypes() {
			if holdsProvider(e) {
				return true
			}
		}
	}
	return false
}
