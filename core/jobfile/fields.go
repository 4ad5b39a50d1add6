package jobfile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// presence says what a field holds.
type presence int

const (
	absent presence = iota // not there, or null
	given
	broken // its error is reported already
)

// spot is the value of one field, for messages about it.
type spot struct {
	l      *loader
	rng    hcl.Range
	path   string
	secret bool // it came from a sensitive variable
}

// fail reports what is wrong with the value. Detail must not hold the value
// itself except through quote.
func (s spot) fail(detail, hint string) {
	if s.secret {
		hint = "" // a near name or a rewritten value would tell what it is
	}
	d := problem(s.rng, "Invalid "+s.path, detail, hint)
	d.Extra = note{hint: hint, secret: s.secret}
	s.l.add(d)
}

// write is a hint that shows a reference as the file's syntax has it: in JSON
// one stands in a template.
func (s spot) write(reference string) string {
	if strings.HasSuffix(s.rng.Filename, ".json") {
		return fmt.Sprintf("Write \"${%s}\".", reference)
	}
	return "Write " + reference + ", without quotes."
}

// quote shows a text of the value, unless it is sensitive.
func (s spot) quote(text string) string {
	if s.secret {
		return "(sensitive value)"
	}
	return strconv.Quote(text)
}

// spot is where a field stands, or the block when it does not.
func (b *body) spot(name string) spot {
	s := spot{l: b.l, rng: b.at, path: b.path + name}
	if a, ok := b.attrs[name]; ok {
		s.rng = a.Expr.Range()
	}
	return s
}

// raw evaluates a field: its value, without marks and wholly known.
func (b *body) raw(name string) (cty.Value, spot, presence) {
	s := b.spot(name)
	a, ok := b.attrs[name]
	if !ok {
		return cty.NilVal, s, absent
	}
	v := b.l.eval(a.Expr, b.sc)
	if !v.Type().IsPrimitiveType() || v.IsMarked() || !v.IsKnown() { // most are plain
		s.secret = v.ContainsMarked()
		v, _ = v.UnmarkDeep()
		if !v.IsWhollyKnown() {
			b.l.poisoned = true
			return cty.NilVal, s, broken
		}
	}
	f, _ := b.spec.field(name)
	if !v.IsNull() {
		checkState(f, s, v)
		return v, s, given
	}
	if f.Required {
		s.fail(s.path+" is required, and is null.", "")
		return cty.NilVal, s, broken
	}
	return cty.NilVal, s, absent
}

// null says whether a field is there and holds null.
func (b *body) null(name string) bool {
	_, there := b.attrs[name]
	_, _, p := b.raw(name)
	return there && p == absent
}

// typed is raw converted to a type. Null elements of a collection are refused:
// nothing in the language gives them a meaning.
func (b *body) typed(name string, want cty.Type) (cty.Value, spot, presence) {
	v, s, p := b.raw(name)
	if p != given {
		return v, s, p
	}
	if v.Type() == want && want.IsPrimitiveType() {
		return v, s, p
	}
	f, _ := b.spec.field(name)
	out, err := convert.Convert(v, want)
	if err != nil || !out.IsWhollyKnown() {
		s.fail(fmt.Sprintf("%s takes a %s, not %s.", s.path, f.Type, article(v.Type())), listHint(v, want))
		return cty.NilVal, s, broken
	}
	if want.IsCollectionType() && holdsNull(out) {
		s.fail(s.path+" holds a null element.", "")
		return cty.NilVal, s, broken
	}
	return out, s, given
}

func holdsNull(v cty.Value) bool {
	for _, e := range v.AsValueSlice() {
		if e.IsNull() {
			return true
		}
	}
	return false
}

func article(t cty.Type) string {
	name := t.FriendlyName()
	switch {
	case t.IsTupleType():
		name = "list"
	case name == "object":
		return "an object"
	}
	return "a " + name
}

func listHint(v cty.Value, want cty.Type) string {
	if want.IsListType() && v.Type().IsPrimitiveType() {
		return "Put it in brackets: [...]."
	}
	return ""
}

// text reads a string. A field with fixed values reads as one of them.
func (b *body) text(name string) (string, spot, presence) {
	f, _ := b.spec.field(name)
	v, s, p := b.typed(name, cty.String)
	if p != given {
		return f.Default, s, p
	}
	text := v.AsString()
	if len(f.Values) > 0 && !b.allowed(f, text, s) {
		return f.Default, s, broken
	}
	return text, s, given
}

func (b *body) allowed(f Field, text string, s spot) bool {
	var names []string
	for _, v := range f.Values {
		if v.Text == text {
			return true
		}
		names = append(names, v.Text)
	}
	s.fail(fmt.Sprintf("%s can not be %s.", s.path, s.quote(text)), didYouMean(text, names, strconv.Quote))
	return false
}

// boolean reads a bool.
func (b *body) boolean(name string) (bool, spot, presence) {
	f, _ := b.spec.field(name)
	v, s, p := b.typed(name, cty.Bool)
	if p != given {
		return f.Default == "true", s, p
	}
	return v.True(), s, given
}

// integer reads a whole number of at least least.
func (b *body) integer(name string, least int) (int, spot, presence) {
	f, _ := b.spec.field(name)
	fallback, _ := strconv.Atoi(f.Default) // no default is 0
	v, s, p := b.typed(name, cty.Number)
	if p != given {
		return fallback, s, p
	}
	n, ok := wholeNumber(v)
	if !ok || n < int64(least) {
		s.fail(fmt.Sprintf("%s takes a whole number from %d to 2147483647, not %s.", s.path, least, s.bare(numberText(v.AsBigFloat()))), "")
		return fallback, s, broken
	}
	return int(n), s, given
}

func (s spot) bare(text string) string {
	if s.secret {
		return "(sensitive value)"
	}
	return text
}

// texts reads a list of strings, in order.
func (b *body) texts(name string) ([]string, spot, presence) {
	v, s, p := b.raw(name)
	if p != given {
		return nil, s, p
	}
	if list, ok := plainTexts(v); ok {
		return list, s, given
	}
	if v, s, p = b.typed(name, cty.List(cty.String)); p != given {
		return nil, s, p
	}
	out := []string{}
	for _, e := range v.AsValueSlice() {
		out = append(out, e.AsString())
	}
	return out, s, given
}

// plainTexts is a list that holds nothing but strings, as most do: nothing of
// it has to be converted.
func plainTexts(v cty.Value) ([]string, bool) {
	if !v.Type().IsTupleType() && !v.Type().IsListType() {
		return nil, false
	}
	out := make([]string, 0, v.LengthInt())
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		if e.Type() != cty.String || e.IsNull() {
			return nil, false
		}
		out = append(out, e.AsString())
	}
	return out, true
}

// plainTextMap is plainTexts for a map or an object.
func plainTextMap(v cty.Value) (map[string]string, bool) {
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return nil, false
	}
	out := make(map[string]string, v.LengthInt())
	for name, e := range v.AsValueMap() {
		if e.Type() != cty.String || e.IsNull() {
			return nil, false
		}
		out[name] = e.AsString()
	}
	return out, true
}

// textMap reads a map of strings.
func (b *body) textMap(name string) (map[string]string, spot, presence) {
	v, s, p := b.raw(name)
	if p != given {
		return nil, s, p
	}
	if m, ok := plainTextMap(v); ok {
		return m, s, given
	}
	if v, s, p = b.typed(name, cty.Map(cty.String)); p != given {
		return nil, s, p
	}
	out := map[string]string{}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		out[k.AsString()] = e.AsString()
	}
	return out, s, given
}
