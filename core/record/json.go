package record

import (
	"bytes"
	"math"
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

// jsonScanner checks JSON (RFC 8259) and notes where wanted values stand.
// Methods return "" or what is wrong at offset i.
type jsonScanner struct {
	b      []byte
	i      int
	packed []byte // elements of lists of floats
}

func (s *jsonScanner) malformed(msg string) *Failure {
	return Fail(Malformed, "invalid JSON at byte %d: %s", s.i, msg)
}

func (s *jsonScanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *jsonScanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// value checks one value. want is the node of an object on the way to wanted
// fields, or nil.
func (s *jsonScanner) value(depth int, want *jsonNode, slots []Value) string {
	if depth > maxDepth {
		return "nested too deeply"
	}
	switch c := s.peek(); {
	case c == '{':
		return s.members(depth, want, slots)
	case c == '[':
		return s.elements(depth)
	case c == '"':
		return s.str()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case s.i >= len(s.b):
		return "unexpected end"
	}
	return "unexpected character"
}

func (s *jsonScanner) members(depth int, want *jsonNode, slots []Value) string {
	s.i++ // {
	s.space()
	if s.peek() == '}' {
		s.i++
		return ""
	}
	for {
		if s.peek() != '"' {
			return "expected a field name"
		}
		start := s.i
		if msg := s.str(); msg != "" {
			return msg
		}
		var child *jsonNode
		if want != nil {
			child = want.child(s.b[start:s.i])
		}
		s.space()
		if s.peek() != ':' {
			return "expected ':'"
		}
		s.i++
		s.space()
		start = s.i
		kind := kindOf(s.peek())
		if child != nil {
			child.reset(slots)
			if child.floats {
				if v, ok := s.float(); ok {
					slots[child.slot] = v
					if done, msg := s.nextMember(); msg != "" || done {
						return msg
					}
					continue
				}
			}
		}
		if msg := s.value(depth+1, child, slots); msg != "" {
			return msg
		}
		if child != nil && child.slot >= 0 {
			slots[child.slot] = Value{Kind: kind, Raw: s.b[start:s.i]}
		}
		if done, msg := s.nextMember(); msg != "" || done {
			return msg
		}
	}
}

// nextMember goes to the next member of an object, or behind its end.
func (s *jsonScanner) nextMember() (done bool, msg string) {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return false, ""
	case '}':
		s.i++
		return true, ""
	}
	return false, "expected ',' or '}'"
}

// float reads a number, or a list of numbers, as float32. Where there is neither,
// it stays where it is.
func (s *jsonScanner) float() (Value, bool) {
	switch c := s.peek(); {
	case c == '[':
	case c == '-' || c >= '0' && c <= '9':
		f, end, ok := readFloat32(s.b, s.i)
		if ok {
			s.i = end
		}
		return Value{Kind: Float32, Bits: uint64(math.Float32bits(f))}, ok
	default:
		return Value{}, false
	}
	packed, end, ok := readFloats(s.packed, s.b, s.i+1)
	if !ok {
		return Value{}, false
	}
	v := Value{Kind: Packed, Elem: Float32, Raw: packed[len(s.packed):]}
	s.i, s.packed = end, packed
	return v, true
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *jsonScanner) elements(depth int) string {
	s.i++ // [
	s.space()
	if s.peek() == ']' {
		s.i++
		return ""
	}
	for {
		if msg := s.value(depth+1, nil, nil); msg != "" {
			return msg
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
			s.space()
		case ']':
			s.i++
			return ""
		default:
			return "expected ',' or ']'"
		}
	}
}

func (s *jsonScanner) str() string {
	s.i++ // "
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return ""
		case c < 0x20:
			return "control character in a string"
		case c == '\\':
			if msg := s.escape(); msg != "" {
				return msg
			}
		default:
			s.i++
		}
	}
	return "string without an end"
}

func (s *jsonScanner) escape() string {
	s.i++ // the backslash
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i++
		return ""
	case 'u':
		for k := 1; k <= 4; k++ {
			if s.i+k >= len(s.b) || !isHex(s.b[s.i+k]) {
				return `\u needs four hexadecimal digits`
			}
		}
		s.i += 5
		return ""
	}
	return "invalid escape"
}

func (s *jsonScanner) number() string {
	if s.peek() == '-' {
		s.i++
	}
	switch c := s.peek(); {
	case c == '0':
		s.i++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return "invalid number"
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return "invalid number: no digit after the point"
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return "invalid number: no digit in the exponent"
		}
	}
	return ""
}

func (s *jsonScanner) digits() bool {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i > start
}

func (s *jsonScanner) word(w string) string {
	if !bytes.HasPrefix(s.b[s.i:], []byte(w)) {
		return "unexpected character"
	}
	s.i += len(w)
	return ""
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

func kindOf(c byte) Kind {
	switch c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
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
