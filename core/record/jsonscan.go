package record

import (
	"bytes"
	"math"
)

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
