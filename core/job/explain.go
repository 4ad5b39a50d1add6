package job

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Basis is what a run was, or would be, made from: what its fingerprint says
// in one word. A run's intent keeps it.
type Basis struct {
	Job    Job
	Model  string // digest
	Shards Shards
}

// Explain says what makes two fingerprints differ, one line for each thing. It
// is empty for equal fingerprints.
func Explain(was, now Basis) []string {
	var e explanation
	e.model(was, now)
	e.input(was.Shards, now.Shards)
	a, b := was.Job.Input, now.Job.Input
	e.field("input.format", a.Format == b.Format)
	e.field("input.partitions", a.Partitions == b.Partitions)
	e.field("input.csv.header", a.CSV.Header == b.CSV.Header)
	e.field("input.csv.delimiter", a.CSV.Delimiter == b.CSV.Delimiter)
	e.field("input.key", slices.Equal(a.Key, b.Key))
	e.field("the number of records of the preview", a.Limit == b.Limit)
	e.tensors(a.Tensors, b.Tensors)
	x, y := was.Job.Output, now.Job.Output
	e.field("output.destination", x.Destination == y.Destination)
	e.field("output.format", x.Format == y.Format)
	e.field("output.compression", x.Compression == y.Compression)
	e.field("output.keep", slices.Equal(x.Keep, y.Keep))
	e.field("output.select", slices.Equal(x.Select, y.Select))
	e.keys("env.", was.Job.Env, now.Job.Env)
	return e.lines
}

type explanation struct{ lines []string }

func (e *explanation) add(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

func (e *explanation) field(name string, same bool) {
	if !same {
		e.add("%s changed", name)
	}
}

func (e *explanation) model(was, now Basis) {
	a, b := was.Job.Model, now.Job.Model
	if kindOf(a) != kindOf(b) {
		e.add("the model was %s, and is %s", kindOf(a), kindOf(b))
		return
	}
	switch {
	case b.Container != nil:
		e.field("container image", a.Digest() == b.Digest())
		e.field("container.artifact", a.Container.Artifact == b.Container.Artifact)
		e.field("container.content_type", a.Container.ContentType == b.Container.ContentType)
	case len(b.Registered) > 0:
		e.keys("registered.", a.Registered, b.Registered)
	default:
		e.field("model digest", was.Model == now.Model)
	}
}

func kindOf(m Model) string {
	switch {
	case m.Container != nil:
		return "a container"
	case len(m.Registered) > 0:
		return "a registered one"
	}
	return "an ONNX file"
}

// input compares shards by their URI: an object that moved is another one.
func (e *explanation) input(was, now Shards) {
	if was.Digest() == now.Digest() {
		return
	}
	before := map[string]Shard{}
	for _, s := range was {
		before[s.URI] = s
	}
	var changed, added, same int
	for _, s := range now {
		old, known := before[s.URI]
		switch {
		case !known:
			added++
		case old.Digest != s.Digest || old.Size != s.Size:
			changed++
		default:
			same++
		}
		delete(before, s.URI)
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{changed, "changed"}, {added, "added"}, {len(before), "removed"}, {same, "same"}} {
		if p.n == 0 {
			continue
		}
		if len(parts) == 0 {
			parts = append(parts, fmt.Sprintf("%d %s %s", p.n, plural(p.n, "shard"), p.what))
		} else {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if changed+added+len(before) == 0 {
		parts = []string{fmt.Sprintf("the same %d %s in another order", same, plural(same, "shard"))}
	}
	e.add("input: %s", strings.Join(parts, ", "))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func (e *explanation) tensors(was, now []Tensor) {
	before, after := byInput(was), byInput(now)
	for _, name := range unionOf(before, after) {
		a, known := before[name]
		b, there := after[name]
		at := fmt.Sprintf("input.tensor[%q]", name)
		switch {
		case !known:
			e.add("%s added", at)
		case !there:
			e.add("%s removed", at)
		default:
			e.field(at+".field", a.Field == b.Field)
			e.field(at+".fields", slices.Equal(a.Fields, b.Fields))
			e.field(at+".null", a.Null.equal(b.Null))
			e.field(at+".pad", sameLiteral(a.Pad, b.Pad))
			e.field(at+".max", a.Max == b.Max)
		}
	}
}

func byInput(list []Tensor) map[string]Tensor {
	out := map[string]Tensor{}
	for _, t := range list {
		out[t.Input] = t
	}
	return out
}

func (n Null) equal(o Null) bool {
	return n.Policy == o.Policy && sameLiteral(n.Value, o.Value) && maps.EqualFunc(n.Fields, o.Fields, Null.equal)
}

func sameLiteral(a, b *Literal) bool { return a == b || a != nil && b != nil && *a == *b }

// keys compares maps by key. Values are not shown: they can be long, and are
// nobody's business in a log.
func (e *explanation) keys(prefix string, was, now map[string]string) {
	for _, k := range unionOf(was, now) {
		a, known := was[k]
		b, there := now[k]
		switch {
		case !known:
			e.add("%s%s added", prefix, k)
		case !there:
			e.add("%s%s removed", prefix, k)
		default:
			e.field(prefix+k, a == b)
		}
	}
}

func unionOf[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}
