package jobfile

import (
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// maxInstances bounds for_each and count: a slip like count = 1e9 must not
// fill the memory.
const maxInstances = 10_000

// instance is one job, or model, of a block.
type instance struct {
	suffix      string // of the address: "", ["key"] or [0]
	key         string
	each, count cty.Value
}

// instances is what for_each or count of a block gives.
type instances struct {
	list    []instance
	unknown instance                           // stands for any of them
	collect func(values []cty.Value) cty.Value // makes job.NAME, or model.NAME, of what the instances are
}

// instances reads for_each and count of a job or model block; what says which.
// It is not ok after an error.
func (l *loader) instances(block *body, what string) (instances, bool) {
	b := block.within(declared())
	_, _, each := b.raw("for_each")
	count, s, counted := b.integer("count", 0)
	for _, name := range []string{"for_each", "count"} {
		// Null elsewhere means unset; here it would quietly make one job of many.
		if s := b.spot(name); b.null(name) {
			s.fail(name+" is null.", fmt.Sprintf("For no %s at all write for_each = {} or count = 0.", what))
			return instances{unknown: instance{each: anyEach(), count: anyCount()}}, false
		}
	}
	switch {
	case each != absent && counted != absent:
		s.fail(fmt.Sprintf("A %s has for_each or count, not both.", what), "")
		return instances{unknown: instance{each: anyEach(), count: anyCount()}}, false
	case each != absent:
		return l.forEach(b, what)
	case counted != absent:
		return counting(count, s, counted == given, what)
	}
	single := func(values []cty.Value) cty.Value { return values[0] }
	return instances{list: []instance{{}}, collect: single}, true
}

func anyEach() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.String), "value": cty.DynamicVal})
}

func anyCount() cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"index": cty.UnknownVal(cty.Number)})
}

func counting(n int, s spot, ok bool, what string) (instances, bool) {
	out := instances{unknown: instance{count: anyCount()}}
	out.collect = func(values []cty.Value) cty.Value { return cty.TupleVal(values) }
	switch {
	case ok && s.secret:
		s.fail("count can not be sensitive: it shows in addresses.", "")
		return out, false
	case ok && n > maxInstances:
		s.fail(fmt.Sprintf("A %[1]s can stand for %[2]d %[1]ss at most.", what, maxInstances), "")
		return out, false
	}
	for i := range n {
		out.list = append(out.list, instance{
			suffix: "[" + strconv.Itoa(i) + "]",
			count:  cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))}),
		})
	}
	return out, ok
}

func (l *loader) forEach(b *body, what string) (instances, bool) {
	out := instances{unknown: instance{each: anyEach()}}
	v, s, p := b.raw("for_each")
	if p != given {
		return out, false
	}
	t := v.Type()
	set := t.IsSetType() && (t.ElementType() == cty.String || v.LengthInt() == 0)
	switch {
	case s.secret:
		s.fail("for_each can not be sensitive: its keys show in addresses.", "")
		return out, false
	case !set && !t.IsMapType() && !t.IsObjectType():
		hint := ""
		if t.IsTupleType() || t.IsListType() {
			hint = "Write toset([...]) for a list of strings."
		}
		s.fail(fmt.Sprintf("for_each takes a map or a set of strings, not %s.", article(t)), hint)
		return out, false
	case v.LengthInt() > maxInstances:
		s.fail(fmt.Sprintf("A %[1]s can stand for %[2]d %[1]ss at most.", what, maxInstances), "")
		return out, false
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if set {
			k = e
		}
		if k.IsNull() || k.AsString() == "" {
			s.fail("A key of for_each is empty or null.", "")
			return out, false
		}
		out.list = append(out.list, instance{
			suffix: "[" + quoted(k) + "]", key: k.AsString(),
			each: cty.ObjectVal(map[string]cty.Value{"key": k, "value": e}),
		})
	}
	keyed := out.list
	out.collect = func(values []cty.Value) cty.Value {
		byKey := map[string]cty.Value{}
		for i, v := range values {
			byKey[keyed[i].key] = v
		}
		return cty.ObjectVal(byKey)
	}
	return out, true
}

// quoted is a key as HCL writes it, so that an address can be pasted into a
// job file.
func quoted(v cty.Value) string { return string(hclwrite.TokensForValue(v).Bytes()) }
