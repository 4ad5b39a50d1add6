package record

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a record.
const maxDepth = 512

// JSONDecoder reads fields of JSON objects. A field is named by its exact name
// at the top of the record, else by a dotted path into nested objects. Of
// fields that stand twice the last one counts, as in encoding/json. It is our
// own reader because it hands out the untouched text of just the wanted fields:
// digits survive, and numbers are rounded once, by the tensor that takes them.
// It is not safe for concurrent use.
type JSONDecoder struct {
	root   *jsonNode
	slots  []Value // all places, exact and nested
	exact  []int   // by field: slot of the exact name
	nested []int   // by field: slot of the dotted path, or -1
	scan   jsonScanner
}

// Floats makes the decoder answer numbers of some fields as Float32, and lists of
// numbers as Packed, rounded once. Values that are neither stay as they are, and
// so do numbers that overflow. wanted stands in the order of the fields.
func (d *JSONDecoder) Floats(wanted []bool) {
	for i, w := range wanted {
		d.floats(d.exact[i], w)
		if d.nested[i] >= 0 {
			d.floats(d.nested[i], w)
		}
	}
}

func (d *JSONDecoder) floats(slot int, wanted bool) {
	var mark func(n *jsonNode)
	mark = func(n *jsonNode) {
		n.floats = wanted && n.slot == slot || n.floats && n.slot != slot
		for _, c := range n.children {
			mark(c)
		}
	}
	mark(d.root)
}

// jsonNode is an object on the way to wanted fields.
type jsonNode struct {
	name     string
	plain    bool // the name needs no escapes
	children []*jsonNode
	named    map[string]int // where they stand in children
	next     int            // the child that is likely to come next: records are alike
	slot     int            // -1: only passed through
	floats   bool
}

// NewJSONDecoder makes a decoder of fields, in this order.
func NewJSONDecoder(fields []string) *JSONDecoder {
	d := &JSONDecoder{root: &jsonNode{slot: -1}}
	for _, f := range fields {
		d.exact = append(d.exact, d.place(f))
		if parts := strings.Split(f, "."); len(parts) > 1 {
			d.nested = append(d.nested, d.place(parts...))
		} else {
			d.nested = append(d.nested, -1)
		}
	}
	return d
}

func (d *JSONDecoder) place(path ...string) int {
	n := d.root
	for _, p := range path {
		at, ok := n.named[p]
		if !ok {
			if n.named == nil {
				n.named = map[string]int{}
			}
			at = len(n.children)
			n.named[p] = at
			n.children = append(n.children, &jsonNode{name: p, plain: !strings.Contains(p, `\`), slot: -1})
		}
		n = n.children[at]
	}
	if n.slot < 0 {
		n.slot = len(d.slots)
		d.slots = append(d.slots, Value{})
	}
	return n.slot
}

// Decode implements Decoder.
func (d *JSONDecoder) Decode(record []byte, values []Value) *Failure {
	clear(d.slots)
	d.scan.packed = d.scan.packed[:0]
	fail := d.object(record)
	for i := range d.exact {
		values[i] = d.slots[d.exact[i]]
		if values[i].Kind == Missing && d.nested[i] >= 0 {
			values[i] = d.slots[d.nested[i]]
		}
	}
	return fail
}

func (d *JSONDecoder) object(record []byte) *Failure {
	record = bytes.TrimRight(record, "\r\n") // what is said of the last record is the same with and without it
	if !utf8.Valid(record) {
		return Fail(InvalidUTF8, "the record is not UTF-8")
	}
	s := &d.scan
	s.b, s.i = record, 0
	s.space()
	if s.peek() != '{' {
		if msg := s.value(0, nil, nil); msg != "" {
			return s.malformed(msg)
		}
		return Fail(Malformed, "a record must be a JSON object")
	}
	if msg := s.value(0, d.root, d.slots); msg != "" {
		return s.malformed(msg)
	}
	s.space()
	if s.i < len(s.b) {
		return s.malformed("more text after the object")
	}
	return nil
}

// child finds the wanted field of a quoted name.
func (n *jsonNode) child(quoted []byte) *jsonNode {
	if len(n.children) == 0 {
		return nil
	}
	name := quoted[1 : len(quoted)-1]
	if n.next == len(n.children) {
		n.next = 0
	}
	if c := n.children[n.next]; c.name == string(name) && c.plain {
		n.next++
		return c
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		plain, _ := Unquote(quoted)
		name = []byte(plain)
	}
	at, ok := n.named[string(name)]
	if !ok {
		return nil
	}
	n.next = at + 1
	return n.children[at]
}

// reset forgets what an earlier field of the same name gave.
func (n *jsonNode) reset(slots []Value) {
	if n.slot >= 0 {
		slots[n.slot] = Value{}
	}
	for _, c := range n.children {
		c.reset(slots)
	}
}

// FieldNames lists the names at the top of a JSON record, in their order; nil
// when it cannot be read.
func FieldNames(record []byte) []string {
	if NewJSONDecoder(nil).Decode(record, nil) != nil {
		return nil
	}
	var names []string
	s := jsonScanner{b: record}
	s.space()
	s.i++ // {
	for {
		s.space()
		switch s.peek() {
		case '"':
		case ',':
			s.i++
			continue
		default:
			return names
		}
		start := s.i
		_ = s.str()
		name, _ := Unquote(s.b[start:s.i])
		names = append(names, name)
		s.space()
		s.i++ // :
		s.space()
		_ = s.value(0, nil, nil)
	}
}
