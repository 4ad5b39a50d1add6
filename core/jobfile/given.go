package jobfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// envPrefix starts the environment variables that set variables.
const envPrefix = "CROSSBATCH_VAR_"

// givenValue is a value from outside the job files: a text, or an expression
// in a variable file.
type givenValue struct {
	text string
	expr hcl.Expression
	from string
	rng  hcl.Range // in a variable file; else of the variable block
}

// givenValues collects the values from outside, the lowest precedence first.
func (l *loader) givenValues(autos []string) map[string]givenValue {
	out := map[string]givenValue{}
	for _, name := range l.order.variables {
		if text, ok := l.env[envPrefix+name]; ok {
			out[name] = givenValue{text: text, from: envPrefix + name, rng: l.variables[name].body.at}
		}
	}
	for _, path := range append(slices.Clone(autos), l.opts.VarFiles...) {
		l.readVarFile(path, out)
	}
	for _, kv := range l.opts.Vars {
		name, text, ok := strings.Cut(kv, "=")
		name = strings.TrimSpace(name)
		switch v := l.variables[name]; {
		case !ok:
			// The text can be a value whose name was forgotten, so it is not shown.
			l.add(problem(hcl.Range{}, "Invalid --var", "A --var has no =.", "Write --var NAME=VALUE."))
		case v == nil:
			l.add(problem(hcl.Range{}, "Unknown variable", fmt.Sprintf("--var sets %q, which no variable block declares.", name),
				didYouMean(name, keysOf(l.variables), func(n string) string { return n })))
		default:
			out[name] = givenValue{text: text, from: "--var", rng: v.body.at}
		}
	}
	return out
}

// readVarFile adds the values of one file. A name that no variable block
// declares is a warning: a file can serve several folders.
func (l *loader) readVarFile(path string, into map[string]givenValue) {
	src, err := l.src.read(l.varPath(path))
	if err != nil {
		l.add(unreadable(path, err))
		return
	}
	attrs, ok := l.parseVars(path, src)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		a := attrs[name]
		v := l.variables[name]
		if v == nil {
			d := problem(a.NameRange, "Unknown variable", fmt.Sprintf("No variable block declares %q.", name),
				didYouMean(name, keysOf(l.variables), func(n string) string { return n }))
			d.Severity = hcl.DiagWarning
			d.Extra = note{hint: noteOf(d).hint, secret: true}
			l.add(d)
			continue
		}
		into[name] = givenValue{expr: a.Expr, from: path, rng: a.NameRange}
	}
}

// valueOf evaluates a value from outside. The kind of the variable decides how
// a text is read: strings as they stand, numbers and bools as text, the rest
// as an HCL expression.
func (l *loader) valueOf(v *variable, g givenValue) cty.Value {
	if g.expr != nil {
		value, diags := g.expr.Value(nil)
		if !diags.HasErrors() {
			return value
		}
		for _, d := range diags {
			if v.sensitive {
				d = problem(g.rng, "Invalid value for variable "+v.name, "The value is sensitive, so the reason is not shown.", "")
				d.Extra = note{secret: true}
			}
			l.add(d)
		}
		return cty.DynamicVal
	}
	text := cty.StringVal(strings.ToValidUTF8(g.text, "\uFFFD"))
	if v.typ == cty.String || v.typ == cty.DynamicPseudoType && !v.typed {
		return text
	}
	if v.typ.IsPrimitiveType() {
		if value, err := convert.Convert(text, v.typ); err == nil {
			return value
		}
	}
	if value, ok := expression(g.text); ok {
		return value
	}
	if v.typ.IsPrimitiveType() {
		return text // the conversion says what is wrong with it
	}
	l.add(problem(g.rng, "Invalid value for variable "+v.name, fmt.Sprintf("The value that %s gives is no HCL expression.", g.from),
		`Write lists, maps and text inside them as in a job file, like --var 'names=["a", "b"]'.`))
	return cty.DynamicVal
}

// expression evaluates an HCL expression that refers to nothing.
func expression(text string) (cty.Value, bool) {
	src := []byte(text)
	if tooDeep("", src) != nil {
		return cty.NilVal, false
	}
	expr, diags := hclsyntax.ParseExpression(src, "", hcl.InitialPos)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	value, diags := expr.Value(nil)
	return value, !diags.HasErrors() && value.IsWhollyKnown()
}
