package jobfile

import (
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// scopeLines shows the scalar values that the failing expression used, so that
// one expression of a for_each job can be told from another.
func scopeLines(d *hcl.Diagnostic) []string {
	if d.Expression == nil || d.EvalContext == nil {
		return nil
	}
	var out []string
	for _, t := range d.Expression.Variables() {
		v, diags := t.TraverseAbs(d.EvalContext)
		if diags.HasErrors() {
			continue
		}
		if text, ok := scalar(v); ok {
			out = append(out, traversalText(t)+" = "+text)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scalar is a short known value as it would be written, never a sensitive one.
func scalar(v cty.Value) (string, bool) {
	if v.ContainsMarked() || !v.IsKnown() {
		return "", false
	}
	if v.IsNull() {
		return "null", true
	}
	const longest = 80
	switch v.Type() {
	case cty.String:
		s := v.AsString()
		return strconv.Quote(s), len(s) <= longest
	case cty.Number:
		return numberText(v.AsBigFloat()), true
	case cty.Bool:
		return strconv.FormatBool(v.True()), true
	}
	return "", false
}

func traversalText(t hcl.Traversal) string {
	out := t.RootName()
	for _, step := range t[1:] {
		switch s := step.(type) {
		case hcl.TraverseAttr:
			out += "." + s.Name
		case hcl.TraverseIndex:
			if text, ok := scalar(s.Key); ok {
				out += "[" + text + "]"
			}
		}
	}
	return out
}
