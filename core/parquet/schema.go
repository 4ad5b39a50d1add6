package parquet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// maxSchemaDepth bounds how deep columns are nested.
const maxSchemaDepth = 64

// shape says how a node's content is written.
type shape uint8

const (
	shapeLeaf shape = iota
	shapeStruct
	shapeList
	shapeMap
)

// node is an element of a schema.
type node struct {
	name     string
	repeats  format.FieldRepetitionType
	def, rep int // levels of a value that is there
	parent   *node
	children []*node
	first    int // leaves under it: first <= leaf < last
	last     int
	shape    shape
	elem     *node // of a list; the repeated child itself in old files
	leafType
}

func (n *node) repeated() bool { return n.repeats == format.Repeated }

// schemaBuilder makes the tree of the flat list in a footer.
type schemaBuilder struct {
	list   []format.SchemaElement
	leaves []*node
}

func buildSchema(list []format.SchemaElement) (*node, []*node, error) {
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("%w: no schema", ErrDamaged)
	}
	b := schemaBuilder{list: list}
	root, err := b.take(nil, 0)
	if err != nil {
		return nil, nil, err
	}
	if len(b.list) > 0 {
		return nil, nil, fmt.Errorf("%w: the schema has elements in no column", ErrDamaged)
	}
	return root, b.leaves, nil
}

func (b *schemaBuilder) take(parent *node, depth int) (*node, error) {
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("%w: columns are nested too deeply", ErrDamaged)
	}
	if len(b.list) == 0 {
		return nil, fmt.Errorf("%w: the schema is cut short", ErrDamaged)
	}
	el := &b.list[0]
	b.list = b.list[1:]
	n := &node{name: el.Name, parent: parent, first: len(b.leaves)}
	if parent != nil { // a root stands for nothing
		n.repeats = el.RepetitionType.V
		n.def, n.rep = parent.def, parent.rep
		switch n.repeats {
		case format.Required:
		case format.Optional:
			n.def++
		case format.Repeated:
			n.def++
			n.rep++
		default:
			return nil, fmt.Errorf("%w: column %q has an unknown repetition", ErrDamaged, n.name)
		}
		if el.Type.Valid && el.NumChildren.V == 0 {
			n.leafType = leafTypeOf(el)
			b.leaves = append(b.leaves, n)
			n.last = len(b.leaves)
			return n, nil
		}
	}
	count := int(el.NumChildren.V)
	if count < 0 || count > len(b.list) || parent != nil && count == 0 {
		return nil, fmt.Errorf("%w: column %q has %d members", ErrDamaged, n.name, count)
	}
	for range count {
		c, err := b.take(n, depth+1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, c)
	}
	n.last = len(b.leaves)
	n.group(el)
	return n, nil
}

// group finds out what a node with children is.
func (n *node) group(el *format.SchemaElement) {
	n.shape = shapeStruct
	n.text = "group"
	list := el.ConvertedType.Valid && el.ConvertedType.V == deprecated.List
	isMap := el.ConvertedType.Valid && (el.ConvertedType.V == deprecated.Map || el.ConvertedType.V == deprecated.MapKeyValue)
	switch t := el.LogicalType.Value.(type) {
	case nil:
	case *format.ListType:
		list = true
	case *format.MapType:
		isMap = true
	case *format.VariantType:
		n.text, n.unreadable = t.String(), true
	}
	if len(n.children) != 1 || !n.children[0].repeated() {
		return
	}
	r := n.children[0]
	switch {
	case list:
		n.shape, n.text = shapeList, "LIST"
		n.elem = r
		// The rules of the format for files that are older than its lists.
		if len(r.children) == 1 && r.shape == shapeStruct && r.name != "array" && r.name != n.name+"_tuple" {
			n.elem = r.children[0]
		}
	case isMap && (len(r.children) == 1 || len(r.children) == 2):
		n.shape, n.text = shapeMap, "MAP"
	}
}

// find looks a field up: by its exact name at the top, else by a dotted path
// into groups. It returns nil when there is none.
func (n *node) find(field string) *node {
	if c := n.child(field); c != nil {
		return c
	}
	for i, part := range strings.Split(field, ".") {
		if n.shape != shapeStruct || n.unreadable || i > 0 && n.repeated() {
			return nil
		}
		if n = n.child(part); n == nil {
			return nil
		}
	}
	return n
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// blocked returns a node that cannot be read, this one or one under it.
func (n *node) blocked() *node {
	if n.unreadable {
		return n
	}
	for _, c := range n.children {
		if b := c.blocked(); b != nil {
			return b
		}
	}
	return nil
}

// appendText appends the schema as text. Numbers of fields are left out: they
// do not change what is read.
func (n *node) appendText(dst []byte, indent int) []byte {
	for range indent {
		dst = append(dst, "  "...)
	}
	dst = append(dst, strings.ToLower(n.repeats.String())...)
	dst = append(dst, ' ')
	dst = append(dst, n.text...)
	dst = append(dst, ' ')
	dst = strconv.AppendQuote(dst, n.name)
	dst = append(dst, '\n')
	for _, c := range n.children {
		dst = c.appendText(dst, indent+1)
	}
	return dst
}
