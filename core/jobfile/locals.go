package jobfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// lazy is a value that is computed when something refers to it.
type lazy struct {
	rng   hcl.Range
	expr  hcl.Expression
	busy  bool
	done  bool
	value cty.Value
}

func (l *loader) declareLocals(b *body) {
	attrs := slices.SortedFunc(maps.Values(b.attrs), func(a, b *hcl.Attribute) int {
		return cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte)
	})
	for _, a := range attrs {
		if first := l.locals[a.Name]; first != nil {
			l.twice(a.NameRange, "local."+a.Name, first.rng)
			continue
		}
		l.locals[a.Name] = &lazy{rng: a.NameRange, expr: a.Expr}
		l.order.locals = append(l.order.locals, a.Name)
	}
}

// local is the value of a local that exists.
func (l *loader) local(name string) cty.Value {
	x := l.locals[name]
	return l.force("local."+name, x, func() cty.Value { return l.eval(x.expr, declared()) })
}

// force computes a value once, and names the ring when it needs itself.
func (l *loader) force(name string, x *lazy, compute func() cty.Value) cty.Value {
	if x.done {
		return x.value
	}
	if x.busy {
		ring := append(slices.Clone(l.pending[slices.Index(l.pending, name):]), name)
		l.add(problem(x.rng, "Circular reference", fmt.Sprintf("%s needs its own value: %s.", name, strings.Join(ring, " -> ")), ""))
		x.done, x.value = true, cty.DynamicVal
		return x.value
	}
	x.busy = true
	l.pending = append(l.pending, name)
	v := compute()
	l.pending = l.pending[:len(l.pending)-1]
	if !x.done {
		x.done, x.value = true, v
	}
	return x.value
}
