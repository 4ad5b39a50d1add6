package record

// Elements walks the elements of a JSON list that a Decoder has checked.
// visit may end the walk early by returning false.
func Elements(list []byte, visit func(Value) bool) {
	s := jsonScanner{b: list, i: 1}
	for {
		s.space()
		switch s.peek() {
		case ']', 0:
			return
		case ',':
			s.i++
			continue
		}
		start := s.i
		kind := kindOf(s.peek())
		if s.value(0, nil, nil) != "" {
			return
		}
		if !visit(Value{Kind: kind, Raw: s.b[start:s.i]}) {
			return
		}
	}
}

// ParseValue reads text that should be one JSON value, such as a list in a CSV
// cell.
func ParseValue(text []byte) (Value, *Failure) {
	s := jsonScanner{b: text}
	s.space()
	start := s.i
	kind := kindOf(s.peek())
	if msg := s.value(0, nil, nil); msg != "" {
		return Value{}, s.malformed(msg)
	}
	v := Value{Kind: kind, Raw: s.b[start:s.i]}
	if s.space(); s.i < len(s.b) {
		return Value{}, s.malformed("more text after the value")
	}
	return v, nil
}
