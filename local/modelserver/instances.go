package modelserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/crossbatch/crossbatch/core/record"
)

// errInstances says that a body is not of the form that Vertex AI sends.
var errInstances = errors.New(`the body is not {"instances":[...]}`)

// instances are the elements of the list in {"instances":[...]}, as they are
// written. What stands inside of an element is its decoder's affair: only where it
// begins and ends is found here, so that a bad instance costs itself.
type instances struct {
	body       []byte
	start, end int // of the list, between its brackets
}

// parseInstances finds the list, and checks that all of its elements can be told
// apart. Other members, such as parameters, are passed over.
func parseInstances(body []byte) (instances, error) {
	s := scanner{b: body}
	list := instances{body: body, start: -1}
	err := s.object(func(name []byte) error {
		if !isInstances(name) {
			return s.element()
		}
		if list.start >= 0 {
			return s.fail("a second list of instances")
		}
		if s.peek() != '[' {
			return s.fail("instances that are no list")
		}
		s.i++
		list.start = s.i
		if err := s.list(); err != nil {
			return err
		}
		list.end = s.i - 1
		return nil
	})
	if err == nil && list.start < 0 {
		err = fmt.Errorf("%w: it has no instances", errInstances)
	}
	return list, err
}

// isInstances reads the name of a member, which may be no JSON inside.
func isInstances(name []byte) bool {
	const want = "instances"
	if bytes.IndexByte(name, '\\') < 0 {
		return string(name[1:len(name)-1]) == want
	}
	var text string
	return json.Unmarshal(name, &text) == nil && text == want
}

// blocks cuts the list into blocks.
func (l instances) blocks(lim record.Limits) source {
	return &cutting{scan: scanner{b: l.body[:l.end], i: l.start}, limits: lim}
}

// cutting is a list that parseInstances has checked, on its way into blocks.
type cutting struct {
	scan   scanner
	limits record.Limits
	row    int64
}

// Next implements source. Elements stay where they are.
func (c *cutting) Next(b *record.Block) error {
	s := &c.scan
	b.First, b.Data, b.Records = c.row, s.b, b.Records[:0]
	for from := s.i; len(b.Records) < c.limits.Records && s.i-from < c.limits.Bytes; {
		s.space()
		if s.i >= len(s.b) {
			break
		}
		start := s.i
		if err := s.element(); err != nil {
			return err
		}
		span := record.Span{Start: start, End: s.i}
		if s.i-start > c.limits.Record {
			span.Failure = record.Fail(record.TooLong, "the record has more than %d bytes", c.limits.Record)
		}
		b.Records = append(b.Records, span)
		s.space()
		if s.peek() == ',' {
			s.i++
		}
	}
	c.row += int64(len(b.Records))
	if len(b.Records) == 0 {
		return io.EOF
	}
	return nil
}

// scanner finds where JSON values end, and no more: brackets match, strings are
// closed.
type scanner struct {
	b    []byte
	i    int
	open []byte // the brackets that are to be closed
}

func (s *scanner) fail(what string) error {
	return fmt.Errorf("%w: %s at byte %d", errInstances, what, s.i)
}

func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\n' || s.b[s.i] == '\r') {
		s.i++
	}
}

// object walks the members of an object, which must be all there is. member is
// called at each value, and goes behind it.
func (s *scanner) object(member func(name []byte) error) error {
	s.space()
	if s.peek() != '{' {
		return s.fail("no object")
	}
	s.i++
	for s.space(); s.peek() != '}'; s.space() {
		if s.peek() != '"' {
			return s.fail("no name of a member")
		}
		start := s.i
		if err := s.str(); err != nil {
			return err
		}
		name := s.b[start:s.i]
		s.space()
		if s.peek() != ':' {
			return s.fail("no colon")
		}
		s.i++
		s.space()
		if err := member(name); err != nil {
			return err
		}
		if s.space(); s.peek() == '}' {
			break
		}
		if s.peek() != ',' {
			return s.fail("no comma and no end of the object")
		}
		s.i++
		if s.space(); s.peek() == '}' {
			return s.fail("a comma before the end of the object")
		}
	}
	s.i++
	if s.space(); s.i < len(s.b) {
		return s.fail("more text")
	}
	return nil
}

// list walks the elements of a list, from behind its bracket to behind its end.
func (s *scanner) list() error {
	if s.space(); s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		s.space()
		if err := s.element(); err != nil {
			return err
		}
		switch s.space(); s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return s.fail("no comma and no end of the list")
		}
	}
}

// element goes behind one value.
func (s *scanner) element() error {
	switch s.peek() {
	case '"':
		return s.str()
	case '{', '[':
		return s.nested()
	}
	start := s.i
	for s.i < len(s.b) && bytes.IndexByte([]byte(" \t\r\n,:[]{}\""), s.b[s.i]) < 0 {
		s.i++
	}
	if s.i == start {
		return s.fail("no value")
	}
	return nil
}

func (s *scanner) nested() error {
	for s.open = s.open[:0]; s.i < len(s.b); {
		switch c := s.b[s.i]; c {
		case '"':
			if err := s.str(); err != nil {
				return err
			}
			continue
		case '{', '[':
			s.open = append(s.open, c+2) // the bracket that closes stands two further on in ASCII
		case '}', ']':
			last := len(s.open) - 1
			if s.open[last] != c {
				return s.fail("the wrong bracket")
			}
			if s.open = s.open[:last]; last == 0 {
				s.i++
				return nil
			}
		}
		s.i++
	}
	return s.fail("an end within a value")
}

func (s *scanner) str() error {
	s.i++
	for quote := -1; s.i < len(s.b); {
		if quote < s.i { // the one before was escaped
			next := bytes.IndexByte(s.b[s.i:], '"')
			if next < 0 {
				break
			}
			quote = s.i + next
		}
		escape := bytes.IndexByte(s.b[s.i:quote], '\\')
		if escape < 0 {
			s.i = quote + 1
			return nil
		}
		s.i += escape + 2
	}
	s.i = len(s.b)
	return s.fail("an end within a string")
}
