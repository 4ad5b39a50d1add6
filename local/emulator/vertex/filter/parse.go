package filter

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxLength = 20_000 // of a filter, as Cloud Logging has it
	maxDepth  = 50     // of parentheses
)

// operators, those first that begin with another.
var operators = []string{"!=", "!~", "<=", ">=", "=~", "=", "<", ">", ":"}

// Parse reads a filter. Its errors say what stands at which byte.
func Parse(text string) (Filter, error) {
	if len(text) > maxLength {
		return Filter{}, fmt.Errorf("the filter has %d bytes, more than %d", len(text), maxLength)
	}
	p := &parser{text: text}
	if p.space(); p.rest() == "" {
		return Filter{}, nil
	}
	root, err := p.all()
	if err == nil && p.rest() != "" {
		err = p.fail("a parenthesis that was not opened")
	}
	if err != nil {
		return Filter{}, err
	}
	return Filter{root}, nil
}

type parser struct {
	text  string
	at    int
	depth int
}

func (p *parser) rest() string { return p.text[p.at:] }

func (p *parser) fail(what string) error {
	return fmt.Errorf("the filter has %s at byte %d", what, p.at)
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// word goes behind a keyword, if it is there.
func (p *parser) word(w string) bool {
	rest, ok := strings.CutPrefix(p.rest(), w)
	if !ok || rest != "" && strings.IndexByte(" \t\r\n(", rest[0]) < 0 {
		return false
	}
	p.at += len(w)
	p.space()
	return true
}

func (p *parser) all() (node, error) {
	var out all
	for {
		n, err := p.some()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if p.word("AND") {
			continue
		}
		if p.rest() == "" || p.text[p.at] == ')' {
			break
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

func (p *parser) some() (node, error) {
	var out some
	for {
		n, err := p.one()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if !p.word("OR") {
			break
		}
	}
	if len(out) == 1 {
		return out[0], nil
	}
	return out, nil
}

func (p *parser) one() (node, error) {
	negated := false
	for {
		if p.word("NOT") {
			negated = !negated
			continue
		}
		if len(p.rest()) > 1 && p.text[p.at] == '-' {
			negated = !negated
			p.at++
			continue
		}
		break
	}
	n, err := p.simple()
	if err != nil {
		return nil, err
	}
	p.space()
	if negated {
		n = not{n}
	}
	return n, nil
}

// simple is a comparison or something in parentheses.
func (p *parser) simple() (node, error) {
	switch {
	case p.rest() == "":
		return nil, p.fail("nothing where a comparison is to stand")
	case p.text[p.at] == '(':
		if p.depth++; p.depth > maxDepth {
			return nil, p.fail("too many parentheses inside each other")
		}
		p.at++
		p.space()
		n, err := p.all()
		if err != nil {
			return nil, err
		}
		if p.rest() == "" {
			return nil, p.fail("no closing parenthesis")
		}
		p.at++
		p.depth--
		return n, nil
	}
	if start := p.at; slices.ContainsFunc([]string{"AND", "OR"}, p.word) {
		p.at = start
		return nil, p.fail("an operator without a left side")
	}
	return p.comparison()
}

func (p *parser) comparison() (node, error) {
	field, quoted, err := p.field()
	if err != nil {
		return nil, err
	}
	c := Comparison{Field: field}
	end := p.at
	p.space()
	for _, op := range operators {
		if strings.HasPrefix(p.rest(), op) {
			c.Op = op
			break
		}
	}
	if c.Op == "" {
		p.at = end
		return Comparison{Value: field, Quoted: quoted}, nil
	}
	if field == "" || quoted {
		return nil, p.fail("no field before " + c.Op)
	}
	p.at += len(c.Op)
	p.space()
	c.Value, c.Quoted, err = p.value()
	return c, err
}

// field reads names parted by dots, each of which may stand in quotes. A text in
// quotes alone is none: quoted is true.
func (p *parser) field() (text string, quoted bool, err error) {
	var out strings.Builder
	for parts := 0; ; {
		if strings.HasPrefix(p.rest(), `"`) {
			part, err := p.quoted()
			if err != nil {
				return "", false, err
			}
			out.WriteString(part)
			quoted = parts == 0
		} else {
			start := p.at
			for p.at < len(p.text) && strings.IndexByte(" \t\r\n()=!<>:\".", p.text[p.at]) < 0 {
				p.at++
			}
			if start == p.at {
				return "", false, p.fail("no text where a field or a text is to stand")
			}
			out.WriteString(p.text[start:p.at])
		}
		parts++
		if !strings.HasPrefix(p.rest(), ".") {
			return out.String(), quoted && parts == 1, nil
		}
		p.at++
		out.WriteByte('.')
	}
}

func (p *parser) value() (text string, quoted bool, err error) {
	if strings.HasPrefix(p.rest(), `"`) {
		text, err = p.quoted()
		return text, true, err
	}
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n()\"", p.text[p.at]) < 0 {
		p.at++
	}
	if start == p.at {
		return "", false, p.fail("no value")
	}
	return p.text[start:p.at], false, nil
}

// quoted reads a text in quotes, in which a backslash hides the next byte.
func (p *parser) quoted() (string, error) {
	start := p.at
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return out.String(), nil
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			out.WriteByte(p.text[p.at])
		default:
			out.WriteByte(c)
		}
	}
	p.at = start
	return "", p.fail("a quote that is not closed")
}
