package jobfile

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is one variable block.
type variable struct {
	name      string
	body      *body
	typ       cty.Type
	typed     bool // the block gives a type
	defaults  *typeexpr.Defaults
	sensitive bool
	value     cty.Value // unknown after an error
}

func (l *loader) declareVariable(b *body) {
	name, ok := l.label(b, 0, "variable")
	if !ok {
		return
	}
	if first := l.variables[name]; first != nil {
		l.twice(b.at, fmt.Sprintf("variable %q", name), first.body.at)
		return
	}
	v := &variable{name: name, body: b, typ: cty.DynamicPseudoType, value: cty.DynamicVal}
	l.variables[name] = v
	l.order.variables = append(l.order.variables, name)
	v.sensitive, _, _ = b.boolean("sensitive")
	b.text("description") // nothing here shows it, but it must be a string
	if a, ok := b.attrs["type"]; ok {
		typ, defaults, diags := typeexpr.TypeConstraintWithDefaults(a.Expr)
		l.add(diags...)
		if !diags.HasErrors() {
			v.typ, v.defaults, v.typed = typ, defaults, true
		}
	}
}

// setVariables gives every variable its value and checks it.
func (l *loader) setVariables(autos []string) {
	outside := l.givenValues(autos)
	for _, name := range l.order.variables {
		v := l.variables[name]
		value, at := l.chosen(v, outside)
		if value.IsWhollyKnown() {
			value = l.converted(v, value, at)
		}
		if v.sensitive {
			value = value.Mark(sensitive)
		}
		v.value = value
	}
	for _, name := range l.order.variables {
		l.validate(l.variables[name])
	}
}

// origin is where a value is from, for messages.
type origin struct {
	text string // like --var, or a file's name
	rng  hcl.Range
}

// chosen is the value of the highest precedence, not yet converted.
func (l *loader) chosen(v *variable, outside map[string]givenValue) (cty.Value, origin) {
	fallback, s, p := v.body.raw("default")
	if v.body.null("default") {
		fallback, p = cty.NullVal(cty.DynamicPseudoType), given
	}
	if !v.typed && p == given && !fallback.IsNull() && fallback.Type().IsPrimitiveType() {
		v.typ = fallback.Type()
	}
	if g, ok := outside[v.name]; ok {
		return l.valueOf(v, g), origin{g.from, g.rng}
	}
	if p == absent {
		l.add(problem(v.body.at, "Missing variable", fmt.Sprintf("The variable %q has no value and no default.", v.name),
			fmt.Sprintf("Set it with --var %[1]s=VALUE, a line %[1]s = VALUE in a file given with --var-file or named *%[2]s beside the job file, or CROSSBATCH_VAR_%[1]s in the environment.", v.name, varsSuffix)))
		return cty.DynamicVal, origin{}
	}
	if p == broken {
		return cty.DynamicVal, origin{}
	}
	return fallback, origin{"the default", s.rng}
}

// converted brings a value to the variable's type.
func (l *loader) converted(v *variable, value cty.Value, at origin) cty.Value {
	if v.defaults != nil {
		value = v.defaults.Apply(value)
	}
	out, err := convert.Convert(value, v.typ)
	if err != nil {
		reason := err.Error()
		if v.sensitive {
			reason = "the value is sensitive and not shown"
		}
		d := problem(at.rng, "Invalid value for variable "+v.name,
			fmt.Sprintf("The variable %q is of the type %s, and %s does not fit: %s.", v.name, typeexpr.TypeString(v.typ), at.text, reason), "")
		d.Extra = note{secret: v.sensitive}
		l.add(d)
		return cty.DynamicVal
	}
	return out
}

// validate runs the validation blocks of a variable.
func (l *loader) validate(v *variable) {
	if !v.value.IsWhollyKnown() {
		return
	}
	for _, check := range v.body.within(scope{roots: []string{rootVar}}).all("validation") {
		ok, s, p := check.boolean("condition")
		message, m, q := check.text("error_message")
		if p != given || q != given || ok {
			continue
		}
		if m.secret {
			message = "The message is not shown, because it uses a sensitive value."
		}
		l.add(problem(s.rng, "Invalid value for variable "+v.name, message, ""))
	}
}
