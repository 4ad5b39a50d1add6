package jobfile

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// body is one block, checked against its part of the schema. Its fields are
// read with the typed methods of fields.go.
type body struct {
	l      *loader
	spec   Block
	path   string // dotted prefix of its fields in messages; "" inside a job
	at     hcl.Range
	labels []string
	ranges []hcl.Range // of the labels
	attrs  hcl.Attributes
	blocks hcl.Blocks
	sc     scope
}

func (l *loader) open(hb hcl.Body, spec Block, path string, at hcl.Range, sc scope) *body {
	b := &body{l: l, spec: spec, path: path, at: at, sc: sc}
	if spec.Open {
		attrs, diags := hb.JustAttributes()
		l.add(diags...)
		b.attrs = attrs
		return b
	}
	b.checkNames(hb)
	content, _, diags := hb.PartialContent(spec.body)
	l.add(diags...)
	b.attrs, b.blocks = content.Attributes, content.Blocks
	if !spec.unchecked {
		b.checkRequired()
	}
	b.checkBlocks()
	return b
}

// checkNames reports fields and blocks that the schema does not have.
func (b *body) checkNames(hb hcl.Body) {
	syntax, ok := hb.(*hclsyntax.Body)
	if !ok {
		b.checkJSONNames(hb)
		return
	}
	for name, a := range syntax.Attributes {
		if _, ok := b.spec.field(name); ok {
			continue
		}
		if _, ok := b.spec.block(name); ok {
			b.l.add(problem(a.NameRange, "A block is written without =", fmt.Sprintf("%s%s is a block.", b.path, name),
				fmt.Sprintf("Write %s { ... }, one argument a line.", name)))
			continue
		}
		b.unknown(a.NameRange, "field", name)
	}
	for _, c := range syntax.Blocks {
		if _, ok := b.spec.block(c.Type); ok {
			continue
		}
		if _, ok := b.spec.field(c.Type); ok {
			b.l.add(problem(c.TypeRange, "A field is written with =", fmt.Sprintf("%s%s is a field.", b.path, c.Type),
				fmt.Sprintf("Write %s = ...", c.Type)))
			continue
		}
		b.unknown(c.TypeRange, "block", c.Type)
	}
}

// checkJSONNames is checkNames in HCL's JSON syntax, where a property is a
// field or a block by what the schema says of its name.
func (b *body) checkJSONNames(hb hcl.Body) {
	attrs, diags := hb.JustAttributes()
	if diags.HasErrors() {
		return // a list of objects, or no object at all: PartialContent reports it
	}
	for name, a := range attrs {
		_, field := b.spec.field(name)
		_, block := b.spec.block(name)
		if !field && !block {
			b.unknown(a.NameRange, "field or block", name)
		}
	}
}

// unknown reports a name that has no meaning where it stands.
func (b *body) unknown(at hcl.Range, what, name string) {
	if b.spec.Name == overrideName {
		job := jobBlock()
		_, field := job.field(name)
		_, block := job.block(name)
		if field || block {
			b.l.add(problem(at, "Not overridable", fmt.Sprintf("An override can not set %s.", name), "It may set "+listed(b.spec.names())+"."))
			return
		}
	}
	b.l.add(problem(at, "Unknown "+what, fmt.Sprintf("There is no %s %s%s.", what, b.path, name),
		didYouMean(name, b.spec.names(), func(n string) string { return n })))
}

func (b *body) checkRequired() {
	for _, f := range b.spec.Fields {
		if _, given := b.attrs[f.Name]; !given && f.Required {
			b.missing(f.Name)
		}
	}
}

func (b *body) missing(name string) {
	b.l.add(problem(b.at, "Missing "+name, fmt.Sprintf("%s%s is required.", b.path, name), ""))
}

func (b *body) checkBlocks() {
	first := map[string]*hcl.Block{}
	kept := make(hcl.Blocks, 0, len(b.blocks))
	for _, c := range b.blocks {
		spec, _ := b.spec.block(c.Type)
		switch {
		case !spec.Many && first[c.Type] != nil && b.path+b.spec.Name != "":
			b.l.twice(c.DefRange, fmt.Sprintf("the block %s%s", b.path, c.Type), first[c.Type].DefRange)
		default:
			kept = append(kept, c)
		}
		if first[c.Type] == nil {
			first[c.Type] = c
		}
	}
	b.blocks = kept
	for _, spec := range b.spec.Blocks {
		if spec.Required && first[spec.Name] == nil {
			b.missing(spec.Name)
		}
	}
}

// child opens one of b's blocks.
func (b *body) child(c *hcl.Block) *body {
	spec, _ := b.spec.block(c.Type)
	if spec.State == NotYet {
		b.l.notYet(c.DefRange, b.path+c.Type)
	}
	if len(spec.Variants) > 0 {
		v, ok := spec.variant(c.Labels[0])
		if !ok {
			b.l.unknownVariant(c, spec)
			return b.opened(c, Block{Name: c.Type, Open: true})
		}
		v.Name = c.Type
		spec = v
	}
	return b.opened(c, spec)
}

func (b *body) opened(c *hcl.Block, spec Block) *body {
	path := b.path + spec.Name + "."
	if spec.Name == "job" {
		path = ""
	}
	out := b.l.open(c.Body, spec, path, c.DefRange, b.sc)
	out.labels, out.ranges = c.Labels, c.LabelRanges
	return out
}

func (l *loader) unknownVariant(c *hcl.Block, spec Block) {
	var names []string
	for _, v := range spec.Variants {
		names = append(names, v.Name)
	}
	l.add(problem(c.LabelRanges[0], "Unknown "+spec.Name, fmt.Sprintf("There is no %s of the kind %q.", spec.Name, c.Labels[0]),
		didYouMean(c.Labels[0], names, func(n string) string { return n })))
}

// one opens the single block of a name. An absent block reads as an empty one.
func (b *body) one(name string) *body {
	if all := b.all(name); len(all) > 0 {
		return all[0]
	}
	spec, _ := b.spec.block(name)
	return &body{l: b.l, spec: spec, path: b.path + name + ".", at: b.at, sc: b.sc}
}

// all opens every block of a name.
func (b *body) all(name string) []*body {
	var out []*body
	for _, c := range b.blocks {
		if c.Type == name {
			out = append(out, b.child(c))
		}
	}
	return out
}

func (b *body) has(block string) bool {
	for _, c := range b.blocks {
		if c.Type == block {
			return true
		}
	}
	return false
}

// within is b evaluated in another scope.
func (b *body) within(sc scope) *body {
	out := *b
	out.sc = sc
	return &out
}

// label is a label that must be a name, since references spell it bare.
func (l *loader) label(b *body, i int, what string) (string, bool) {
	name := b.labels[i]
	if hclsyntax.ValidIdentifier(name) {
		return name, true
	}
	l.add(problem(b.ranges[i], "Invalid name", fmt.Sprintf("%q can not name a %s: it could not be referred to.", name, strings.ToLower(what)),
		"A name starts with a letter and has letters, digits, - and _."))
	return name, false
}
